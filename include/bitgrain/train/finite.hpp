#pragma once

/// Values that are no numbers: whether there are any, at the price of reading them once.

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/nn/module.hpp"

namespace bitgrain {

/// Whether every element is finite: neither NaN nor infinite.
inline bool all_finite(const Tensor<float>& t) {
  constexpr std::int64_t kGrain = 1 << 16;
  constexpr std::uint32_t kExponent = 0x7F800000u;  // all ones: infinite or NaN
  std::atomic<bool> bad{false};
  const float* values = t.data();
  parallel_for(t.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    std::uint32_t found = 0;
    for (std::int64_t i = begin; i < end; ++i)
      found |= (std::bit_cast<std::uint32_t>(values[i]) & kExponent) == kExponent ? 1u : 0u;
    if (found != 0) bad.store(true, std::memory_order_relaxed);
  });
  return !bad.load();
}

/// "3 of 4096 values": how many are not finite.
inline std::string not_finite_text(const Tensor<float>& t) {
  const auto bad = std::count_if(t.data(), t.data() + t.numel(), [](float v) { return !std::isfinite(v); });
  return detail::concat(bad, " of ", t.numel(), " values");
}

/// The largest magnitude among the finite elements; 0 if there are none.
inline float largest_finite(const Tensor<float>& t) {
  float largest = 0;
  for (std::int64_t i = 0; i < t.numel(); ++i)
    if (std::isfinite(t[i])) largest = std::max(largest, std::abs(t[i]));
  return largest;
}

/// The name of the first parameter whose gradient is not finite; empty if all are.
inline std::string first_bad_gradient(const std::vector<Module<float>::Parameter>& parameters) {
  for (const auto& p : parameters)
    if (p.var.grad().defined() && !all_finite(p.var.grad())) return p.name;
  return {};
}

}  // namespace bitgrain
