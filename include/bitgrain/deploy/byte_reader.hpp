#pragma once

/// Bytes from outside back to numbers and text. Nothing is trusted: every length is checked before use, and an error
/// names the source and the offset.

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "bitgrain/base/check.hpp"

namespace bitgrain::deploy {

class ByteReader {
 public:
  /// Reads `bytes`, called `source` in messages.
  ByteReader(std::span<const std::uint8_t> bytes, std::string source) : bytes_(bytes), source_(std::move(source)) {}

  std::size_t offset() const { return offset_; }
  std::size_t remaining() const { return bytes_.size() - offset_; }

  /// Reports what was wrong just before the current offset.
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    bitgrain::fail(source_, ", offset ", offset_, ": ", parts...);
  }

  std::span<const std::uint8_t> take(std::uint64_t size, const char* what) {
    if (size > remaining()) fail(what, " takes ", size, " bytes, but ", remaining(), " are left");
    const auto taken = bytes_.subspan(offset_, static_cast<std::size_t>(size));
    offset_ += static_cast<std::size_t>(size);
    return taken;
  }
  std::uint8_t u8(const char* what) { return take(1, what)[0]; }
  /// The next byte, which stays.
  std::uint8_t peek(const char* what) const {
    if (remaining() == 0) fail(what, " missing: the bytes end here");
    return bytes_[offset_];
  }
  std::uint32_t u32(const char* what) { return fixed<std::uint32_t>(what); }
  std::int32_t i32(const char* what) { return static_cast<std::int32_t>(u32(what)); }
  std::uint64_t u64(const char* what) { return fixed<std::uint64_t>(what); }
  std::int64_t i64(const char* what) { return static_cast<std::int64_t>(u64(what)); }
  float f32(const char* what) { return std::bit_cast<float>(u32(what)); }
  double f64(const char* what) { return std::bit_cast<double>(u64(what)); }

  std::uint64_t varint(const char* what) {
    std::uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const std::uint8_t byte = u8(what);
      if (shift == 63 && byte > 1) break;
      v |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return v;
    }
    fail(what, " is a number of more than 64 bits");
  }
  /// A number in 0 .. limit.
  std::int64_t count(std::int64_t limit, const char* what) {
    const std::uint64_t v = varint(what);
    if (v > static_cast<std::uint64_t>(limit)) fail(what, " must be at most ", limit, ", got ", v);
    return static_cast<std::int64_t>(v);
  }
  std::int32_t signed_varint(const char* what) {
    const std::uint64_t v = varint(what);
    if (v > 0xFFFFFFFFu) fail(what, " is a number of more than 32 bits");
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(v >> 1) ^ (v & 1 ? 0xFFFFFFFFu : 0u));
  }
  std::string text(const char* what) {
    const auto taken = take(varint(what), what);
    return {taken.begin(), taken.end()};
  }

 private:
  template <class Unsigned>
  Unsigned fixed(const char* what) {
    const auto taken = take(sizeof(Unsigned), what);
    Unsigned v = 0;
    for (std::size_t i = 0; i < sizeof v; ++i) v |= static_cast<Unsigned>(static_cast<Unsigned>(taken[i]) << (8 * i));
    return v;
  }

  std::span<const std::uint8_t> bytes_;
  std::string source_;
  std::size_t offset_ = 0;
};

}  // namespace bitgrain::deploy
