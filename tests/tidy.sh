#!/usr/bin/env bash
# Runs clang-tidy-19 with .clang-tidy over every header, or over those named: tests/tidy.sh [FILE...]. Not part of .ci/run.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tidy=${CLANG_TIDY:-clang-tidy-19}
files=("$@")
[ ${#files[@]} -gt 0 ] || mapfile -t files < <(find include -name '*.hpp' | sort)
bad=0
for file in "${files[@]}"; do
  found=$("$tidy" --quiet "$file" -- -x c++ -std=c++20 -march=native -fopenmp -Iinclude -Itests \
    -DBITGRAIN_SOURCE_DIR='""' -isystem /usr/include/eigen3 -isystem /usr/include/stb 2>&1 |
    grep -E ': (warning|error):' | sort -u)
  # A header is looked at with those it includes: show what lies in the file itself.
  found=$(grep -F "$file:" <<<"$found")
  [ -z "$found" ] || { echo "$found"; bad=1; }
done
exit $bad
