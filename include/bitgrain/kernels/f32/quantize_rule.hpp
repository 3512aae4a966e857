#pragma once

#include <cstdint>

namespace bitgrain::kernels {

/// How a real number v = x / step becomes a code.
enum class Rounding : std::uint8_t {
  kHalfUp,    ///< floor(v + 1/2): activations
  kHalfEven,  ///< nearest, ties to even: weights
  kSign,      ///< +1 for v >= 0, else -1: one-bit weights
};

/// Clip to [low, high], then round.
struct QuantizeRule {
  std::int32_t low = 0, high = 255;
  Rounding rounding = Rounding::kHalfUp;
};

}  // namespace bitgrain::kernels
