#pragma once

/// Accumulators to codes, per output channel c and exactly:
///
///     code = clamp((M_c a + R_c x + B_c) >> n_c, low, high)        stored as the byte code + offset
///
/// a is the int32 accumulator, x a stored byte of a residual tensor (R_c = 0 without one), >> rounds down.
///
/// The 64-bit products cost more than the dot products of a small layer, so a kernel may first estimate in float:
///
///     v = fl(fl(m_c a + b_c) + r_c x),    m = fl(M / 2^n), r = fl(R / 2^n), b = fl(B / 2^n + offset)
///
/// and take floor(v) unless v is so close to an integer that rounding may have moved it across. Let u = 2^-24, X the
/// largest residual byte and S the largest code as stored. While the true value V lies in [-1, S + 1], |M a / 2^n| is
/// at most T = |b| + X |r| + S + 2: the conversion of a and the rounding of m are wrong by u T each, those of b and r
/// by u |b| and u X |r|, the two additions by u (T + X |r|) and u (S + 2) at most; together at most 5 u E with
/// E = |b| + X |r| + S + 2. `tolerance` is 5.25 u E. Outside of [-1, S + 1] the same terms are at most
/// 5 u (|V| + |b| + X |r|): with |b| + X |r| <= 2^18 the estimate stays on its side of 0 or of S, where the clamp
/// makes both equal. Elements that are too close are computed in 64 bits.

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
  bool estimates = false;            ///< whether the float estimate may be used
  Array<std::int32_t> multiplier, residual_multiplier;
  Array<std::int64_t> bias, shift;
  Array<float> scale, residual_scale, start, tolerance;  ///< m, r, b and the tolerance above

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
  r.estimates = true;
  const auto make = [&]<class... T>(Array<T>&... arrays) { ((arrays = Array<T>(channels + kBeyond)), ...); };
  make(r.multiplier, r.residual_multiplier, r.bias, r.shift, r.scale, r.residual_scale, r.start, r.tolerance);
  if (r.bias.data() == nullptr) return r;  // only the memory is wanted
  for (std::size_t c = 0; c < channels; ++c) {
    const RequantizationChannel k = of(c);
    r.multiplier[c] = k.multiplier;
    r.residual_multiplier[c] = residual ? k.residual_multiplier : 0;
    r.bias[c] = k.bias;
    r.shift[c] = k.shift;
    const double m = std::ldexp(r.multiplier[c], -k.shift), x = std::ldexp(r.residual_multiplier[c], -k.shift);
    const double b = std::ldexp(static_cast<double>(k.bias), -k.shift) + offset;
    r.scale[c] = static_cast<float>(m);
    r.residual_scale[c] = static_cast<float>(x);
    r.start[c] = static_cast<float>(b);
    const double size = std::abs(b) + residual_bound * std::abs(x);
    r.tolerance[c] = static_cast<float>(0x1.5p-22 * (size + high + offset + 2));
    // The last bound keeps the estimate inside int32.
    r.estimates = r.estimates && size <= 0x1p18 && std::abs(m) * static_cast<double>(bound) < 0x1p30;
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
