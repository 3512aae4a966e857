#pragma once

/// The primitives of bfloat16 kernels: numbers of 8 significant bits with the exponents of float, multiplied in pairs
/// and summed in float.
///
/// The unit of these kernels is the pair: two bf16 numbers that stand next to each other along the dimension that is
/// summed over, in one 32-bit element, the first in the low half. A product of two such matrices is then a product of
/// 32-bit elements, laid out and walked just as one of floats, with
///
///     sum += a.first * b.first + a.second * b.second
///
/// in the place of sum += a * b: the register tiles of f32/ take Bf16Pair as their element type. AVX-512 has an
/// instruction for it (vdpbf16ps). Elsewhere it is two fused multiply-adds in float. The products are exact either
/// way (8 + 8 bits fit 24) and only the sums are rounded, so both obey
///
///     |result - exact| <= (2^-8 + n 2^-23) sum |a b|        over n products of float operands a, b rounded to bf16,
///
/// of which 2^-8 is what rounding the operands costs (2^-9 relative each). Numbers below 2^-126 may count as zero.

#include <bit>
#include <cstdint>
#include <cstring>

#include "bitgrain/kernels/f32/convert_lanes.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// Two bf16 numbers that are summed over together.
struct Bf16Pair {
  std::uint32_t bits;

  Bf16Pair() = default;
  Bf16Pair(float first, float second) : bits(round(second) << 16 | round(first)) {}
  float first() const { return std::bit_cast<float>(bits << 16); }
  float second() const { return std::bit_cast<float>(bits & 0xffff0000u); }

 private:
  // The bits of the bf16 number nearest to v, ties to even. NaN stays NaN; what is beyond the range becomes infinite.
  static std::uint32_t round(float v) {
    const auto bits = std::bit_cast<std::uint32_t>(v);
    return (v == v ? bits + 0x7fffu + ((bits >> 16) & 1u) : bits | 0x400000u) >> 16;
  }
};

/// A vector of pairs, one per lane of Vec<float, Arch>.
template <class Arch>
struct PairVec {
  using value_type = Bf16Pair;
  static constexpr std::size_t size = Vec<float, Arch>::size;

  PairVec() = default;
  explicit PairVec(Bf16Pair p) : bits(std::bit_cast<float>(p.bits)) {}  // in every lane
  static PairVec load_unaligned(const Bf16Pair* p) {
    PairVec pairs;
    std::memcpy(&pairs.bits, p, sizeof pairs.bits);  // one load; reading them as floats would break aliasing rules
    return pairs;
  }

  Vec<float, Arch> bits;  // only carried, never calculated with
};

template <>
struct SumOf<Bf16Pair> {
  using type = float;
};

namespace detail {
template <class Arch>
struct VecOf<Bf16Pair, Arch> {
  using type = PairVec<Arch>;
};
template <>
struct VecOf<Bf16Pair, ScalarArch> {
  using type = PairVec<ScalarArch>;
};

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

// The pairs of first and second, lane by lane, rounded to nearest, ties to even.
template <class Arch>
inline PairVec<Arch> pairs_of(const Vec<float, Arch>& first, const Vec<float, Arch>& second) {
  PairVec<Arch> pairs;
#if defined(__AVX512BF16__) && defined(__AVX512BW__)
  if constexpr (kLanes<float, Arch> == 16) {
    // All firsts, then all seconds; taken in turns they are pairs.
    alignas(64) static constexpr std::uint16_t kTurns[32] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                                             21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                                             11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    const auto halves = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(second, first));
    pairs.bits = _mm512_castsi512_ps(_mm512_permutexvar_epi16(_mm512_load_si512(kTurns), halves));
    return pairs;
  }
#endif
  using As = FloatBits<Arch>;
  using Bits = typename As::Bits;
  // The upper 16 bits, once the lower half is rounded into them.
  const auto rounded = [](const Vec<float, Arch>& v) {
    const Bits bits = As::from(v);
    const auto sum = As::to(bits + Bits(0x7fffu) + ((bits >> 16) & Bits(1u)));
    return As::from(select(v == v, sum, As::to(bits | Bits(0x400000u)))) & Bits(0xffff0000u);
  };
  pairs.bits = As::to((rounded(first) >> 16) | rounded(second));
  return pairs;
}
}  // namespace detail

/// a.first * b.first + a.second * b.second + sum in every lane.
template <class Arch>
inline Vec<float, Arch> multiply_add(const PairVec<Arch>& a, const PairVec<Arch>& b, const Vec<float, Arch>& sum) {
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

/// to[i] = the pair of first[i] and second[i], i < n, rounded to nearest, ties to even; null stands for zeros.
template <class Arch = DefaultArch>
inline void pair_rows(std::int64_t n, const float* first, const float* second, Bf16Pair* to) {
  using V = Vec<float, Arch>;
  std::int64_t i = 0;
  for (; i + kLanes<float, Arch> <= n; i += kLanes<float, Arch>) {
    const auto pairs =
        detail::pairs_of<Arch>(first ? load_all<V>(first + i) : V(0.0F), second ? load_all<V>(second + i) : V(0.0F));
    std::memcpy(to + i, &pairs.bits, sizeof pairs.bits);
  }
  for (; i < n; ++i) to[i] = Bf16Pair(first ? first[i] : 0.0F, second ? second[i] : 0.0F);
}

/// The same for bytes that stand for byte - zero, whole numbers of at most 8 bits and a sign, which bf16 holds
/// exactly: their upper halves are the result, nothing is rounded. Null stands for numbers that are 0.
template <class Arch = DefaultArch>
inline void pair_rows(std::int64_t n, const std::uint8_t* first, const std::uint8_t* second, std::int32_t zero,
                      Bf16Pair* to) {
  using V = Vec<float, Arch>;
  using As = detail::FloatBits<Arch>;
  const V offset(static_cast<float>(zero));
  const auto load = [&](const std::uint8_t* from, std::int64_t i) {
    return from ? load_bytes<V>(from + i, kLanes<float, Arch>) - offset : V(0.0F);
  };
  std::int64_t i = 0;
  for (; i + kLanes<float, Arch> <= n; i += kLanes<float, Arch>) {
    const auto pairs = As::to((As::from(load(first, i)) >> 16) | As::from(load(second, i)));
    std::memcpy(to + i, &pairs, sizeof pairs);
  }
  const auto number = [&](const std::uint8_t* from) { return from ? static_cast<float>(from[i] - zero) : 0.0F; };
  for (; i < n; ++i) to[i] = Bf16Pair(number(first), number(second));
}

/// The pairs of one vector of channels of n pixels and their partners, at first and second and every `step` numbers
/// after; the pairs of pixel k go to to[k * lanes]. Bytes stand for byte - zero.
template <class Arch = DefaultArch>
inline void pair_pixels(std::int64_t n, const float* first, const float* second, std::int64_t step, std::int32_t,
                        Bf16Pair* to) {
  using V = Vec<float, Arch>;
  for (std::int64_t k = 0; k < n; ++k, first += step, second += step, to += kLanes<float, Arch>) {
    const auto pairs = detail::pairs_of<Arch>(load_all<V>(first), load_all<V>(second));
    std::memcpy(to, &pairs.bits, sizeof pairs.bits);
  }
}
template <class Arch = DefaultArch>
inline void pair_pixels(std::int64_t n, const std::uint8_t* first, const std::uint8_t* second, std::int64_t step,
                        std::int32_t zero, Bf16Pair* to) {
  if (second != first + step) {
    for (std::int64_t k = 0; k < n; ++k, first += step, second += step, to += kLanes<float, Arch>)
      pair_rows<Arch>(kLanes<float, Arch>, first, second, zero, to);
    return;
  }
  // A pixel is its neighbour's partner: each is converted once.
  using V = Vec<float, Arch>;
  using As = detail::FloatBits<Arch>;
  const V offset(static_cast<float>(zero));
  auto last = As::from(load_bytes<V>(first, kLanes<float, Arch>) - offset);
  for (std::int64_t k = 0; k < n; ++k, second += step, to += kLanes<float, Arch>) {
    const auto next = As::from(load_bytes<V>(second, kLanes<float, Arch>) - offset);
    const auto pairs = As::to((last >> 16) | next);
    std::memcpy(to, &pairs, sizeof pairs);
    last = next;
  }
}

/// to[i] = the pair of from[2 i] and from[2 i + 1], i < n.
inline void pair_neighbours(std::int64_t n, const float* from, Bf16Pair* to) {
  std::int64_t i = 0;
#if defined(__AVX512BF16__)
  for (; i + 16 <= n; i += 16) {
    const auto pairs = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + 2 * i + 16), _mm512_loadu_ps(from + 2 * i));
    std::memcpy(to + i, &pairs, sizeof pairs);
  }
#endif
  for (; i < n; ++i) to[i] = Bf16Pair(from[2 * i], from[2 * i + 1]);
}

}  // namespace bitgrain::kernels
