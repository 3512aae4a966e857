#pragma once

/// From real numbers to the integer constants of a requantization.
///
/// Wanted, in units of output codes, is q = clamp(floor(sum_t scale_t,c * value_t + shift_c + 1/2)). The integers are
///
///     M_t,c = nearest(scale_t,c * 2^n_c)          B_c = floor((shift_c + 1/2) * 2^n_c)
///     q     = clamp((sum_t M_t,c * value_t + B_c) >> n_c)
///
/// n_c is the largest shift <= 46 for which all fit. B_c is rounded down and not to nearest because sum M * value is
/// an integer: floor((integer + b) / 2^n) = floor((integer + floor(b)) / 2^n), so the code is exactly the rounded
/// value of sum (M / 2^n) * value + shift, ties and all.
///
/// Every build derives the same constants: a double is only scaled by powers of two, split into floor and rest, and
/// converted, all of which are exact, so that fused multiply-adds change nothing. Callers owe the same to the
/// scales and shifts they pass: where a product meets a sum, write std::fma.

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bitgrain/base/check.hpp"
#include "bitgrain/deploy/integer_network.hpp"

namespace bitgrain::deploy {

inline constexpr int kMaxShift = 46;
/// |M_c| stays below this.
inline constexpr std::int64_t kMultiplierLimit = std::int64_t{1} << 31;
/// |B_c| stays below this.
inline constexpr std::int64_t kBiasLimit = std::int64_t{1} << 61;

/// One summand of a requantization in real numbers.
struct ScaledTerm {
  int value = 0;              ///< which value of the network
  std::vector<double> scale;  ///< output codes per unit of the value: one per channel, or one for all
  std::int64_t bound = 0;     ///< largest |element| of the value (value_bounds.hpp)
};

/// floor(v * 2^n + 1/2): the nearest integer, ties up. Exact; |v * 2^n| must be below 2^62.
inline std::int64_t nearest_scaled(double v, int n) {
  const double scaled = std::ldexp(v, n);
  const double below = std::floor(scaled);
  return static_cast<std::int64_t>(below) + (scaled - below >= 0.5 ? 1 : 0);
}

/// floor((v + 1/2) * 2^n) without rounding v + 1/2. |v * 2^n| must be below 2^62.
inline std::int64_t half_up_scaled(double v, int n) {
  if (n == 0) return nearest_scaled(v, 0);
  return static_cast<std::int64_t>(std::floor(std::ldexp(v, n))) + (std::int64_t{1} << (n - 1));
}

namespace detail {
// Magnitudes of |B_c| and of each |M_t,c| * bound_t, added up without overflow.
class WorstCase {
 public:
  void add(std::uint64_t magnitude) {
    fits_ = fits_ && magnitude < kLimit - sum_;
    if (fits_) sum_ += magnitude;
  }
  void add_product(std::uint64_t a, std::uint64_t b) {
    if (a != 0 && b >= kLimit / a + 1)
      fits_ = false;
    else
      add(a * b);
  }
  /// Whether the sum stays below 2^63.
  bool fits() const { return fits_; }

 private:
  static constexpr std::uint64_t kLimit = std::uint64_t{1} << 63;
  std::uint64_t sum_ = 0;
  bool fits_ = true;
};
inline std::uint64_t magnitude(std::int64_t v) {
  return v < 0 ? ~static_cast<std::uint64_t>(v) + 1 : static_cast<std::uint64_t>(v);
}
inline double scale_of(const ScaledTerm& term, std::size_t channel) {
  return term.scale[term.scale.size() == 1 ? 0 : channel];
}

// Whether every constant of channel c fits at shift n.
inline bool constants_fit(const std::vector<ScaledTerm>& terms, double shift, std::size_t c, int n) {
  // Compared before the conversion to an integer, which must not overflow.
  if (!(std::abs(std::ldexp(shift, n)) < 0x1p61)) return false;
  const std::uint64_t bias = magnitude(half_up_scaled(shift, n));
  if (bias >= static_cast<std::uint64_t>(kBiasLimit)) return false;
  WorstCase worst;
  worst.add(bias);
  for (const ScaledTerm& term : terms) {
    const double scale = scale_of(term, c);
    if (!(std::abs(std::ldexp(scale, n)) < 0x1p31)) return false;
    const std::uint64_t multiplier = magnitude(nearest_scaled(scale, n));
    if (multiplier >= static_cast<std::uint64_t>(kMultiplierLimit)) return false;
    worst.add_product(multiplier, magnitude(term.bound));
  }
  return worst.fits();
}
}  // namespace detail

/// The requantization of value `output` with `shift.size()` channels and codes low .. high (the same for int32
/// logits). Scales may be negative or zero (folded batch norm). Throws Error naming `layer` and the channel if a
/// number is not finite or does not fit even unscaled (n = 0).
inline RequantizeOp make_requantize(std::string layer, int output, const std::vector<ScaledTerm>& terms,
                                    const std::vector<double>& shift, std::int32_t low, std::int32_t high) {
  const std::size_t channels = shift.size();
  BITGRAIN_CHECK(!terms.empty() && channels > 0, "requantization of '", layer,
                 "' needs at least one term and one channel, got ", terms.size(), " and ", channels);
  BITGRAIN_CHECK(low <= high, "requantization of '", layer, "': the lowest code ", low, " is above the highest ",
                 high);
  RequantizeOp op;
  op.layer = std::move(layer);
  op.output = output;
  op.low = low;
  op.high = high;
  for (const ScaledTerm& term : terms) {
    BITGRAIN_CHECK(term.scale.size() == channels || term.scale.size() == 1, "requantization of '", op.layer,
                   "': a term has ", term.scale.size(), " scales for ", channels, " channels");
    BITGRAIN_CHECK(term.bound >= 0, "requantization of '", op.layer, "': the bound ", term.bound, " is negative");
    op.terms.push_back({term.value, std::vector<std::int32_t>(channels)});
  }
  op.bias.resize(channels);
  op.shift.resize(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    bool finite = std::isfinite(shift[c]);
    for (const ScaledTerm& term : terms) finite = finite && std::isfinite(detail::scale_of(term, c));
    BITGRAIN_CHECK(finite, "requantization of '", op.layer, "', channel ", c,
                   ": scales and shift must be finite, got shift ", shift[c], " and first scale ",
                   detail::scale_of(terms[0], c));
    int n = kMaxShift;
    while (n >= 0 && !detail::constants_fit(terms, shift[c], c, n)) --n;
    BITGRAIN_CHECK(n >= 0, "requantization of '", op.layer, "', channel ", c,
                   ": the constants do not fit (multipliers below 2^31, bias below 2^61, sum below 2^63), got shift ",
                   shift[c], " and first scale ", detail::scale_of(terms[0], c), " output codes per unit");
    op.shift[c] = static_cast<std::uint8_t>(n);
    op.bias[c] = half_up_scaled(shift[c], n);
    for (std::size_t t = 0; t < terms.size(); ++t)
      op.terms[t].multiplier[c] = static_cast<std::int32_t>(nearest_scaled(detail::scale_of(terms[t], c), n));
  }
  return op;
}

}  // namespace bitgrain::deploy
