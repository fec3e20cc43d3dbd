#!/usr/bin/env bash
# Which lines of the core its own tests reach: a table, the lines that none reaches, and 1 when fewer than 95 % are.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/deps.sh coverage

crate=${1:-gwanje-sync}
goal=95
echo "== tests of $crate, with coverage"
cargo llvm-cov nextest --locked -p "$crate" --no-report --status-level fail --final-status-level fail
report() { cargo llvm-cov report -p "$crate" --ignore-filename-regex '/tests(/|\.rs)' "$@"; }
report --summary-only
report --show-missing-lines --summary-only | sed -n '/^Uncovered Lines/,$p' | sed "s#$PWD/##"
report --summary-only --fail-under-lines "$goal" >/dev/null || { echo "coverage: below $goal % of lines"; exit 1; }
echo "coverage: at least $goal % of the lines of $crate"
