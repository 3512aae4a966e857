#pragma once

/// Bytes from outside back to numbers and text. Nothing is trusted: every length is checked before use. An error
/// names the source and the offset; it throws nothing, but from then on no bytes are left, so that all numbers are 0
/// and all texts empty, and whoever reads may go on to the next point where it looks at `failed`.

#include <bit>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "bitgrain/base/report.hpp"

namespace bitgrain::deploy {

/// The number in the sizeof(T) bytes at `bytes`, the lowest first; T may be a float.
template <class T>
T little_endian(const std::uint8_t* bytes) {
  static_assert(sizeof(T) == 1 || sizeof(T) == 4 || sizeof(T) == 8);
  using Unsigned = std::conditional_t<sizeof(T) == 1, std::uint8_t,
                                      std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>;
  std::uint64_t v = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) v |= std::uint64_t{bytes[i]} << (8 * i);
  return std::bit_cast<T>(static_cast<Unsigned>(v));
}

class ByteReader {
 public:
  /// Reads `bytes`, called `source` in messages to `report`.
  ByteReader(std::span<const std::uint8_t> bytes, std::string_view source, Report& report)
      : bytes_(bytes), source_(source), report_(report) {}

  std::size_t offset() const { return offset_; }
  std::size_t remaining() const { return bytes_.size() - offset_; }
  bool failed() const { return report_.failed(); }
  /// The bytes that are left, from the next one on.
  const std::uint8_t* next() const { return bytes_.data() + offset_; }

  /// Reports what was wrong just before the current offset.
  template <class... Parts>
  Failure fail(const Parts&... parts) {
    report_.fail(source_, ", offset ", offset_, ": ", parts...);
    offset_ = bytes_.size();
    return {};
  }

  std::span<const std::uint8_t> take(std::uint64_t size, const char* what) {
    if (size > remaining()) {
      fail(what, " takes ", size, " bytes, but ", remaining(), " are left");
      return {};
    }
    const auto taken = bytes_.subspan(offset_, static_cast<std::size_t>(size));
    offset_ += static_cast<std::size_t>(size);
    return taken;
  }
  std::uint8_t u8(const char* what) { return fixed<std::uint8_t>(what); }
  std::uint32_t u32(const char* what) { return fixed<std::uint32_t>(what); }
  std::int32_t i32(const char* what) { return fixed<std::int32_t>(what); }
  std::uint64_t u64(const char* what) { return fixed<std::uint64_t>(what); }
  std::int64_t i64(const char* what) { return fixed<std::int64_t>(what); }
  float f32(const char* what) { return fixed<float>(what); }
  double f64(const char* what) { return fixed<double>(what); }

  std::uint64_t varint(const char* what) {
    std::uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const std::uint8_t byte = u8(what);
      if (shift == 63 && byte > 1) break;
      v |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return v;
    }
    fail(what, " is a number of more than 64 bits");
    return 0;
  }
  /// A number in 0 .. limit.
  std::int64_t count(std::int64_t limit, const char* what) {
    const std::uint64_t v = varint(what);
    if (v <= static_cast<std::uint64_t>(limit)) return static_cast<std::int64_t>(v);
    fail(what, " must be at most ", limit, ", got ", v);
    return 0;
  }
  std::int32_t signed_varint(const char* what) {
    const std::uint64_t v = varint(what);
    if (v > 0xFFFFFFFFu) {
      fail(what, " is a number of more than 32 bits");
      return 0;
    }
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(v >> 1) ^ (v & 1 ? 0xFFFFFFFFu : 0u));
  }
  std::string_view text(const char* what) {
    const auto taken = take(varint(what), what);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }

 private:
  template <class T>
  T fixed(const char* what) {
    const auto taken = take(sizeof(T), what);
    return taken.empty() ? T{} : little_endian<T>(taken.data());
  }

  std::span<const std::uint8_t> bytes_;
  std::string_view source_;
  Report& report_;
  std::size_t offset_ = 0;
};

}  // namespace bitgrain::deploy
