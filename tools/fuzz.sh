#!/usr/bin/env bash
# Runs every fuzz test of the repository for a while each: tools/fuzz.sh 30s
set -euo pipefail
cd "$(dirname "$0")/.."
for_each=${1:-30s}
grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u | while read -r dir; do
  grep -hoE '^func (Fuzz[A-Za-z0-9_]+)' "$dir"/*_test.go | awk '{print $2}' | sort -u | while read -r name; do
    echo "== $dir $name"
    # minimising what is merely new would take most of the time
    go test "$dir" -run '^$' -fuzz "^$name\$" -fuzztime "$for_each" -fuzzminimizetime 5x
  done
done
