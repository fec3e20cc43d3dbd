#!/usr/bin/env bash
# Which lines of the core its own tests reach: a table, the lines that none reaches, and 1 when fewer than 95 % are.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/deps.sh coverage

crate=${1:-gwanje-sync}
goal=95
# What an earlier run counted is of other lines.
cargo llvm-cov clean --workspace
tested() { cargo llvm-cov nextest --locked --no-report --status-level fail --final-status-level fail "$@"; }
report() { cargo llvm-cov report -p "$crate" --ignore-filename-regex '/tests(/|\.rs)' "$@"; }

echo "== tests of $crate, with coverage"
tested -p "$crate"
report --summary-only
reached=0
report --summary-only --fail-under-lines "$goal" >/dev/null || reached=1

if [ "$crate" = gwanje-sync ]; then
  echo "== and 300 seeds of the simulation"
  tested -p gwanje-simulation -E 'binary(seeds)'
fi
echo "== lines that none of these reaches; docs/coverage.md says why"
report --show-missing-lines --summary-only | sed -n '/^Uncovered Lines/,$p' | sed "s#$PWD/##"
[ "$reached" -eq 0 ] || { echo "coverage: its own tests reach less than $goal % of the lines of $crate"; exit 1; }
echo "coverage: its own tests reach at least $goal % of the lines of $crate"
