#pragma once

/// Accumulators to codes, per output channel c and exactly:
///
///     code = clamp((M_c a + R_c x + B_c) >> n_c, low, high)        stored as the byte code + offset
///
/// a is the int32 accumulator, x a stored byte of a residual tensor (R_c = 0 without one), >> rounds down.
///
/// The 64-bit products cost more than the dot products of a small layer, so a kernel may first estimate with floats,
/// to 16 bits after the point:
///
///     t = round(2^16 v),  v = fl(fl(m a + b) + r x),  m = fl(M / 2^n), r = fl(R / 2^n), b = fl(B / 2^n + offset + E)
///
/// E = T / 2^16 is at least the error of such an estimate. Then 2^16 V, where V is the true value, lies in
/// [t - 2T, t], and the stored code is t >> 16 wherever the lower 16 bits of t are 2T or more. (A t that does not fit
/// int32 comes out with lower bits 0.) Elements that fail are computed in 64 bits.
///
/// The error: let u = 2^-24, X the largest residual byte, S the largest code as stored, A the largest |a| and
/// P = |B / 2^n + offset|. While V lies in [-1, S + 1], |M a / 2^n| is at most P + X |r| + S + 2, so |a| is at most
/// A' = min(A, (P + X |r| + S + 2) / |M / 2^n|). The rounding of m is wrong by |m - M / 2^n| A', that of r by
/// X |r - R / 2^n|, both known here; that of b by u (P + 1); the conversion of a by u (P + X |r| + S + 2), or by
/// nothing if A <= 2^24; the first sum by u (S + 2 + X |r|); the second one, if there is a residual, by u (S + 2);
/// the conversion to t by 2^-17. 1.05 times the sum covers products of errors, below u^2 (P + X |r| + S + 2). Outside
/// of
/// [-1, S + 1] the same terms are at most 5 u (|V| + P + X |r|): with P + X |r| <= 2^18 and E <= 1/4 the estimate
/// stays on its side of 0 or of S, where the clamp makes both equal.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "bitgrain/base/array.hpp"

namespace bitgrain::kernels {

/// The constants of a requantization, one entry per output channel and zeros up to 16 beyond the last, so that whole
/// vectors can be read.
struct Requantization {
  std::int64_t channels = 0;
  bool residual = false;             ///< whether there is a term R x
  std::int32_t low = 0, high = 255;  ///< of the codes, before the offset
  std::int32_t offset = 0;           ///< stored byte - code
  Array<std::int32_t> multiplier, residual_multiplier;
  Array<std::int64_t> bias, shift;
  Array<float> scale, residual_scale, start;  ///< 2^16 m, r and b
  Array<std::uint16_t> limit;                 ///< 2T; where there are no estimates t is 0 and this is not

  /// The stored byte of accumulator `a` and residual byte `x` in channel c.
  std::uint8_t code(std::size_t c, std::int32_t a, std::uint8_t x = 0) const {
    // Modulo 2^64; the caller has bounded the final sum below 2^63.
    const auto sum = static_cast<std::int64_t>(static_cast<std::uint64_t>(bias[c]) +
                                               static_cast<std::uint64_t>(std::int64_t{multiplier[c]} * a) +
                                               static_cast<std::uint64_t>(std::int64_t{residual_multiplier[c]} * x));
    return static_cast<std::uint8_t>(std::clamp<std::int64_t>(sum >> shift[c], low, high) + offset);
  }
};

/// M, R, B and n of one channel.
struct RequantizationChannel {
  std::int32_t multiplier = 0, residual_multiplier = 0;
  std::int64_t bias = 0;
  int shift = 0;
};

/// The constants of `channels` channels, of which of(c) gives each. `bound` is the largest |accumulator|,
/// `residual_bound` the largest stored residual. Codes low + offset .. high + offset must be bytes.
template <class Of>
Requantization make_requantization(std::size_t channels, bool residual, Of&& of, std::int32_t low, std::int32_t high,
                                   std::int32_t offset, std::int64_t bound, std::int32_t residual_bound) {
  constexpr std::size_t kBeyond = 16;
  Requantization r;
  r.channels = static_cast<std::int64_t>(channels);
  r.residual = residual;
  r.low = low;
  r.high = high;
  r.offset = offset;
  const auto make = [&]<class... T>(Array<T>&... arrays) { ((arrays = Array<T>(channels + kBeyond)), ...); };
  make(r.multiplier, r.residual_multiplier, r.bias, r.shift, r.scale, r.residual_scale, r.start, r.limit);
  if (r.bias.data() == nullptr) return r;  // only the memory is wanted
  for (std::size_t c = 0; c < channels; ++c) {
    const RequantizationChannel k = of(c);
    r.multiplier[c] = k.multiplier;
    r.residual_multiplier[c] = residual ? k.residual_multiplier : 0;
    r.bias[c] = k.bias;
    r.shift[c] = k.shift;
    const double m = std::ldexp(r.multiplier[c], -k.shift), x = std::ldexp(r.residual_multiplier[c], -k.shift);
    const double b = std::ldexp(static_cast<double>(k.bias), -k.shift) + offset;
    constexpr double kUnit = 0x1p-24;
    const auto largest = static_cast<double>(bound);
    const double rest = residual_bound * std::abs(x), end = high + offset + 2.0, size = std::abs(b) + rest + end;
    const double reach = m == 0 ? 0 : std::min(largest, size / std::abs(m));  // A'
    double error = std::abs(static_cast<float>(m) - m) * reach +
                   residual_bound * std::abs(static_cast<float>(x) - x) + kUnit * (std::abs(b) + 1 + end + rest) +
                   0x1p-17;
    if (bound > std::int64_t{1} << 24) error += kUnit * size;
    if (r.residual) error += kUnit * end;
    const double units = std::ceil(1.05 * error * 0x1p16);  // T
    if (units > 0x1p14 || std::abs(b) + rest > 0x1p18) {
      r.limit[c] = 1;
      continue;
    }
    r.scale[c] = static_cast<float>(m * 0x1p16);
    r.residual_scale[c] = static_cast<float>(x * 0x1p16);
    r.start[c] = static_cast<float>(b * 0x1p16 + units);
    r.limit[c] = static_cast<std::uint16_t>(2 * units);
  }
  return r;
}

/// The same for arrays; that of R is empty without a residual.
inline Requantization make_requantization(const std::vector<std::int32_t>& multiplier,
                                          const std::vector<std::int32_t>& residual_multiplier,
                                          const std::vector<std::int64_t>& bias,
                                          const std::vector<std::uint8_t>& shift, std::int32_t low, std::int32_t high,
                                          std::int32_t offset, std::int64_t bound,
                                          std::int32_t residual_bound = 255) {
  const bool residual = !residual_multiplier.empty();
  const auto of = [&](std::size_t c) {
    return RequantizationChannel{multiplier[c], residual ? residual_multiplier[c] : 0, bias[c], shift[c]};
  };
  return make_requantization(bias.size(), residual, of, low, high, offset, bound, residual_bound);
}

}  // namespace bitgrain::kernels
