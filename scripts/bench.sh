#!/usr/bin/env bash
# Runs the benchmarks and writes target/bench/*.json and the table of docs/measurements.md. Arguments name rows: P1 P7.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/deps.sh app test
npm --prefix ui run --silent build
# Built together and run as built: a second cargo command would choose other features and build half of it again.
cargo build --locked --release -p gwanje -p gwanje-hub-cli -p gwanje-tests
exec "${CARGO_TARGET_DIR:-target}/release/gwanje-bench" "$@"
