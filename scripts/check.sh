#!/usr/bin/env bash
# Everything that must hold before a change lands, except the tests themselves.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/deps.sh app check

step() { echo "== $*"; "$@"; }
step cargo fmt --all --check
step npm --prefix ui run --silent build
step cargo clippy --locked --workspace --all-targets -- -D warnings
# Advisories need the network's database; licences, sources and bans are decided here.
step cargo deny --offline --log-level error check bans licenses sources
step npm --prefix ui run --silent check
echo "check: clean"
