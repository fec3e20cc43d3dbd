#!/usr/bin/env bash
# Runs every test and ends with "N passed, N failed", the sum over all runners.
set -uo pipefail
cd "$(dirname "$0")/.."
scripts/deps.sh app test || exit 1

logs=${CARGO_TARGET_DIR:-target}/test-logs
mkdir -p "$logs"
passed=0 failed=0 broken=0

# Adds "N <word>" of the last matching line of a log.
count() { # log, line pattern, word
  grep -aE "$2" "$1" | tail -1 | grep -aoE "[0-9]+ $3" | tail -1 | grep -oE '[0-9]+' || echo 0
}

run() { # name, summary line pattern, command…
  local name=$1 pattern=$2 p f status
  shift 2
  echo "== $name"
  "$@" 2>&1 | sed -E 's/\x1b\[[0-9;]*m//g' | tee "$logs/$name.log"
  status=${PIPESTATUS[0]}
  p=$(count "$logs/$name.log" "$pattern" passed)
  f=$(count "$logs/$name.log" "$pattern" failed)
  passed=$((passed + p)) failed=$((failed + f))
  # A runner that failed without counting a failure (a build error, a crash) must not pass unseen.
  if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then broken=$((broken + 1)); fi
  if [ "$status" -eq 0 ] && [ "$p" -eq 0 ]; then echo "$name ran no test"; broken=$((broken + 1)); fi
}

nextest_summary='^ *Summary \['
npm --prefix ui run --silent build || broken=$((broken + 1))
# The process tests start these binaries, so they are built first.
cargo build --locked --workspace --bins || broken=$((broken + 1))
# The version before this one, which must run beside it on one store.
GWANJE_PREVIOUS_HUB=$(scripts/previous.sh) || broken=$((broken + 1))
export GWANJE_PREVIOUS_HUB
# The simulation lives days in a second, which takes optimised code.
run simulation "$nextest_summary" cargo nextest run --locked -p gwanje-simulation --cargo-profile simulation --no-fail-fast --status-level fail --final-status-level fail
run rust "$nextest_summary" cargo nextest run --locked --workspace --exclude gwanje-simulation --no-fail-fast --status-level fail --final-status-level fail
run ui '^ *Tests +' npm --prefix ui test

# A disk that ran full explains failures that nothing else does.
echo "free at the end: $(df -h --output=avail . /tmp | tail -n +2 | xargs echo) (here, /tmp)"
failed=$((failed + broken))
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
