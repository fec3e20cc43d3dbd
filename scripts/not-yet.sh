#!/usr/bin/env bash
# Says that a target is not built yet, and fails: a target never pretends.
echo "make $1: not available yet: $2." >&2
exit 1
