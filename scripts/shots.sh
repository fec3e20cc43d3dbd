#!/usr/bin/env bash
# Takes a picture of every screen, dialog and state: both languages, both themes, four sizes. Arguments name scenes.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/deps.sh app test
npm --prefix ui run --silent texts
cd ui
exec node shots.mjs "$@"
