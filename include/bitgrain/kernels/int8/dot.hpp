#pragma once

/// The u8 x s8 dot product, the one primitive of every int8 kernel. Sixteen accumulators, one per output channel,
/// each take four products at a time:
///
///     lane[l] += x[0] w[l][0] + x[1] w[l][1] + x[2] w[l][2] + x[3] w[l][3]        (modulo 2^32)
///
/// x is four unsigned bytes shared by the lanes, w a block of 16 x 4 signed bytes. Exact everywhere: the saturating
/// `pmaddubsw` is not used (255 * 127 * 2 does not fit its 16 bits). Sums wrap modulo 2^32, so an accumulator may
/// start at a correction and pass through values outside int32 as long as its final value fits.
///
/// A primitive is a class with the types Lanes, Quad (x) and Block (w) and the functions below; a kernel is a
/// template over it. `BestDot` is the fastest one this translation unit was compiled for. No other int8 file holds
/// intrinsics.

#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace bitgrain::kernels {

/// Output channels per block of packed weights, and products per lane and step.
inline constexpr std::int64_t kDotLanes = 16;
inline constexpr std::int64_t kDotQuad = 4;

/// Plain loops: any machine.
struct GenericDot {
  static constexpr const char* kName = "generic";
  static constexpr int kBlocks = 1;  ///< blocks of 16 output channels per register tile
  /// Pixels per register tile, by blocks.
  static constexpr int pixels(int) { return 4; }
  static constexpr int strip_pixels(int) { return 0; }
  struct Lanes {
    std::uint32_t lane[kDotLanes];
  };
  using Quad = const std::uint8_t*;
  using Block = const std::int8_t*;

  static Lanes load(const std::int32_t* from) {
    Lanes lanes;
    std::memcpy(lanes.lane, from, sizeof lanes.lane);
    return lanes;
  }
  static void store(std::int32_t* to, const Lanes& lanes) { std::memcpy(to, lanes.lane, sizeof lanes.lane); }
  static Quad quad(const std::uint8_t* x) { return x; }
  static Block block(const std::int8_t* w) { return w; }
  static void dot(Lanes& lanes, Quad x, Block w) {
    for (std::int64_t l = 0; l < kDotLanes; ++l) {
      const std::int8_t* row = w + l * kDotQuad;
      lanes.lane[l] += static_cast<std::uint32_t>(x[0] * row[0] + x[1] * row[1] + x[2] * row[2] + x[3] * row[3]);
    }
  }
};

#if defined(__SSE2__)
/// 128-bit vectors. `pmaddwd` on bytes widened to 16 bits is exact: |255 * 128 * 2| is far below 2^31.
struct Sse2Dot {
  static constexpr const char* kName = "sse2";
  static constexpr int kBlocks = 1;
  static constexpr int pixels(int) { return 2; }
  static constexpr int strip_pixels(int) { return 0; }
  struct Lanes {
    __m128i part[4];
  };
  struct Quad {
    __m128i even, odd;  // bytes 0 and 2, bytes 1 and 3, as 16-bit numbers
  };
  using Block = const std::int8_t*;

  static Lanes load(const std::int32_t* from) {
    Lanes lanes;
    for (int i = 0; i < 4; ++i) lanes.part[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 4 * i));
    return lanes;
  }
  static void store(std::int32_t* to, const Lanes& lanes) {
    for (int i = 0; i < 4; ++i) _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 4 * i), lanes.part[i]);
  }
  static Quad quad(const std::uint8_t* x) {
    std::int32_t four;
    std::memcpy(&four, x, sizeof four);
    const __m128i bytes = _mm_set1_epi32(four);
    return {_mm_and_si128(bytes, _mm_set1_epi16(0xFF)), _mm_srli_epi16(bytes, 8)};
  }
  static Block block(const std::int8_t* w) { return w; }
  static void dot(Lanes& lanes, const Quad& x, Block w) {
    for (int i = 0; i < 4; ++i) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(w + 16 * i));
      const __m128i even = _mm_srai_epi16(_mm_slli_epi16(bytes, 8), 8), odd = _mm_srai_epi16(bytes, 8);
      lanes.part[i] =
          _mm_add_epi32(lanes.part[i], _mm_add_epi32(_mm_madd_epi16(x.even, even), _mm_madd_epi16(x.odd, odd)));
    }
  }
};
#endif

#if defined(__AVX2__)
/// The same with 256-bit vectors.
struct Avx2Dot {
  static constexpr const char* kName = "avx2";
  static constexpr int kBlocks = 1;
  static constexpr int pixels(int) { return 4; }
  static constexpr int strip_pixels(int) { return 0; }
  struct Lanes {
    __m256i low, high;
  };
  struct Quad {
    __m256i even, odd;  // bytes 0 and 2, bytes 1 and 3, as 16-bit numbers
  };
  struct Block {
    __m256i low_even, low_odd, high_even, high_odd;
  };

  static Lanes load(const std::int32_t* from) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)),
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 8))};
  }
  static void store(std::int32_t* to, const Lanes& lanes) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), lanes.low);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 8), lanes.high);
  }
  static Quad quad(const std::uint8_t* x) {
    std::int32_t four;
    std::memcpy(&four, x, sizeof four);
    const __m256i bytes = _mm256_set1_epi32(four);
    return {_mm256_and_si256(bytes, _mm256_set1_epi16(0xFF)), _mm256_srli_epi16(bytes, 8)};
  }
  static Block block(const std::int8_t* w) {
    const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w));
    const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + 32));
    return {_mm256_srai_epi16(_mm256_slli_epi16(low, 8), 8), _mm256_srai_epi16(low, 8),
            _mm256_srai_epi16(_mm256_slli_epi16(high, 8), 8), _mm256_srai_epi16(high, 8)};
  }
  static void dot(Lanes& lanes, const Quad& x, const Block& w) {
    lanes.low = _mm256_add_epi32(
        lanes.low, _mm256_add_epi32(_mm256_madd_epi16(x.even, w.low_even), _mm256_madd_epi16(x.odd, w.low_odd)));
    lanes.high = _mm256_add_epi32(
        lanes.high, _mm256_add_epi32(_mm256_madd_epi16(x.even, w.high_even), _mm256_madd_epi16(x.odd, w.high_odd)));
  }
};
#endif

#if defined(__AVX512VNNI__) && defined(__AVX512F__)
/// `vpdpbusd` does the whole step in one instruction, without saturation.
struct Vnni512Dot {
  static constexpr const char* kName = "avx512-vnni";
  static constexpr int kBlocks = 2;
  /// As many as have their addresses in registers; five sums would hide the latency of the instruction.
  static constexpr int pixels(int blocks) { return blocks == 2 ? 12 : 8; }
  /// Where constants stay in registers beside the sums.
  static constexpr int strip_pixels(int blocks) { return blocks == 2 ? 6 : 8; }
  using Lanes = __m512i;
  using Quad = __m512i;
  using Block = __m512i;

  static Lanes load(const std::int32_t* from) { return _mm512_loadu_si512(from); }
  static void store(std::int32_t* to, const Lanes& lanes) { _mm512_storeu_si512(to, lanes); }
  static Quad quad(const std::uint8_t* x) {
    std::int32_t four;
    std::memcpy(&four, x, sizeof four);
    return _mm512_set1_epi32(four);
  }
  static Block block(const std::int8_t* w) { return _mm512_loadu_si512(w); }
  static void dot(Lanes& lanes, const Quad& x, const Block& w) {
#if defined(__GNUC__) && !defined(__clang__)
    // The intrinsic, but that GCC then copies sums from register to register where there are many: two more
    // instructions per product.
    asm("vpdpbusd %2, %1, %0" : "+v"(lanes) : "v"(x), "v"(w));
#else
    lanes = _mm512_dpbusd_epi32(lanes, x, w);
#endif
  }
};
using BestDot = Vnni512Dot;
#elif defined(__AVX2__)
using BestDot = Avx2Dot;
#elif defined(__SSE2__)
using BestDot = Sse2Dot;
#else
using BestDot = GenericDot;
#endif

}  // namespace bitgrain::kernels
