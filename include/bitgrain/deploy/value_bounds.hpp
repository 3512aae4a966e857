#pragma once

/// How large the elements of a value can become: what keeps 32-bit accumulators and 64-bit requantization from
/// overflowing, whatever the image.

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "bitgrain/deploy/integer_network.hpp"

namespace bitgrain::deploy {

/// Accumulators stay below this in magnitude. At 8 x 8 bits that allows 65793 products.
inline constexpr std::int64_t kAccumulatorLimit = std::int64_t{1} << 31;

/// The codes a value of type kU8 or kS8 may hold: 0 .. 2^b - 1, or -2^(b-1) .. 2^(b-1) - 1 (-1 .. 1 at one bit).
/// The whole of int32 for kS32.
template <class Text>
CodeRange code_range(const BasicValue<Text>& value) {
  if (value.type == ValueType::kU8) return code_range(Grid::kUnsigned, value.bits);
  if (value.type == ValueType::kS8) return code_range(Grid::kSigned, value.bits);
  return {INT32_MIN, INT32_MAX};
}

/// Largest |code| of a value of codes.
template <class Text>
std::int64_t code_bound(const BasicValue<Text>& value) {
  const CodeRange range = code_range(value);
  return std::max(std::abs(std::int64_t{range.low}), std::abs(std::int64_t{range.high}));
}

/// Largest |accumulator|: the largest sum of |w| over the output channels, times the largest |code| of the input.
inline std::int64_t accumulator_bound(const ConvOp& op, const Value& input) {
  const std::int64_t k = op.geometry.window.kernel_h * op.geometry.window.kernel_w * op.geometry.group_in();
  std::int64_t largest = 0;
  for (std::int64_t o = 0; o < op.geometry.out_channels; ++o) {
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < k; ++i)
      sum += std::abs(std::int64_t{op.weights.codes[static_cast<std::size_t>(o * k + i)]});
    largest = std::max(largest, sum);
  }
  return largest * code_bound(input);
}

/// Largest |sum| of an exact pooling sum.
template <class Text>
std::int64_t sum_bound(const SumPoolOp& op, const BasicValue<Text>& input) {
  return op.geometry.window.kernel_h * op.geometry.window.kernel_w * code_bound(input);
}

}  // namespace bitgrain::deploy
