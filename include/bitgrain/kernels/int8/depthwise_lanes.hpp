#pragma once

/// The instructions of the depthwise int8 convolution: 32 channels at a time, four pixels of a row per step. The
/// bytes of a channel in the four pixels are brought together by unpacking, which leaves the channels in the order of
/// packed_conv2d.hpp (pack_lane_weights); packing the codes undoes it.

#include <cstdint>

#include "bitgrain/kernels/int8/packed_conv2d.hpp"
#include "bitgrain/kernels/int8/requantize.hpp"

#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
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

  /// The same byte everywhere.
  static Quads quads(std::uint8_t x) {
    const __m256i all = _mm256_set1_epi8(static_cast<char>(x));
    return {{all, all, all, all}};
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

  /// The estimate of requantize.hpp for 32 channels.
  class Requantize {
   public:
    Requantize(const Requantization& r, std::int64_t channel)
        : low_(_mm256_set1_epi8(static_cast<char>(r.low + r.offset))),
          high_(_mm256_set1_epi8(static_cast<char>(r.high + r.offset))) {
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) {
        scale_[v] = spread(r.scale.data() + channel, v);
        start_[v] = spread(r.start.data() + channel, v);
      }
      // Packed from 32 bits as the fractions will be.
#pragma GCC unroll 2
      for (int i = 0; i < 2; ++i) {
        const auto eight = [&](std::int64_t first) {
          return _mm_loadu_si128(reinterpret_cast<const __m128i*>(r.limit.data() + channel + first + 8 * i));
        };
        limit_[i] = _mm256_inserti128_si256(_mm256_castsi128_si256(eight(0)), eight(16), 1);
      }
    }
    /// Writes 32 codes of each of `Outs` pixels `stride` bytes apart; false if one of them is not certain.
    template <int Outs>
    [[gnu::always_inline]] bool put(const DepthwiseLanes (&sums)[Outs], std::uint8_t* to, std::int64_t stride) const {
      __m256i fraction[2];
      const __m256i lower = halves(0), upper = halves(1);
#pragma GCC unroll 2
      for (int o = 0; o < Outs; ++o) {
        __m256i t[4], code[2];
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v)
          t[v] = _mm256_cvtps_epi32(_mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[o].sum_[v]), scale_[v], start_[v]));
#pragma GCC unroll 2
        for (int i = 0; i < 2; ++i) {
          const __m256i rest = _mm256_permutex2var_epi16(t[2 * i], lower, t[2 * i + 1]);
          fraction[i] = o == 0 ? rest : _mm256_min_epu16(fraction[i], rest);
          code[i] = _mm256_permutex2var_epi16(t[2 * i], upper, t[2 * i + 1]);
        }
        // Packing saturates to bytes: a clamp to 0 .. 255.
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + o * stride),
                            _mm256_min_epu8(_mm256_max_epu8(_mm256_packus_epi16(code[0], code[1]), low_), high_));
      }
      return (_mm256_cmplt_epu16_mask(fraction[0], limit_[0]) | _mm256_cmplt_epu16_mask(fraction[1], limit_[1])) == 0;
    }

   private:
    // Lower or upper halves of 32-bit numbers, in the order in which packing would leave them.
    static __m256i halves(int upper) {
      alignas(32) static constexpr std::uint16_t kIndex[2][16] = {
          {0, 2, 4, 6, 16, 18, 20, 22, 8, 10, 12, 14, 24, 26, 28, 30},
          {1, 3, 5, 7, 17, 19, 21, 23, 9, 11, 13, 15, 25, 27, 29, 31}};
      return _mm256_load_si256(reinterpret_cast<const __m256i*>(kIndex[upper]));
    }

    __m256 scale_[4], start_[4];
    __m256i limit_[2], low_, high_;
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
