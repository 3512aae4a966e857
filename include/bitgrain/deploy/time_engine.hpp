#pragma once

/// How long an engine takes for one image alone.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <vector>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/deploy/engine.hpp"

namespace bitgrain::deploy {

/// Nanoseconds from bytes to logits, on one thread; the shortest of as many runs as take `seconds`, at least three.
inline double time_engine(const Engine& engine, double seconds = 0.1) {
  using Clock = std::chrono::steady_clock;
  const std::vector<std::uint8_t> image(static_cast<std::size_t>(engine.image_bytes()), std::uint8_t{128});
  std::vector<float> logits(static_cast<std::size_t>(engine.outputs()));
  const int threads = num_threads();
  set_num_threads(1);
  double least = std::numeric_limits<double>::infinity();
  const auto start = Clock::now();
  constexpr int kLeastRuns = 3;
  for (int run = 0; run < kLeastRuns || std::chrono::duration<double>(Clock::now() - start).count() < seconds;
       ++run) {
    const auto before = Clock::now();
    engine.run_real(image.data(), 1, logits.data());
    least = std::min(least, std::chrono::duration<double, std::nano>(Clock::now() - before).count());
  }
  set_num_threads(threads);
  return least;
}

}  // namespace bitgrain::deploy
