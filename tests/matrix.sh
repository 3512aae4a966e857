#!/usr/bin/env bash
# Builds and tests with both compilers, warnings as errors, and under the sanitizers; prints a table. Not part of .ci/run.
#   tests/matrix.sh [ROW...]     rows: gcc clang asan tsan asan-clang debug portable; default: the first four
# GCC and CLANG name the compilers (g++ and clang++-19). OpenMP with clang needs libomp-19-dev, else it runs serially.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
gcc=${GCC:-g++}
clang=${CLANG:-clang++-19}
rows=("$@")
[ ${#rows[@]} -gt 0 ] || rows=(gcc clang asan tsan)
jobs=${JOBS:-$(nproc)}
export GOMP_SPINCOUNT=${GOMP_SPINCOUNT:-10000}  # waiting threads sleep soon
command -v ninja >/dev/null && export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}
[ "${CMAKE_GENERATOR:-}" = Ninja ] && keep_going=(-- -k 0) || keep_going=(-- -k)

bad=0
table=$(printf '%-11s %-9s %-8s %-8s %-8s %s' row compiler headers programs tests seconds)
verdict() { "$@" >>"$log" 2>&1 && echo ok || echo FAILED; }
for row in "${rows[@]}"; do
  case $row in
    gcc) preset=release compiler=$gcc ;;
    clang) preset=release compiler=$clang ;;
    asan | tsan | debug | portable) preset=$row compiler=$gcc ;;
    asan-clang) preset=asan compiler=$clang ;;
    *) echo "unknown row '$row'" >&2; exit 2 ;;
  esac
  build=build/matrix/$row log=build/matrix/$row.log start=$SECONDS
  mkdir -p build/matrix && : >"$log"
  echo "--- $row: $compiler, preset $preset; log in $log"
  headers=- programs=- tests=-
  # Whether a header compiles alone is the compiler's business, not the sanitizer's.
  case $row in gcc | clang) alone=yes ;; *) alone=no ;; esac
  if [ "$(verdict cmake --preset "$preset" -B "$build" -DCMAKE_CXX_COMPILER="$compiler" \
            -DCMAKE_COMPILE_WARNING_AS_ERROR=ON)" = ok ]; then
    [ $alone = yes ] &&
      headers=$(verdict cmake --build "$build" -j "$jobs" --target all_verify_interface_header_sets "${keep_going[@]}")
    programs=$(verdict cmake --build "$build" -j "$jobs" "${keep_going[@]}")
    tests=$(verdict ctest --test-dir "$build" --output-on-failure)
  fi
  for result in "$headers" "$programs" "$tests"; do [ "$result" != FAILED ] || bad=1; done
  [ "$tests" = ok ] || bad=1
  table+=$'\n'$(printf '%-11s %-9s %-8s %-8s %-8s %s' "$row" "${compiler##*/}" "$headers" "$programs" "$tests" \
                  $((SECONDS - start)))
done
echo "$table"
exit $bad
