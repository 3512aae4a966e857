#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/deploy/engine.hpp"
#include "bitgrain/deploy/interpreter.hpp"

namespace bitgrain::deploy {

/// How often the engine and the interpreter disagreed: codes compared and codes that differ, over all values of all
/// images.
struct Verification {
  std::int64_t codes = 0, mismatched = 0;
};

/// Runs every image [count,H,W,C] of raw bytes through the engine and through the scalar interpreter, which share no
/// kernel and no epilogue, and compares every code of every value. Integer arithmetic only. `times` choose the
/// engine's kernels.
inline Verification verify(const IntegerNetwork& network, const std::uint8_t* images, std::int64_t count,
                           const KernelTable& times = shipped_kernel_times()) {
  BITGRAIN_CHECK(network.arithmetic == Arithmetic::kInteger,
                 "only networks in integer arithmetic can be verified code by code");
  const Engine engine(network, times);
  const Interpreter interpreter(network);
  const std::int64_t bytes = network.values[0].numel();
  std::atomic<std::int64_t> codes{0}, mismatched{0};
  parallel_for(count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto fast = engine.run_all_values(images + i * bytes);
      const auto slow = interpreter.run(images + i * bytes);
      for (std::size_t v = 0; v < slow.size(); ++v) {
        BITGRAIN_CHECK(fast[v].size() == slow[v].size(), "value '", network.values[v].name, "': the engine made ",
                       fast[v].size(), " codes, the interpreter ", slow[v].size());
        for (std::size_t k = 0; k < slow[v].size(); ++k) mismatched += fast[v][k] != slow[v][k];
        codes += static_cast<std::int64_t>(slow[v].size());
      }
    }
  });
  return {codes, mismatched};
}

}  // namespace bitgrain::deploy
