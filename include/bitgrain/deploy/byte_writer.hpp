#pragma once

/// Numbers and text to bytes, little-endian whatever the machine.

#include <bit>
#include <cstdint>
#include <string_view>
#include <vector>

namespace bitgrain::deploy {

class ByteWriter {
 public:
  std::vector<std::uint8_t> bytes;

  void u8(std::uint8_t v) { bytes.push_back(v); }
  void i32(std::int32_t v) { fixed(static_cast<std::uint32_t>(v)); }
  void u32(std::uint32_t v) { fixed(v); }
  void i64(std::int64_t v) { fixed(static_cast<std::uint64_t>(v)); }
  void u64(std::uint64_t v) { fixed(v); }
  void f32(float v) { fixed(std::bit_cast<std::uint32_t>(v)); }
  void f64(double v) { fixed(std::bit_cast<std::uint64_t>(v)); }

  /// LEB128: seven bits a byte, lowest first, the highest bit says that more follow.
  void varint(std::uint64_t v) {
    for (; v >= 0x80; v >>= 7) u8(static_cast<std::uint8_t>(v | 0x80));
    u8(static_cast<std::uint8_t>(v));
  }
  /// A number that is not negative.
  void count(std::int64_t v) { varint(static_cast<std::uint64_t>(v)); }
  /// Zigzag: 0, -1, 1, -2, ... become 0, 1, 2, 3, ...
  void signed_varint(std::int32_t v) { varint((static_cast<std::uint32_t>(v) << 1) ^ (v < 0 ? 0xFFFFFFFFu : 0u)); }
  void text(std::string_view v) {
    varint(v.size());
    bytes.insert(bytes.end(), v.begin(), v.end());
  }

 private:
  template <class Unsigned>
  void fixed(Unsigned v) {
    for (std::size_t i = 0; i < sizeof v; ++i) u8(static_cast<std::uint8_t>(v >> (8 * i)));
  }
};

}  // namespace bitgrain::deploy
