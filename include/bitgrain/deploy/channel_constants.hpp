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

/// Reads `channels` constants of at least `least_bytes` bytes each by read_one().
template <class T, class ReadOne>
std::vector<T> read_channels(ByteReader& in, std::size_t channels, std::size_t least_bytes, const char* what,
                             ReadOne read_one) {
  const auto spread = static_cast<ChannelSpread>(in.u8(what));
  if (spread == ChannelSpread::kSame) return std::vector<T>(channels, read_one());
  if (spread != ChannelSpread::kEach) in.fail(what, ": unknown way of writing ", static_cast<int>(spread));
  if (channels > in.remaining() / least_bytes)
    in.fail(what, " of ", channels, " channels do not fit the ", in.remaining(), " bytes left");
  std::vector<T> values(channels);
  for (T& v : values) v = read_one();
  return values;
}

/// Multipliers, whose shifts the reader must have read before.
inline void write_multipliers(ByteWriter& out, const std::vector<std::int32_t>& multiplier,
                              const std::vector<std::uint8_t>& shift) {
  const auto ratio =
      multiplier.size() > 2 && !detail::all_same(multiplier) ? common_ratio(multiplier, shift) : std::nullopt;
  if (!ratio) return write_channels(out, multiplier, [&](std::int32_t v) { out.i32(v); });
  out.u8(static_cast<std::uint8_t>(ChannelSpread::kRatio));
  out.f64(*ratio);
}
inline std::vector<std::int32_t> read_multipliers(ByteReader& in, const std::vector<std::uint8_t>& shift) {
  constexpr const char* kWhat = "multipliers";
  const auto spread = static_cast<ChannelSpread>(in.peek(kWhat));
  if (spread != ChannelSpread::kRatio)
    return read_channels<std::int32_t>(in, shift.size(), 4, kWhat, [&] { return in.i32(kWhat); });
  in.u8(kWhat);
  const double ratio = in.f64(kWhat);
  std::vector<std::int32_t> multiplier;
  for (const std::uint8_t n : shift) {
    const auto m = detail::multiplier_of(ratio, n);
    if (!m) in.fail("the ratio ", ratio, " at shift ", int{n}, " is no multiplier");
    multiplier.push_back(*m);
  }
  return multiplier;
}

}  // namespace bitgrain::deploy
