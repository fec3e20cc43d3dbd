#!/usr/bin/env bash
# Everything that shares no code with Gwanje, at leisure: attacks on a hub, a Python client on a real one, our STOMP codec on RabbitMQ, and
# three foreign servers followed for an hour each, six times as long as in `make test`.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/deps.sh test

cargo build --locked -p gwanje-hub-cli -p gwanje-engine --bins
# A hub as it is shipped, under all that strangers do to it.
cargo build --locked --release -p gwanje-hub-cli --bin gwanje-hub
/usr/bin/python3 tests/interop/attacks.py target/release/gwanje-hub

# Day seconds a second: an hour in three minutes.
export GWANJE_FOREIGN_SPEED=${GWANJE_FOREIGN_SPEED:-20}
cargo nextest run --locked -p gwanje-tests --test interop --test foreign_servers --test foreign \
  --no-fail-fast --success-output final --status-level pass
