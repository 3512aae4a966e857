#pragma once

/// The instructions of a requantization (requantize.hpp): sixteen accumulators of a dot product to sixteen stored
/// bytes while they are still in registers. A class per primitive of dot.hpp, made for 16 channels from `channel` on;
/// `put` writes the codes of one pixel, and `certain` says afterwards whether all of them are known to be exact: if
/// not, `put_exact` has to write them again.

#include <cstdint>

#include "bitgrain/kernels/int8/dot.hpp"
#include "bitgrain/kernels/int8/requantize.hpp"

namespace bitgrain::kernels {

/// Any primitive: in 64 bits at once.
template <class Dot, bool Residual>
class RequantizeLanes {
 public:
  RequantizeLanes(const Requantization& r, std::int64_t channel) : r_(r), channel_(channel) {}
  [[gnu::always_inline]] void put(const typename Dot::Lanes& lanes, const std::uint8_t* residual, std::uint8_t* to) {
    put_exact(lanes, residual, to);
  }
  bool certain() const { return true; }
  [[gnu::always_inline]] void put_exact(const typename Dot::Lanes& lanes, const std::uint8_t* residual,
                                        std::uint8_t* to) const {
    std::int32_t sum[kDotLanes];
    Dot::store(sum, lanes);
    for (std::int64_t l = 0; l < kDotLanes; ++l)
      to[l] = r_.code(static_cast<std::size_t>(channel_ + l), sum[l], Residual ? residual[l] : std::uint8_t{0});
  }

 private:
  const Requantization& r_;
  std::int64_t channel_;
};

#if defined(__AVX512VNNI__) && defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
/// Estimates in float; keeps the distance to the closest integer of every channel.
template <bool Residual>
class RequantizeLanes<Vnni512Dot, Residual> {
 public:
  RequantizeLanes(const Requantization& r, std::int64_t channel)
      : r_(r),
        channel_(channel),
        scale_(_mm512_loadu_ps(r.scale.data() + channel)),
        start_(_mm512_loadu_ps(r.start.data() + channel)),
        residual_scale_(Residual ? _mm512_loadu_ps(r.residual_scale.data() + channel) : _mm512_setzero_ps()),
        closest_(_mm512_set1_ps(r.estimates ? 1.0f : 0.0f)),
        lowest_(_mm512_set1_epi32(r.low + r.offset)),
        highest_(_mm512_set1_epi32(r.high + r.offset)) {}

  [[gnu::always_inline]] void put(const __m512i& lanes, const std::uint8_t* residual, std::uint8_t* to) {
    __m512 v = _mm512_fmadd_ps(_mm512_cvtepi32_ps(lanes), scale_, start_);
    if constexpr (Residual) v = _mm512_fmadd_ps(_mm512_cvtepi32_ps(bytes(residual)), residual_scale_, v);
    // reduce: v - round(v); range 10: the smaller magnitude, without its sign.
    closest_ = _mm512_range_ps(closest_, _mm512_reduce_ps(v, 0), 10);
    store(_mm512_cvt_roundps_epi32(v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC), to);
  }
  bool certain() const {
    return _mm512_cmp_ps_mask(closest_, _mm512_loadu_ps(r_.tolerance.data() + channel_), _CMP_LT_OQ) == 0;
  }
  [[gnu::always_inline]] void put_exact(const __m512i& lanes, const std::uint8_t* residual, std::uint8_t* to) const {
    const __m512i x = Residual ? bytes(residual) : _mm512_setzero_si512();
    const __m256i low = half(_mm512_castsi512_si256(lanes), _mm512_castsi512_si256(x), 0);
    const __m256i high = half(_mm512_extracti64x4_epi64(lanes, 1), _mm512_extracti64x4_epi64(x, 1), 8);
    store(_mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1), to);
  }

 private:
  static __m512i bytes(const std::uint8_t* x) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x)));
  }
  void store(__m512i code, std::uint8_t* to) const {
    code = _mm512_min_epi32(_mm512_max_epi32(code, lowest_), highest_);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(code));
  }
  // Stored codes of eight channels.
  __m256i half(__m256i sum, __m256i x, std::int64_t first) const {
    const auto at = static_cast<std::size_t>(channel_ + first);
    const auto wide = [](const std::int32_t* from) {
      return _mm512_cvtepi32_epi64(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
    };
    __m512i total = _mm512_add_epi64(_mm512_loadu_si512(r_.bias.data() + at),
                                     _mm512_mul_epi32(_mm512_cvtepi32_epi64(sum), wide(r_.multiplier.data() + at)));
    if constexpr (Residual)
      total = _mm512_add_epi64(total,
                               _mm512_mul_epi32(_mm512_cvtepi32_epi64(x), wide(r_.residual_multiplier.data() + at)));
    total = _mm512_srav_epi64(total, _mm512_loadu_si512(r_.shift.data() + at));
    // Saturated before the offset is added, which then cannot overflow.
    const __m256i code = _mm512_cvtsepi64_epi32(total);
    return _mm256_add_epi32(
        _mm256_min_epi32(_mm256_max_epi32(code, _mm256_set1_epi32(r_.low)), _mm256_set1_epi32(r_.high)),
        _mm256_set1_epi32(r_.offset));
  }

  const Requantization& r_;
  std::int64_t channel_;
  __m512 scale_, start_, residual_scale_, closest_;
  __m512i lowest_, highest_;  // stored bytes
};
#endif

}  // namespace bitgrain::kernels
