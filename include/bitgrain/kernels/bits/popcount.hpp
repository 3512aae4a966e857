#pragma once

/// The primitives of the bit-serial kernels. Sixteen counters, one per output channel, each take 32 products of
/// single bits at a time:
///
///     lane[l] += popcount((x ^ sign[l]) & mask[l])                               (modulo 2^32)
///
/// x is a word of 32 input bits shared by the lanes; sign and mask are blocks of 16 words of weight bits. A weight of
/// -1, 0 or +1 whose mask bit says "not zero" and whose sign bit says "negative" contributes x, or 1 - x = -x + 1
/// where it is negative: the count exceeds the sum of weight * x by the number of negative weights, a constant. In
/// `count_within` the mask is a word of input bits; `count_differing` has no mask and `count_common` no signs, which
/// is faster: x ^ sign and x & mask leave their operands alone.
///
/// A primitive is a class with the types Lanes, Word (x) and Block (weights) and the functions below; a kernel is a
/// template over it. `BestBits` is the fastest one this translation unit was compiled for. No other file of this
/// folder holds intrinsics.

#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace bitgrain::kernels {

/// Output channels per block of weight bits, and input bits (bytes of them) per step.
inline constexpr std::int64_t kBitLanes = 16;
inline constexpr std::int64_t kBitWord = 32;
inline constexpr std::int64_t kBitWordBytes = kBitWord / 8;
inline constexpr std::int64_t kBitBlockBytes = kBitLanes * kBitWordBytes;

namespace detail {
// Bit i of the result is bit `bit` of the byte v[i]. The product moves bit 8i to 56 + i; no two summands meet, so
// nothing is carried.
inline std::uint8_t gather_bit(std::uint64_t v, int bit) {
  return static_cast<std::uint8_t>(((v >> bit & 0x0101010101010101u) * 0x0102040810204080u) >> 56);
}
inline std::uint64_t load_few_bytes(const std::uint8_t* from, std::int64_t count) {
  std::uint64_t v = 0;
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(&v, from, static_cast<std::size_t>(count));
  } else {
    for (std::int64_t i = 0; i < count; ++i) v |= std::uint64_t{from[i]} << (8 * i);
  }
  return v;
}
// The bytes v[i] - lowest, for bytes that are not below it (so that nothing is borrowed), zero from `count` on.
inline std::uint64_t load_codes(const std::uint8_t* from, std::int64_t count, std::uint8_t lowest) {
  const std::uint64_t ones = 0x0101010101010101u >> (8 * (8 - count));
  return load_few_bytes(from, count) - ones * lowest;
}
}  // namespace detail

/// Plain loops: any machine.
struct GenericBits {
  static constexpr const char* kName = "generic";
  static constexpr int kPixels = 4;  ///< pixels per register tile
  static constexpr int kBlocks = 1;  ///< blocks of 16 output channels per register tile
  struct Lanes {
    std::uint32_t lane[kBitLanes];
  };
  using Word = std::uint32_t;
  using Block = const std::uint8_t*;

  static Word word(const std::uint8_t* x) {
    Word w;
    std::memcpy(&w, x, sizeof w);
    return w;
  }
  static Block block(const std::uint8_t* w) { return w; }
  static void count(Lanes& lanes, Word x, Block sign, Block mask) {
    for (std::int64_t l = 0; l < kBitLanes; ++l)
      lanes.lane[l] += static_cast<std::uint32_t>(std::popcount((x ^ word(sign + 4 * l)) & word(mask + 4 * l)));
  }
  static void count_within(Lanes& lanes, Word x, Word mask, Block sign) {
    for (std::int64_t l = 0; l < kBitLanes; ++l)
      lanes.lane[l] += static_cast<std::uint32_t>(std::popcount((x ^ word(sign + 4 * l)) & mask));
  }
  static void count_differing(Lanes& lanes, Word x, Block sign) {
    for (std::int64_t l = 0; l < kBitLanes; ++l)
      lanes.lane[l] += static_cast<std::uint32_t>(std::popcount(x ^ word(sign + 4 * l)));
  }
  static void count_common(Lanes& lanes, Word x, Block mask) {
    for (std::int64_t l = 0; l < kBitLanes; ++l)
      lanes.lane[l] += static_cast<std::uint32_t>(std::popcount(x & word(mask + 4 * l)));
  }
  static void multiply(Lanes& lanes, std::int32_t by) {
    for (std::uint32_t& lane : lanes.lane) lane *= static_cast<std::uint32_t>(by);
  }
  /// Stores (lanes << shift) + start[lane] + all.
  static void store(std::int32_t* to, const Lanes& lanes, int shift, const std::int32_t* start, std::int32_t all) {
    for (std::int64_t l = 0; l < kBitLanes; ++l)
      to[l] = static_cast<std::int32_t>((lanes.lane[l] << shift) + static_cast<std::uint32_t>(start[l]) +
                                        static_cast<std::uint32_t>(all));
  }

  /// Splits `count` codes into bit planes: bit i of to[j], counted from the lowest bit of the first byte, is bit
  /// shift + j of codes[i] - lowest. Writes ceil(count / 8) bytes per plane, zero bits after the last code.
  static void split(const std::uint8_t* codes, std::int64_t count, std::uint8_t lowest, int shift, int planes,
                    std::uint8_t* const* to) {
    for (std::int64_t i = 0; i < count; i += 8) {
      const std::uint64_t v = detail::load_codes(codes + i, count - i < 8 ? count - i : 8, lowest);
      for (int j = 0; j < planes; ++j) to[j][i / 8] = detail::gather_bit(v, shift + j);
    }
  }
};

#if defined(__AVX2__)
/// 256-bit vectors: bits are counted by looking up nibbles, and the bytes of a lane are added up by products with one
/// (at most 4 * 8, far from saturating).
struct Avx2Bits {
  static constexpr const char* kName = "avx2";
  static constexpr int kPixels = 4;
  static constexpr int kBlocks = 1;
  struct Lanes {
    __m256i low, high;
  };
  using Word = __m256i;
  struct Block {
    __m256i low, high;
  };

  static Word word(const std::uint8_t* x) {
    std::int32_t bits;
    std::memcpy(&bits, x, sizeof bits);
    return _mm256_set1_epi32(bits);
  }
  static Block block(const std::uint8_t* w) { return {load(w), load(w + 32)}; }
  static void count(Lanes& lanes, const Word& x, const Block& sign, const Block& mask) {
    add_ones(lanes.low, _mm256_and_si256(_mm256_xor_si256(x, sign.low), mask.low));
    add_ones(lanes.high, _mm256_and_si256(_mm256_xor_si256(x, sign.high), mask.high));
  }
  static void count_within(Lanes& lanes, const Word& x, const Word& mask, const Block& sign) {
    count(lanes, x, sign, {mask, mask});
  }
  static void count_differing(Lanes& lanes, const Word& x, const Block& sign) {
    add_ones(lanes.low, _mm256_xor_si256(x, sign.low));
    add_ones(lanes.high, _mm256_xor_si256(x, sign.high));
  }
  static void count_common(Lanes& lanes, const Word& x, const Block& mask) {
    add_ones(lanes.low, _mm256_and_si256(x, mask.low));
    add_ones(lanes.high, _mm256_and_si256(x, mask.high));
  }
  static void multiply(Lanes& lanes, std::int32_t by) {
    lanes.low = _mm256_mullo_epi32(lanes.low, _mm256_set1_epi32(by));
    lanes.high = _mm256_mullo_epi32(lanes.high, _mm256_set1_epi32(by));
  }
  static void store(std::int32_t* to, const Lanes& lanes, int shift, const std::int32_t* start, std::int32_t all) {
    const auto put = [&](int at, __m256i v) {
      v = _mm256_sll_epi32(v, _mm_cvtsi32_si128(shift));
      v = _mm256_add_epi32(_mm256_add_epi32(v, _mm256_set1_epi32(all)), load(start + at));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + at), v);
    };
    put(0, lanes.low);
    put(8, lanes.high);
  }
  static void split(const std::uint8_t* codes, std::int64_t count, std::uint8_t lowest, int shift, int planes,
                    std::uint8_t* const* to) {
    std::int64_t i = 0;
    for (; i + 32 <= count; i += 32) {
      const __m256i v = _mm256_sub_epi8(load(codes + i), _mm256_set1_epi8(static_cast<char>(lowest)));
      for (int j = 0; j < planes; ++j) {
        // The wanted bit becomes the highest of its byte.
        const int bits = _mm256_movemask_epi8(_mm256_sll_epi16(v, _mm_cvtsi32_si128(7 - shift - j)));
        std::memcpy(to[j] + i / 8, &bits, sizeof bits);
      }
    }
    for (; i < count; i += 8) {
      const std::uint64_t v = detail::load_codes(codes + i, count - i < 8 ? count - i : 8, lowest);
      for (int j = 0; j < planes; ++j) to[j][i / 8] = detail::gather_bit(v, shift + j);
    }
  }

 private:
  static __m256i load(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
  static void add_ones(__m256i& lanes, __m256i v) {
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i ones_of =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    const __m256i bytes =
        _mm256_add_epi8(_mm256_shuffle_epi8(ones_of, _mm256_and_si256(v, nibble)),
                        _mm256_shuffle_epi8(ones_of, _mm256_and_si256(_mm256_srli_epi16(v, 4), nibble)));
    const __m256i pairs = _mm256_maddubs_epi16(bytes, _mm256_set1_epi8(1));
    lanes = _mm256_add_epi32(lanes, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
};
#endif

#if defined(__ARM_NEON)
/// 128-bit vectors with a byte-wise count of bits.
struct NeonBits {
  static constexpr const char* kName = "neon";
  static constexpr int kPixels = 4;
  static constexpr int kBlocks = 1;
  struct Lanes {
    uint32x4_t part[4];
  };
  using Word = uint8x16_t;
  struct Block {
    uint8x16_t part[4];
  };

  static Word word(const std::uint8_t* x) {
    std::uint32_t bits;
    std::memcpy(&bits, x, sizeof bits);
    return vreinterpretq_u8_u32(vdupq_n_u32(bits));
  }
  static Block block(const std::uint8_t* w) {
    return {{vld1q_u8(w), vld1q_u8(w + 16), vld1q_u8(w + 32), vld1q_u8(w + 48)}};
  }
  static void count(Lanes& lanes, Word x, const Block& sign, const Block& mask) {
    for (int i = 0; i < 4; ++i) add_ones(lanes.part[i], vandq_u8(veorq_u8(x, sign.part[i]), mask.part[i]));
  }
  static void count_within(Lanes& lanes, Word x, Word mask, const Block& sign) {
    for (int i = 0; i < 4; ++i) add_ones(lanes.part[i], vandq_u8(veorq_u8(x, sign.part[i]), mask));
  }
  static void count_differing(Lanes& lanes, Word x, const Block& sign) {
    for (int i = 0; i < 4; ++i) add_ones(lanes.part[i], veorq_u8(x, sign.part[i]));
  }
  static void count_common(Lanes& lanes, Word x, const Block& mask) {
    for (int i = 0; i < 4; ++i) add_ones(lanes.part[i], vandq_u8(x, mask.part[i]));
  }
  static void multiply(Lanes& lanes, std::int32_t by) {
    for (uint32x4_t& part : lanes.part) part = vmulq_n_u32(part, static_cast<std::uint32_t>(by));
  }
  static void store(std::int32_t* to, const Lanes& lanes, int shift, const std::int32_t* start, std::int32_t all) {
    for (int i = 0; i < 4; ++i)
      vst1q_s32(to + 4 * i, vaddq_s32(vaddq_s32(vdupq_n_s32(all),
                                                vreinterpretq_s32_u32(vshlq_u32(lanes.part[i], vdupq_n_s32(shift)))),
                                      vld1q_s32(start + 4 * i)));
  }
  static void split(const std::uint8_t* codes, std::int64_t count, std::uint8_t lowest, int shift, int planes,
                    std::uint8_t* const* to) {
    GenericBits::split(codes, count, lowest, shift, planes, to);
  }

 private:
  static void add_ones(uint32x4_t& lanes, uint8x16_t v) { lanes = vpadalq_u16(lanes, vpaddlq_u8(vcntq_u8(v))); }
};
#endif

#if defined(__AVX512VPOPCNTDQ__) && defined(__AVX512BW__)
/// The logic in one instruction, the count in another.
struct Vpopcnt512Bits {
  static constexpr const char* kName = "avx512-vpopcntdq";
  static constexpr int kPixels = 8;
  static constexpr int kBlocks = 2;
  using Lanes = __m512i;
  using Word = __m512i;
  using Block = __m512i;

  static Word word(const std::uint8_t* x) {
    std::int32_t bits;
    std::memcpy(&bits, x, sizeof bits);
    return _mm512_set1_epi32(bits);
  }
  static Block block(const std::uint8_t* w) { return _mm512_loadu_si512(w); }
  static void count(Lanes& lanes, const Word& x, const Block& sign, const Block& mask) {
    // Truth table of (a ^ b) & c.
    lanes = _mm512_add_epi32(lanes, _mm512_popcnt_epi32(_mm512_ternarylogic_epi32(x, sign, mask, 0x28)));
  }
  static void count_within(Lanes& lanes, const Word& x, const Word& mask, const Block& sign) {
    count(lanes, x, sign, mask);
  }
  static void count_differing(Lanes& lanes, const Word& x, const Block& sign) {
    lanes = _mm512_add_epi32(lanes, _mm512_popcnt_epi32(_mm512_xor_si512(x, sign)));
  }
  static void count_common(Lanes& lanes, const Word& x, const Block& mask) {
    lanes = _mm512_add_epi32(lanes, _mm512_popcnt_epi32(_mm512_and_si512(x, mask)));
  }
  static void multiply(Lanes& lanes, std::int32_t by) { lanes = _mm512_mullo_epi32(lanes, _mm512_set1_epi32(by)); }
  static void store(std::int32_t* to, const Lanes& lanes, int shift, const std::int32_t* start, std::int32_t all) {
    const __m512i product = _mm512_sll_epi32(lanes, _mm_cvtsi32_si128(shift));
    _mm512_storeu_si512(
        to, _mm512_add_epi32(_mm512_add_epi32(product, _mm512_set1_epi32(all)), _mm512_loadu_si512(start)));
  }
  static void split(const std::uint8_t* codes, std::int64_t count, std::uint8_t lowest, int shift, int planes,
                    std::uint8_t* const* to) {
    const __m512i low = _mm512_set1_epi8(static_cast<char>(lowest));
    for (std::int64_t i = 0; i < count; i += 64) {
      const std::int64_t here = count - i < 64 ? count - i : 64;
      const __mmask64 valid = ~std::uint64_t{0} >> (64 - here);
      const __m512i v = _mm512_sub_epi8(_mm512_maskz_loadu_epi8(valid, codes + i), low);
      for (int j = 0; j < planes; ++j) {
        const std::uint64_t bits =
            _mm512_mask_test_epi8_mask(valid, v, _mm512_set1_epi8(static_cast<char>(1 << (shift + j))));
        if (here == 64)
          std::memcpy(to[j] + i / 8, &bits, sizeof bits);
        else
          std::memcpy(to[j] + i / 8, &bits, static_cast<std::size_t>((here + 7) / 8));
      }
    }
  }
};
using BestBits = Vpopcnt512Bits;
#elif defined(__AVX2__)
using BestBits = Avx2Bits;
#elif defined(__ARM_NEON)
using BestBits = NeonBits;
#else
using BestBits = GenericBits;
#endif

}  // namespace bitgrain::kernels
