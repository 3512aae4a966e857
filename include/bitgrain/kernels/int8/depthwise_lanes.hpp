#pragma once

/// The instructions of the depthwise int8 convolution: 32 channels at a time, four pixels of a row per step. The
/// bytes of a channel in the four pixels are brought together by unpacking, which leaves the channels in the order of
/// packed_conv2d.hpp (pack_lane_weights); packing the codes undoes it.

#include <cstdint>

#include "bitgrain/kernels/int8/packed_conv2d.hpp"
#include "bitgrain/kernels/int8/requantize.hpp"

#if defined(__AVX512VNNI__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
#include <immintrin.h>

namespace bitgrain::kernels {

/// Whether DepthwiseLanes exists here.
inline constexpr bool kHasDepthwiseLanes = true;

/// Accumulators of 32 channels of one output pixel.
class DepthwiseLanes {
 public:
  /// Four pixels, channel by channel.
  struct Quads {
    __m256i vector[4];
  };

  /// Bytes x0[c], x1[c], x2[c], x3[c] of 32 channels.
  [[gnu::always_inline]] static Quads quads(const std::uint8_t* x0, const std::uint8_t* x1, const std::uint8_t* x2,
                                            const std::uint8_t* x3) {
    const __m256i a = load(x0), b = load(x1), c = load(x2), d = load(x3);
    const __m256i low_ab = _mm256_unpacklo_epi8(a, b), high_ab = _mm256_unpackhi_epi8(a, b);
    const __m256i low_cd = _mm256_unpacklo_epi8(c, d), high_cd = _mm256_unpackhi_epi8(c, d);
    return {{_mm256_unpacklo_epi16(low_ab, low_cd), _mm256_unpackhi_epi16(low_ab, low_cd),
             _mm256_unpacklo_epi16(high_ab, high_cd), _mm256_unpackhi_epi16(high_ab, high_cd)}};
  }

  DepthwiseLanes() = default;
  /// Accumulators that start at start[32].
  explicit DepthwiseLanes(const std::int32_t* start) {
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) sum_[v] = _mm256_castps_si256(spread(reinterpret_cast<const float*>(start), v));
  }
  /// Adds four taps per channel; w [4 vectors][8 channels][4 taps].
  [[gnu::always_inline]] void add(const Quads& x, const std::int8_t* w) {
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v)
      sum_[v] =
          _mm256_dpbusd_epi32(sum_[v], x.vector[v], _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + 32 * v)));
  }
  /// The sums in the order of the channels.
  void store(std::int32_t* to) const {
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 4 * v), _mm256_castsi256_si128(sum_[v]));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 16 + 4 * v), _mm256_extracti128_si256(sum_[v], 1));
    }
  }

  /// The float estimate of requantize.hpp for 32 channels, half a code lower: then rounding to nearest is rounding
  /// down, and what is too close to an integer is too close to a half.
  class Requantize {
   public:
    Requantize(const Requantization& r, std::int64_t channel)
        : low_(_mm256_set1_epi8(static_cast<char>(r.low + r.offset))),
          high_(_mm256_set1_epi8(static_cast<char>(r.high + r.offset))) {
      const __m256 half = _mm256_set1_ps(0.5f);
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) {
        scale_[v] = spread(r.scale.data() + channel, v);
        start_[v] = _mm256_sub_ps(spread(r.start.data() + channel, v), half);
        limit_[v] =
            r.estimates ? _mm256_sub_ps(half, spread(r.tolerance.data() + channel, v)) : _mm256_set1_ps(-1.0f);
      }
    }
    /// Writes 32 codes of each of `Outs` pixels `stride` bytes apart; false if one of them is not certain.
    template <int Outs>
    [[gnu::always_inline]] bool put(const DepthwiseLanes (&sums)[Outs], std::uint8_t* to, std::int64_t stride) const {
      __m256i code[Outs][4];
      unsigned uncertain = 0;
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) {
        __m256 farthest = _mm256_setzero_ps();
#pragma GCC unroll 2
        for (int o = 0; o < Outs; ++o) {
          const __m256 x = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[o].sum_[v]), scale_[v], start_[v]);
          code[o][v] = _mm256_cvtps_epi32(x);
          // reduce: x - round(x); range 11: the larger magnitude, without its sign.
          farthest = _mm256_range_ps(farthest, _mm256_reduce_ps(x, 0), 11);
        }
        uncertain |= _mm256_cmp_ps_mask(farthest, limit_[v], _CMP_GT_OQ);
      }
      // Packing saturates to 16 bits and then to bytes: a clamp to 0 .. 255.
#pragma GCC unroll 2
      for (int o = 0; o < Outs; ++o) {
        const __m256i bytes = _mm256_packus_epi16(_mm256_packs_epi32(code[o][0], code[o][1]),
                                                  _mm256_packs_epi32(code[o][2], code[o][3]));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + o * stride),
                            _mm256_min_epu8(_mm256_max_epu8(bytes, low_), high_));
      }
      return uncertain == 0;
    }

   private:
    __m256 scale_[4], start_[4], limit_[4];
    __m256i low_, high_;
  };

 private:
  static __m256i load(const std::uint8_t* x) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)); }
  // The numbers of the channels in vector v, of 32 in order.
  static __m256 spread(const float* from, int v) {
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(from + 4 * v)), _mm_loadu_ps(from + 16 + 4 * v),
                                1);
  }
  __m256i sum_[4];
};

}  // namespace bitgrain::kernels
#else
namespace bitgrain::kernels {
inline constexpr bool kHasDepthwiseLanes = false;
}
#endif
