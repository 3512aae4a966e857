#pragma once

/// The primitives of bfloat16 kernels: numbers of 8 significant bits with the exponents of float, multiplied in pairs
/// and summed in float.
///
/// The unit of all kernels is the pair: two bf16 numbers that stand next to each other along the dimension that is
/// summed over, in one 32-bit element, the first in the low half. A product of two such matrices is then a product of
/// 32-bit elements, laid out and walked just as one of floats, with
///
///     sum += a.first * b.first + a.second * b.second
///
/// in the place of sum += a * b. AVX-512 has an instruction for it (vdpbf16ps). Elsewhere it is two fused
/// multiply-adds in float; the products are exact either way (8 + 8 bits fit 24), only the sums are rounded, so both
/// obey the bound of a float sum: an error of at most n 2^-23 sum |a b| over n products, beside what rounding the
/// operands to bf16 costs (2^-8 relative for both together).

#include <bit>
#include <cstdint>
#include <cstring>

#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// The bits of the bf16 number nearest to v, ties to even. NaN stays NaN; what is beyond the range becomes infinite.
inline std::uint16_t to_bf16(float v) {
  const auto bits = std::bit_cast<std::uint32_t>(v);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);  // quiet NaN
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
inline float from_bf16(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

/// Two bf16 numbers that are summed over together.
struct Bf16Pair {
  std::uint32_t bits;

  Bf16Pair() = default;
  Bf16Pair(float first, float second) : bits(std::uint32_t{to_bf16(second)} << 16 | to_bf16(first)) {}
  float first() const { return std::bit_cast<float>(bits << 16); }
  float second() const { return std::bit_cast<float>(bits & 0xffff0000u); }
};

/// A vector of pairs, one per lane of Vec<float, Arch>.
template <class Arch>
struct PairVec {
  Vec<float, Arch> bits;  // only carried, never calculated with
};

/// Loads kLanes<float> pairs, at any address.
template <class Arch>
inline PairVec<Arch> load_pairs(const Bf16Pair* p) {
  PairVec<Arch> pairs;
  std::memcpy(&pairs.bits, p, sizeof pairs.bits);  // one load; reading them as floats would break aliasing rules
  return pairs;
}
/// The same pair in every lane.
template <class Arch>
inline PairVec<Arch> broadcast_pair(const Bf16Pair* p) {
  return {Vec<float, Arch>(std::bit_cast<float>(p->bits))};
}

namespace detail {
// Bits of floats, as vectors of unsigned numbers.
template <class Arch>
struct FloatBits {
#if !defined(XSIMD_NO_SUPPORTED_ARCHITECTURE)
  using Floats = xsimd::batch<float, Arch>;
  using Bits = xsimd::batch<std::uint32_t, Arch>;
  static Bits from(const Floats& v) { return xsimd::bitwise_cast<Bits>(v); }
  static Floats to(const Bits& v) { return xsimd::bitwise_cast<Floats>(v); }
#endif
};
template <>
struct FloatBits<ScalarArch> {
  using Bits = std::uint32_t;
  static Bits from(OneLane<float> v) { return std::bit_cast<Bits>(v.value); }
  static OneLane<float> to(Bits v) { return std::bit_cast<float>(v); }
};
}  // namespace detail

/// sum + a.first * b.first + a.second * b.second in every lane.
template <class Arch>
inline Vec<float, Arch> dot_add(const PairVec<Arch>& a, const PairVec<Arch>& b, const Vec<float, Arch>& sum) {
#if defined(__AVX512BF16__)
  if constexpr (kLanes<float, Arch> == 16)
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(static_cast<__m512>(a.bits)),
                            reinterpret_cast<__m512bh>(static_cast<__m512>(b.bits)));
#endif
  using As = detail::FloatBits<Arch>;
  using Bits = typename As::Bits;
  const auto first = [](const PairVec<Arch>& v) { return As::to(As::from(v.bits) << 16); };
  const auto second = [](const PairVec<Arch>& v) { return As::to(As::from(v.bits) & Bits(0xffff0000u)); };
  return multiply_add(second(a), second(b), multiply_add(first(a), first(b), sum));
}

/// to[i] = the pair of first[i] and second[i], i < n, rounded to nearest, ties to even. `second` may be null: zeros.
template <class Arch = DefaultArch>
inline void make_pairs(std::int64_t n, const float* first, const float* second, Bf16Pair* to) {
  using As = detail::FloatBits<Arch>;
  using Bits = typename As::Bits;
  using V = Vec<float, Arch>;
  // The 16 bits above, once the lower half is rounded into them; NaN loses only lower bits.
  const auto rounded = [](const V& v) {
    const Bits bits = As::from(v);
    const V sum = As::to(bits + Bits(0x7fffu) + ((bits >> 16) & Bits(1u)));
    return As::from(select(v == v, sum, As::to(bits | Bits(0x400000u)))) & Bits(0xffff0000u);
  };
  std::int64_t i = 0;
  for (; i + kLanes<float, Arch> <= n; i += kLanes<float, Arch>) {
    Bits pair = rounded(load_all<V>(first + i)) >> 16;
    if (second) pair = pair | rounded(load_all<V>(second + i));
    std::memcpy(to + i, &pair, sizeof pair);
  }
  for (; i < n; ++i) to[i] = Bf16Pair(first[i], second ? second[i] : 0.0F);
}

}  // namespace bitgrain::kernels
