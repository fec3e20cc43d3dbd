#!/usr/bin/env bash
# Everything that shares no code with Gwanje, at leisure: a Python client on a real hub, our STOMP codec on RabbitMQ, and
# three foreign servers followed for an hour each, six times as long as in `make test`.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/deps.sh test

cargo build --locked -p gwanje-hub-cli -p gwanje-engine --bins
# Day seconds a second: an hour in three minutes.
export GWANJE_FOREIGN_SPEED=${GWANJE_FOREIGN_SPEED:-20}
cargo nextest run --locked -p gwanje-tests --test interop --test foreign_servers --test foreign \
  --no-fail-fast --success-output final --status-level pass
