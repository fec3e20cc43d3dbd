#!/usr/bin/env bash
# Builds the hub of the version before this one, which must run beside it on one store, and prints where it is. The commit
# stands in tests/previous-version. A checkout without its history has none: then nothing is printed, and why goes to stderr.
set -euo pipefail
cd "$(dirname "$0")/.."
commit=$(tr -d '[:space:]' < tests/previous-version)
folder=$(realpath -m "${CARGO_TARGET_DIR:-target}")/previous
hub=$folder/gwanje-hub-$commit
if [ ! -x "$hub" ]; then
  if ! git cat-file -e "$commit^{commit}" 2>/dev/null; then
    echo "this checkout lacks $commit: the version before is not tried" >&2
    exit 0
  fi
  rm -rf "$folder/source"
  mkdir -p "$folder/source"
  git archive "$commit" | tar -x -C "$folder/source"
  (cd "$folder/source" && CARGO_TARGET_DIR=$folder/build cargo build --locked -p gwanje-hub-cli --no-default-features --bin gwanje-hub >&2)
  cp "$folder/build/debug/gwanje-hub" "$hub"
  # Its dependencies are of no further use, and large.
  rm -rf "$folder/build" "$folder/source"
fi
echo "$hub"
