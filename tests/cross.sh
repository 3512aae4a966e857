#!/usr/bin/env bash
# The kernels' tests on other processors: built for their instruction sets and run under emulation; prints a table.
#   tests/cross.sh [ROW...]     rows: native haswell nehalem aarch64 dispatch; default: all
# haswell has AVX2 and FMA, nehalem SSE4.2, aarch64 NEON. The row dispatch builds one program with BITGRAIN_DISPATCH=ON and
# runs it here and on both emulated processors. At -O3, as users build: compilers make mistakes of their own there.
# Installs the cross compiler and QEMU where they are missing.
# Emulation is slow, so this is not part of .ci/run.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
rows=("$@")
[ ${#rows[@]} -gt 0 ] || rows=(native haswell nehalem aarch64 dispatch)
jobs=${JOBS:-$(nproc)}
for row in "${rows[@]}"; do
  case $row in
    native | haswell | nehalem | aarch64 | dispatch) ;;
    *) echo "unknown row '$row': native, haswell, nehalem, aarch64 or dispatch" >&2; exit 2 ;;
  esac
done

packages=(cmake ninja-build g++ libeigen3-dev libxsimd-dev doctest-dev)
case " ${rows[*]} " in *" haswell "* | *" nehalem "* | *" dispatch "*) [ "$(uname -m)" = x86_64 ] && packages+=(qemu-user-static) ;; esac
case " ${rows[*]} " in *" aarch64 "*) packages+=(qemu-user-static g++-aarch64-linux-gnu) ;; esac
cmake/install_packages.sh "${packages[@]}" || exit 1
command -v ninja >/dev/null && export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}

bad=0
table=$(printf '%-9s %-12s %-8s %-8s %s' row instructions programs tests seconds)
verdict() { "$@" >>"$log" 2>&1 && echo ok || echo FAILED; }
for row in "${rows[@]}"; do
  options=(-DBITGRAIN_NATIVE=OFF) runs=("")  # each run: an emulator and its arguments, or nothing
  case $row in
    native) options=(-DBITGRAIN_NATIVE=ON) isa=native ;;
    haswell) options+=(-DCMAKE_CXX_FLAGS=-march=haswell) runs=("qemu-x86_64-static -cpu Haswell") isa=AVX2 ;;
    nehalem) options+=(-DCMAKE_CXX_FLAGS=-march=nehalem) runs=("qemu-x86_64-static -cpu Nehalem") isa=SSE4.2 ;;
    aarch64)
      options+=(-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++
        "-Dxsimd_DIR=/usr/lib/$(uname -m)-linux-gnu/cmake/xsimd")  # headers only, whatever the folder is called
      runs=("qemu-aarch64-static -L /usr/aarch64-linux-gnu") isa=NEON
      ;;
    dispatch)
      options+=(-DBITGRAIN_DISPATCH=ON) isa=chosen
      runs=("" "env BITGRAIN_EXPECTED_KERNELS=avx2 qemu-x86_64-static -cpu Haswell"
            "env BITGRAIN_EXPECTED_KERNELS=sse42 qemu-x86_64-static -cpu Nehalem")
      [ "$(uname -m)" = x86_64 ] || runs=("")
      ;;
  esac
  build=build/cross/$row log=$PWD/build/cross/$row.log start=$SECONDS
  mkdir -p build/cross && : >"$log"
  echo "--- $row; log in build/cross/$row.log"
  programs=- tests=-
  if [ "$(verdict cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O3 \
            -DBITGRAIN_BUILD_EXAMPLES=OFF "${options[@]}")" = ok ]; then
    programs=$(verdict cmake --build "$build" -j "$jobs" --target test_base test_kernels)
    if [ "$programs" = ok ]; then
      tests=ok
      for run in "${runs[@]}"; do
        for program in test_base test_kernels; do
          # shellcheck disable=SC2086 # a run is a command and its arguments
          [ "$(cd "$build" && verdict $run "./bin/$program")" = ok ] || tests=FAILED
        done
      done
    fi
  else
    programs=FAILED
  fi
  [ "$programs $tests" = "ok ok" ] || bad=1
  table+=$'\n'$(printf '%-9s %-12s %-8s %-8s %s' "$row" "$isa" "$programs" "$tests" $((SECONDS - start)))
done
echo "$table"
exit $bad
