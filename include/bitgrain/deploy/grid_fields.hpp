#pragma once

/// Weight codes and the fields of b bits that stand for them in a packed file.
///
///     unsigned    field = code
///     signed      field = code + 2^(b-1)                 one bit: 0 is -1, 1 is +1
///     symmetric   field = code + 2^(b-1) - 1             one bit: as signed; the highest field stands for nothing
///     odd         field = (code + 2^b - 1) / 2
///     pow2        highest bit the sign, the rest e: +-2^e, or, where zero occurs, 0 for zero and e + 1 for +-2^e
///     planes      highest bit the sign, the rest the bits of |code| in the open planes, lowest first;
///                 one bit: the sign alone, of the only magnitude
///
/// The last two depend on which codes occur: the `layout` byte says whether zero does, or which planes are open.

#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "bitgrain/base/check.hpp"
#include "bitgrain/tensor/qtensor.hpp"

namespace bitgrain::deploy {

/// Both directions as tables, for one grid, bit-width and layout.
class GridFields {
 public:
  /// Error unless the grid exists and 1 <= bits <= 8.
  GridFields(Grid grid, int bits, std::uint8_t layout) : bits_(bits) {
    BITGRAIN_CHECK(grid <= Grid::kPlanes, "grid number ", static_cast<int>(grid), " does not exist");
    BITGRAIN_CHECK(bits >= 1 && bits <= 8, "weight codes need 1 to 8 bits, got ", bits);
    field_of_.fill(kNone);
    code_of_.fill(kNone);
    for (int field = 0; field < 1 << bits; ++field) {
      const int code = decode(grid, bits, layout, field);
      if (code < -128 || code > 127) continue;
      std::int16_t& known = field_of_[slot(code)];
      if (known != kNone) continue;
      known = static_cast<std::int16_t>(field);
      code_of_[static_cast<std::size_t>(field)] = static_cast<std::int16_t>(code);
    }
  }
  /// The fields that fit these codes.
  GridFields(Grid grid, int bits, std::span<const std::int8_t> codes)
      : GridFields(grid, bits, layout_of(grid, codes)) {}

  static constexpr std::int16_t kNone = INT16_MIN;
  int bits() const { return bits_; }
  /// The field of a code, or kNone if the code is not on the grid.
  std::int16_t field(std::int8_t code) const { return field_of_[slot(code)]; }
  /// The code of a field below 2^bits, or kNone if it stands for nothing.
  std::int16_t code(std::uint8_t field) const { return code_of_[field]; }

  /// pow2: 1 if zero occurs; planes: the mask of planes that occur; 0 for other grids.
  static std::uint8_t layout_of(Grid grid, std::span<const std::int8_t> codes) {
    if (grid != Grid::kPow2 && grid != Grid::kPlanes) return 0;
    Occurring occurring;
    for (const std::int8_t code : codes) occurring.add(code);
    return layout_of(grid, occurring);
  }

  /// What layouts depend on.
  struct Occurring {
    int planes = 0;  ///< all bits of magnitudes
    bool zero = false;
    void add(std::int8_t code) {
      planes |= code < 0 ? -code : code;
      zero = zero || code == 0;
    }
  };
  static std::uint8_t layout_of(Grid grid, const Occurring& codes) {
    if (grid == Grid::kPow2) return codes.zero ? 1 : 0;
    return grid == Grid::kPlanes ? static_cast<std::uint8_t>(codes.planes) : std::uint8_t{0};
  }

 private:
  static std::size_t slot(int code) {
    const int at = code + 128;
    return static_cast<std::size_t>(at);
  }
  static constexpr int kNothing = 1000;  // beyond every code

  static int decode(Grid grid, int bits, std::uint8_t layout, int field) {
    const int half = 1 << (bits - 1), top = 2 * half - 1;
    const int sign = field & half ? -1 : 1, rest = field & (half - 1);
    switch (grid) {
      case Grid::kUnsigned:
        return field;
      case Grid::kSigned:
        return bits == 1 ? 2 * field - 1 : field - half;
      case Grid::kSymmetric:
        if (bits == 1) return 2 * field - 1;
        return field == top ? kNothing : field - (half - 1);
      case Grid::kOdd:
        return 2 * field - top;
      case Grid::kPow2: {
        const int exponent = layout != 0 ? rest - 1 : rest;
        if (exponent < 0) return sign > 0 ? 0 : kNothing;
        return exponent > 7 ? kNothing : sign * (1 << exponent);
      }
      default:
        return planes(bits, layout, sign, rest);
    }
  }

  static int planes(int bits, std::uint8_t mask, int sign, int rest) {
    if (bits == 1) return sign * mask;
    const int open = std::popcount(mask);
    if (open > bits - 1 || rest >= 1 << open) return kNothing;
    int magnitude = 0;
    for (int plane = 0, bit = 0; plane < 8; ++plane)
      if (mask & (1 << plane)) magnitude |= ((rest >> bit++) & 1) << plane;
    return magnitude == 0 && sign < 0 ? kNothing : sign * magnitude;
  }

  int bits_;
  std::array<std::int16_t, 256> field_of_;
  std::array<std::int16_t, 256> code_of_;
};

}  // namespace bitgrain::deploy
