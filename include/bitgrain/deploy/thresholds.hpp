#pragma once

/// Requantization to few bits as comparisons: a code of 4 bits is the number of thresholds, at most 15, that the
/// accumulator has reached. Derived from M_c, B_c, n_c by integer division, so the codes are the same:
///
///     (M a + B) >> n >= k   <=>   M a >= k 2^n - B   <=>   a >= ceil((k 2^n - B) / M)     for M > 0
///                                                    <=>   a <= floor((B - k 2^n) / -M)   for M < 0

#include <cstdint>
#include <limits>
#include <vector>

#include "bitgrain/base/check.hpp"
#include "bitgrain/deploy/integer_network.hpp"

namespace bitgrain::deploy {

/// The thresholds of one channel for the codes low + 1 .. high.
struct ChannelThresholds {
  bool descending = false;  ///< negative multiplier: a threshold is reached from above, a <= t instead of a >= t
  std::vector<std::int64_t> threshold;

  /// The code of an accumulator.
  std::int32_t code(std::int64_t accumulator, std::int32_t low) const {
    for (const std::int64_t t : threshold) low += (descending ? accumulator <= t : accumulator >= t) ? 1 : 0;
    return low;
  }
};

namespace detail {
// Division rounding down; the divisor is positive.
inline std::int64_t floor_divide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
}  // namespace detail

/// Thresholds of every channel of a requantization with one term and at most 256 codes; Error otherwise.
inline std::vector<ChannelThresholds> make_thresholds(const RequantizeOp& op) {
  BITGRAIN_CHECK(op.terms.size() == 1, "thresholds of '", op.layer, "': one term is needed, got ", op.terms.size());
  const std::int64_t codes = std::int64_t{op.high} - op.low;
  BITGRAIN_CHECK(codes >= 0 && codes < 256, "thresholds of '", op.layer, "': the codes ", op.low, " .. ", op.high,
                 " are not at most 256");
  std::vector<ChannelThresholds> result(op.bias.size());
  for (std::size_t c = 0; c < result.size(); ++c) {
    const std::int64_t multiplier = op.terms[0].multiplier[c];
    result[c].descending = multiplier < 0;
    for (std::int64_t k = op.low + std::int64_t{1}; k <= op.high; ++k) {
      // |k 2^n| <= 2^8 * 2^46 and |B| < 2^61: no overflow.
      const std::int64_t needed = k * (std::int64_t{1} << op.shift[c]) - op.bias[c];
      std::int64_t threshold;
      if (multiplier > 0)
        threshold = -detail::floor_divide(-needed, multiplier);
      else if (multiplier < 0)
        threshold = detail::floor_divide(-needed, -multiplier);
      else
        threshold = needed <= 0 ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
      result[c].threshold.push_back(threshold);
    }
  }
  return result;
}

}  // namespace bitgrain::deploy
