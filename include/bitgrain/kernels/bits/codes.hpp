#pragma once

/// Which codes occur, for kernels that work on few bits: lowest + spacing * u for u = 0 .. 2^bits - 1. Every linear
/// grid is of this kind; one-bit weights {-1, +1} have lowest -1, spacing 2, bits 1.

#include <algorithm>
#include <bit>
#include <cstdint>

namespace bitgrain::kernels {

struct BitCodes {
  std::int32_t lowest = 0;
  std::int32_t spacing = 1;  ///< 1 or 2
  int bits = 8;

  std::int32_t highest() const { return lowest + spacing * ((std::int32_t{1} << bits) - 1); }
  bool contains(std::int32_t code) const {
    return code >= lowest && code <= highest() && (code - lowest) % spacing == 0;
  }
  /// u of a code that is contained.
  std::int32_t level(std::int32_t code) const { return (code - lowest) / spacing; }
};

/// The fewest bits that hold `count` codes.
template <class Code>
BitCodes fewest_bits(const Code* codes, std::int64_t count) {
  if (count == 0) return {0, 1, 1};
  std::int32_t low = codes[0], high = codes[0];
  bool one_parity = true;
  for (std::int64_t i = 1; i < count; ++i) {
    low = std::min<std::int32_t>(low, codes[i]);
    high = std::max<std::int32_t>(high, codes[i]);
    one_parity = one_parity && (codes[i] - codes[0]) % 2 == 0;
  }
  const std::int32_t spacing = one_parity && high > low ? 2 : 1;
  const auto levels = static_cast<std::uint32_t>((high - low) / spacing);
  return {low, spacing, std::max(1, static_cast<int>(std::bit_width(levels)))};
}

}  // namespace bitgrain::kernels
