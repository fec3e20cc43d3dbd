#!/usr/bin/env bash
# Fuzzes every target (or those named as arguments), two at a time. GWANJE_FUZZ_SECONDS: for each target (600).
# Ends with targets, seconds, executions and crashes. A crash leaves its input under target/fuzz/<target>/found: put it into
# fuzz/corpus/<target> with a name that says what was wrong, see the test fail, and repair what it found.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/deps.sh fuzz

seconds=${GWANJE_FUZZ_SECONDS:-600}
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  for folder in fuzz/corpus/*/; do targets+=("$(basename "$folder")"); done
fi
work=${CARGO_TARGET_DIR:-target}/fuzz
mkdir -p "$work"
work=$(cd "$work" && pwd)
host=$(rustc -vV | sed -n 's/^host: //p')

# The switch lets the stable toolchain take the sanitizers' flags; nothing else of a nightly one is used.
(cd fuzz && RUSTC_BOOTSTRAP=1 cargo fuzz build --target-dir "$work/build")

# Cache files are written thousands of times a second: to memory where there is some.
scratch=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")/gwanje-fuzz.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

run() { # target
  local target=$1 options=()
  rm -rf "${work:?}/$target"
  mkdir -p "$work/$target/found" "$work/$target/corpus"
  [ -f "fuzz/dictionaries/$target" ] && options+=("-dict=fuzz/dictionaries/$target")
  # What is found beyond the committed corpus goes into the first folder. Memory and time are bounded: an input that needs
  # more is a finding.
  # (The address sanitizer takes constants that SQLite is linked with twice for two definitions; cargo-fuzz says so, too.)
  ASAN_OPTIONS=detect_odr_violation=0:quarantine_size_mb=16 TMPDIR=$scratch "$work/build/$host/release/$target" "$work/$target/corpus" "fuzz/corpus/$target" \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=16384 -print_final_stats=1 \
    -artifact_prefix="$work/$target/found/" "${options[@]}" >"$work/$target/log" 2>&1 || true
}

figure() { # target, name
  sed -n "s/^stat::$2: *//p" "$work/$1/log" | tail -1
}

for target in "${targets[@]}"; do
  while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
  run "$target" &
done
wait

all=0 crashes=0 broken=0
for target in "${targets[@]}"; do
  executions=$(figure "$target" number_of_executed_units)
  coverage=$(grep -oE 'cov: [0-9]+' "$work/$target/log" | tail -1 | grep -oE '[0-9]+' || true)
  found=$(find "$work/$target/found" -type f | wc -l)
  echo "$target: ${executions:-0} executions, ${coverage:-0} edges, $(figure "$target" peak_rss_mb) MB at most, $found crashes"
  all=$((all + ${executions:-0})) crashes=$((crashes + found))
  # A target that ended without its figures did not run to the end: that must not pass unseen.
  if [ -z "$executions" ] || { [ "$found" -gt 0 ] && tail -40 "$work/$target/log"; }; then broken=$((broken + 1)); fi
done
echo "fuzz: ${#targets[@]} targets, $seconds s each, $all executions, $crashes crashes"
[ "$broken" -eq 0 ]
