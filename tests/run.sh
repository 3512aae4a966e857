#!/usr/bin/env bash
# Sets up, builds and tests everything: tests/run.sh [PRESET]. Presets: release (default), debug, asan, tsan, portable.
# Exits with 0 only when every header compiles alone, everything builds, and every test passes.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
preset=${1:-release}
case $preset in
  release | debug | asan | tsan | portable) ;;
  *) echo "unknown preset '$preset': release, debug, asan, tsan or portable" >&2; exit 2 ;;
esac

cmake/install_packages.sh cmake ninja-build g++ libeigen3-dev libxsimd-dev zlib1g-dev libstb-dev nlohmann-json3-dev \
  libcli11-dev doctest-dev libglpk-dev || exit 1

# Waiting OpenMP threads sleep soon: by default they spin, which makes a machine that also runs something else crawl.
export GOMP_SPINCOUNT=${GOMP_SPINCOUNT:-10000}

jobs=$(nproc)
command -v ninja >/dev/null && export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}
[ "${CMAKE_GENERATOR:-}" = Ninja ] && keep_going=(-- -k 0) || keep_going=(-- -k)

cmake --preset "$preset" || exit 1
failed=()
# Every header alone, then the programs; what fails does not keep the rest from being built and tested.
cmake --build --preset "$preset" -j "$jobs" --target all_verify_interface_header_sets "${keep_going[@]}" ||
  failed+=("a header does not compile alone")
cmake --build --preset "$preset" -j "$jobs" "${keep_going[@]}" || failed+=("a program does not build")
ctest --preset "$preset" || failed+=("a test fails")

if [ ${#failed[@]} -gt 0 ]; then
  echo "tests/run.sh $preset: FAILED:" >&2
  printf '  %s\n' "${failed[@]}" >&2
  exit 1
fi
echo "tests/run.sh $preset: all passed in ${SECONDS} s"
