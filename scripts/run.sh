#!/usr/bin/env bash
# Builds everything, then opens the app with a demo hub beside it.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
  echo "make run: there is no display. On a desktop, run it in a terminal of the session; on a server, try:" >&2
  echo "  xvfb-run -a dbus-run-session make run          # a virtual display" >&2
  echo "  cargo run --release --bin gwanje-hub -- demo       # the hub alone, for gwanje-watch or your own client" >&2
  exit 1
fi
scripts/deps.sh app
npm --prefix ui run --silent build
cargo build --locked --release -p gwanje -p gwanje-hub-cli
exec "${CARGO_TARGET_DIR:-target}/release/gwanje" --demo "$@"
