#pragma once

// The speed of memory that a row could reach, measured beside it.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "bitgrain/base/random.hpp"
#include "bitgrain/kernels/f32/elementwise.hpp"
#include "bitgrain/tensor/tensor.hpp"

inline bitgrain::Tensor<float> random_tensor(const bitgrain::Shape& shape, std::uint64_t seed = 1) {
  bitgrain::Tensor<float> t(shape);
  bitgrain::RandomStream random(seed, "bench");
  for (float& v : t.mutable_values()) v = static_cast<float>(random.uniform(-1, 1));
  return t;
}

// GB/s of a[i] = b[i] + 3 c[i] over arrays of n floats, the fastest of a few runs; every array counts once.
inline double triad_gbps(std::int64_t n) {
  using namespace bitgrain;
  const Tensor<float> b = random_tensor(Shape{n}, 2), c = random_tensor(Shape{n}, 3);
  Tensor<float> a(Shape{n}, 0.0F);
  float* to = a.mutable_data();
  double best = 0;
  for (int run = 0; run < 20; ++run) {
    const auto start = std::chrono::steady_clock::now();
    kernels::map(
        n, to, [](auto u, auto v) { return kernels::multiply_add(decltype(u)(3.0F), v, u); }, b.data(), c.data());
    benchmark::ClobberMemory();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    best = std::max(best, 12e-9 * static_cast<double>(n) / taken.count());
  }
  return best;
}
