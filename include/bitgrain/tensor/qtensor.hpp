#pragma once

/// Integer codes and what they mean.

#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

#include "bitgrain/tensor/tensor.hpp"

namespace bitgrain {

/// Which integer codes exist at b bits. Codes are always linear integers, value = step * (code - zero_point); the
/// grid tells which of them occur and so into how few bits they pack.
enum class Grid : std::uint8_t {
  kUnsigned,   ///< 0 .. 2^b - 1
  kSigned,     ///< -2^(b-1) .. 2^(b-1) - 1; at one bit -1 and +1
  kSymmetric,  ///< -(2^(b-1) - 1) .. 2^(b-1) - 1; at one bit -1 and +1
  kOdd,        ///< 2c - (2^b - 1) for c = 0 .. 2^b - 1: the odd integers (bipolar, DoReFa)
  kPow2,       ///< 0 and +-2^e
  kPlanes,     ///< bit-level weights under a mask of open planes
};

constexpr std::string_view to_string(Grid grid) {
  constexpr std::string_view names[] = {"unsigned", "signed", "symmetric", "odd", "pow2", "planes"};
  return names[static_cast<std::size_t>(grid)];
}

/// Smallest and largest code of a grid.
struct CodeRange {
  std::int32_t low = 0, high = 0;
};
/// The range of the codes at `bits` = 1..30 bits. (For kPow2 and kPlanes the range that b bits of magnitude could
/// span.)
constexpr CodeRange code_range(Grid grid, int bits) {
  BITGRAIN_CHECK(bits >= 1 && bits <= 30, "codes have 1 to 30 bits, got ", bits);
  const std::int32_t half = std::int32_t{1} << (bits - 1);
  switch (grid) {
    case Grid::kUnsigned:
      return {0, 2 * half - 1};
    case Grid::kSigned:
      return bits == 1 ? CodeRange{-1, 1} : CodeRange{-half, half - 1};
    case Grid::kSymmetric:
      return bits == 1 ? CodeRange{-1, 1} : CodeRange{-(half - 1), half - 1};
    default:
      return {-(2 * half - 1), 2 * half - 1};
  }
}

/// Whether `code` occurs at `bits` bits. (For kPow2 and kPlanes: whether it lies in the range.)
constexpr bool on_grid(Grid grid, int bits, std::int64_t code) {
  const CodeRange range = code_range(grid, bits);
  if (code < range.low || code > range.high) return false;
  if (grid == Grid::kOdd) return code % 2 != 0;
  return bits > 1 || code != 0 || (grid != Grid::kSigned && grid != Grid::kSymmetric);
}

/// How a tensor of real values stands for integers: value = step * (code - zero_point).
struct QuantInfo {
  Grid grid = Grid::kUnsigned;
  int bits = 8;
  std::vector<double> step;  ///< one for the tensor, or one per output channel (the leading dimension of weights)
  std::int32_t zero_point = 0;

  bool per_channel() const { return step.size() > 1; }
  double step_of(std::int64_t channel) const { return step[per_channel() ? static_cast<std::size_t>(channel) : 0]; }
  CodeRange range() const { return code_range(grid, bits); }
};

/// Integer codes with their meaning.
struct QTensor {
  QuantInfo info;
  Tensor<std::int32_t> codes;
};

/// The codes of values that lie on the grid of `info`: exact, because value = step * (code - zero_point) up to the
/// rounding of step and product to float (2^-23 relative), so value / step is near one integer and no other. Throws
/// Error if a value is not on the grid.
template <class T>
QTensor recover_codes(const Tensor<T>& values, const QuantInfo& info) {
  QTensor result{info, Tensor<std::int32_t>(values.shape())};
  const std::int64_t channels = static_cast<std::int64_t>(info.step.size());
  const std::int64_t per_step = channels > 0 ? values.numel() / channels : 0;
  BITGRAIN_CHECK(channels >= 1 && per_step * channels == values.numel(), "a tensor of shape ", values.shape(),
                 " cannot have ", channels, " steps");
  std::int32_t* codes = result.codes.mutable_data();
  const T* value = values.data();
  for (std::int64_t c = 0; c < channels; ++c) {
    const double step = info.step[static_cast<std::size_t>(c)];
    for (std::int64_t i = c * per_step; i < (c + 1) * per_step; ++i) {
      const double quotient = static_cast<double>(value[i]) / step;
      const double nearest = std::nearbyint(quotient);
      BITGRAIN_CHECK(std::abs(quotient - nearest) < 1e-3 + std::abs(nearest) * 0x1p-22 && std::abs(nearest) < 0x1p31,
                     "value ", value[i], " at ", i, " is no multiple of the step ", step);
      const std::int64_t code = static_cast<std::int64_t>(nearest) + info.zero_point;
      BITGRAIN_CHECK(on_grid(info.grid, info.bits, code), "value ", value[i], " at ", i, " has code ", code,
                     ", which the ", to_string(info.grid), " grid does not have at ", info.bits, " bits");
      codes[i] = static_cast<std::int32_t>(code);
    }
  }
  return result;
}

}  // namespace bitgrain
