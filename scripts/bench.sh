#!/usr/bin/env bash
# Runs the benchmarks and writes target/bench/*.json and the table of docs/measurements.md.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/deps.sh app test
npm --prefix ui run --silent build
npm --prefix tests/peers ci --no-audit --no-fund --loglevel=error
cargo build --locked --release -p gwanje -p gwanje-hub -p gwanje-engine -p gwanje-tests
exec dbus-run-session -- xvfb-run -a -s '-screen 0 1440x900x24' \
  cargo run --locked --release -p gwanje-tests --bin gwanje-bench -- "$@"
