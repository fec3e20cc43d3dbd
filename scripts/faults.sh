#!/usr/bin/env bash
# The long fault runs: kill -9 in rounds and a storm of changes on real processes, then the simulation of every fault.
# GWANJE_SEEDS sets how many seeds are simulated (10000), GWANJE_ROUNDS how many rounds of each kind are run (200),
# GWANJE_STORM how many orders a storm has (40000), GWANJE_FLOOD how many changes a second a flood has (10000), GWANJE_SEED
# where the dice of the rounds begin (1), GWANJE_SEATS how many seats come back to a hub that is killed (2000).
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/deps.sh faults
target=${CARGO_TARGET_DIR:-target}
rounds=${GWANJE_ROUNDS:-200}
# Longer than everything takes on two slow cores; what hangs is ended and counted as failed.
rounds_at_most=50m
seeds_at_most=120m

echo "== building"
cargo build --locked --release -p gwanje-hub-cli -p gwanje-engine -p gwanje-tests -p gwanje-simulation --bins

failed=0
echo "== real processes"
timeout --kill-after=30 "$rounds_at_most" "$target/release/gwanje-rounds" --app "$rounds" --hub "$rounds" \
  --storm "${GWANJE_STORM:-40000}" --flood "${GWANJE_FLOOD:-10000}" --seed "${GWANJE_SEED:-1}" || failed=1
# All seats of a hub that is killed come back, and not as a herd.
timeout --kill-after=30 "$rounds_at_most" "$target/release/gwanje-storm" --sessions "${GWANJE_SEATS:-2000}" || failed=1
if [ "$failed" -ne 0 ]; then echo "faults: FAILED on real processes (above); the simulation follows"; fi

echo "== simulation"
# Its last line is the last line of all.
timeout --kill-after=30 "$seeds_at_most" "$target/release/gwanje-faults" --seeds "${GWANJE_SEEDS:-10000}" || failed=1
exit "$failed"
