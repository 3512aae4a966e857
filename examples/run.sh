#!/usr/bin/env bash
# The quick start: installs what is missing, builds, trains ResNet-8 on the MNIST images that ship with the repository,
# lets LIMPQ find bits under a budget, fine-tunes, packs, and checks the integers in a process of their own.
# A few minutes on two cores. Results: runs/quickstart.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cmake/install_packages.sh cmake ninja-build g++ libeigen3-dev libxsimd-dev zlib1g-dev libstb-dev nlohmann-json3-dev doctest-dev
command -v ninja >/dev/null && export CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}

# Waiting OpenMP threads sleep soon: by default they spin, which makes a machine that also runs something else crawl.
export GOMP_SPINCOUNT=${GOMP_SPINCOUNT:-10000}

began=$(date +%s)
echo "Building"
mkdir -p build
{ cmake --preset release && cmake --build --preset release -j "$(nproc)" --target mnist_limpq verify_model; } \
  >build/quickstart.log 2>&1 || { tail -n 40 build/quickstart.log; exit 1; }

rm -rf runs/quickstart
build/release/bin/mnist_limpq examples/data/mnist runs/quickstart
build/release/bin/verify_model runs/quickstart/model.bgm examples/data/mnist runs/quickstart/summary.json "$began"
echo "done in $(($(date +%s) - began)) s; runs/quickstart/summary.json holds the figures"
