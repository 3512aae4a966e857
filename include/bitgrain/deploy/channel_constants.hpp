#pragma once

/// Per-channel constants in a packed file: one byte tells how they are written.
///
///     0  each    one after another
///     1  same    once, all are equal
///     2  ratio   multipliers only: one double r with M_c = nearest(r * 2^n_c) for every channel. The multipliers of
///     a
///                code tensor or of a pooling sum come from one ratio of steps, so a residual add costs no further
///                bytes per channel

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "bitgrain/deploy/byte_reader.hpp"
#include "bitgrain/deploy/byte_writer.hpp"
#include "bitgrain/deploy/requantize.hpp"

namespace bitgrain::deploy {

enum class ChannelSpread : std::uint8_t { kEach, kSame, kRatio };

namespace detail {
// nearest(ratio * 2^n), or nothing if it is no multiplier.
inline std::optional<std::int32_t> multiplier_of(double ratio, int n) {
  if (n > kMaxShift || !(std::abs(std::ldexp(ratio, n)) < 0x1p31)) return std::nullopt;
  const std::int64_t multiplier = nearest_scaled(ratio, n);
  if (multiplier >= kMultiplierLimit || multiplier <= -kMultiplierLimit) return std::nullopt;
  return static_cast<std::int32_t>(multiplier);
}
}  // namespace detail

/// A ratio that gives all multipliers under these shifts, if there is one.
inline std::optional<double> common_ratio(const std::vector<std::int32_t>& multiplier,
                                          const std::vector<std::uint8_t>& shift) {
  // M_c = nearest(r 2^n_c) means (M_c - 1/2) / 2^n_c <= r < (M_c + 1/2) / 2^n_c; all of these are doubles.
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
  for (std::size_t c = 0; c < multiplier.size(); ++c) {
    low = std::max(low, std::ldexp(multiplier[c] - 0.5, -int{shift[c]}));
    high = std::min(high, std::ldexp(multiplier[c] + 0.5, -int{shift[c]}));
  }
  const double ratio = std::ldexp(low + high, -1);
  for (std::size_t c = 0; c < multiplier.size(); ++c)
    if (detail::multiplier_of(ratio, shift[c]) != multiplier[c]) return std::nullopt;
  return ratio;
}

namespace detail {
template <class T>
bool all_same(const std::vector<T>& values) {
  return values.size() > 1 && std::all_of(values.begin(), values.end(), [&](T v) { return v == values[0]; });
}
}  // namespace detail

/// Writes one constant per channel by write_one(value).
template <class T, class WriteOne>
void write_channels(ByteWriter& out, const std::vector<T>& values, WriteOne write_one) {
  const bool same = detail::all_same(values);
  out.u8(static_cast<std::uint8_t>(same ? ChannelSpread::kSame : ChannelSpread::kEach));
  for (std::size_t c = 0; c < (same ? 1 : values.size()); ++c) write_one(values[c]);
}

/// One constant per channel, where it stands in a file: nothing is copied. The first byte is the ChannelSpread.
template <class T>
class PackedChannels {
 public:
  PackedChannels() = default;
  PackedChannels(const std::uint8_t* bytes, std::size_t channels) : bytes_(bytes), channels_(channels) {}

  std::size_t size() const { return channels_; }
  T operator[](std::size_t c) const { return little_endian<T>(bytes_ + 1 + (same() ? 0 : c * sizeof(T))); }
  /// Bytes in the file.
  std::size_t bytes() const { return 1 + (same() ? 1 : channels_) * sizeof(T); }

 private:
  bool same() const { return static_cast<ChannelSpread>(*bytes_) == ChannelSpread::kSame; }
  const std::uint8_t* bytes_ = nullptr;
  std::size_t channels_ = 0;
};

/// Takes the constants of `channels` channels from the bytes.
template <class T>
PackedChannels<T> read_channels(ByteReader& in, std::size_t channels, const char* what) {
  const PackedChannels<T> constants(in.next(), channels);
  const auto spread = static_cast<ChannelSpread>(in.u8(what));
  if (in.failed()) return {};
  if (spread != ChannelSpread::kSame && spread != ChannelSpread::kEach)
    in.fail(what, ": unknown way of writing ", static_cast<int>(spread));
  else if (spread == ChannelSpread::kEach && channels > in.remaining() / sizeof(T))
    in.fail(what, " of ", channels, " channels do not fit the ", in.remaining(), " bytes left");
  else
    in.take(constants.bytes() - 1, what);
  return in.failed() ? PackedChannels<T>() : constants;
}

/// Multipliers where they stand in a file, with the shifts they belong to.
class PackedMultipliers {
 public:
  PackedMultipliers() = default;
  PackedMultipliers(const std::uint8_t* bytes, const PackedChannels<std::uint8_t>& shift)
      : bytes_(bytes), shift_(shift) {}

  std::size_t size() const { return shift_.size(); }
  std::int32_t operator[](std::size_t c) const {
    if (!is_ratio()) return each()[c];
    return detail::multiplier_of(little_endian<double>(bytes_ + 1), shift_[c]).value_or(0);
  }
  std::size_t bytes() const { return is_ratio() ? 1 + sizeof(double) : each().bytes(); }

 private:
  bool is_ratio() const { return static_cast<ChannelSpread>(*bytes_) == ChannelSpread::kRatio; }
  PackedChannels<std::int32_t> each() const { return {bytes_, shift_.size()}; }
  const std::uint8_t* bytes_ = nullptr;
  PackedChannels<std::uint8_t> shift_;
};

/// Multipliers, whose shifts the reader must have read before.
inline void write_multipliers(ByteWriter& out, const std::vector<std::int32_t>& multiplier,
                              const std::vector<std::uint8_t>& shift) {
  const auto ratio =
      multiplier.size() > 2 && !detail::all_same(multiplier) ? common_ratio(multiplier, shift) : std::nullopt;
  if (!ratio) return write_channels(out, multiplier, [&](std::int32_t v) { out.i32(v); });
  out.u8(static_cast<std::uint8_t>(ChannelSpread::kRatio));
  out.f64(*ratio);
}
inline PackedMultipliers read_multipliers(ByteReader& in, const PackedChannels<std::uint8_t>& shift) {
  constexpr const char* kWhat = "multipliers";
  const PackedMultipliers multipliers(in.next(), shift);
  if (in.remaining() == 0 || static_cast<ChannelSpread>(*in.next()) != ChannelSpread::kRatio) {
    read_channels<std::int32_t>(in, shift.size(), kWhat);
    return multipliers;
  }
  in.u8(kWhat);
  const double ratio = in.f64(kWhat);
  for (std::size_t c = 0; c < shift.size() && !in.failed(); ++c)
    if (!detail::multiplier_of(ratio, shift[c]))
      in.fail("the ratio ", ratio, " at shift ", int{shift[c]}, " is no multiplier");
  return multipliers;
}

}  // namespace bitgrain::deploy
