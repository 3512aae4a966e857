#pragma once

/// The instructions of a requantization (requantize.hpp): the sums of a register tile to stored bytes. The tile
/// leaves its sums in memory: a dozen constants beside two dozen accumulators would not fit the registers, and these
/// stores cost nothing beside the dot products of the next tile.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "bitgrain/kernels/int8/dot.hpp"
#include "bitgrain/kernels/int8/requantize.hpp"

namespace bitgrain::kernels {

/// Where the codes of a tile go: `codes` [pixels][channels of the layer], and the residual tensor of the same shape.
struct CodesOutput {
  const Requantization& constants;
  const std::uint8_t* residual;  ///< not read if there is none
  std::uint8_t* codes;
};

/// Any primitive: in 64 bits at once.
template <class Dot, int Blocks, bool Residual>
struct RequantizeTile {
  /// Writes the codes of `pixels` pixels, which `number` numbers, from sums [pixels][Blocks][16]; channels `channel`
  /// .., of which `channels` exist.
  static void put(const CodesOutput& output, const std::int32_t* sums, std::int64_t pixels,
                  const std::int32_t* number, std::int64_t channel, std::int64_t channels) {
    for (std::int64_t p = 0; p < pixels; ++p) {
      const std::int64_t at = number[p] * output.constants.channels + channel;
      for (std::int64_t l = 0; l < std::min(Blocks * kDotLanes, channels); ++l)
        output.codes[at + l] =
            output.constants.code(static_cast<std::size_t>(channel + l), sums[p * Blocks * kDotLanes + l],
                                  Residual ? output.residual[at + l] : std::uint8_t{0});
    }
  }
};

#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
namespace detail {

// Stored codes of 16 channels from `channel` on in 64 bits, of which `mask` are written.
template <bool Residual>
void exact_codes(const Requantization& r, std::int64_t channel, const std::int32_t* sums,
                 const std::uint8_t* residual, __mmask16 mask, std::uint8_t* to) {
  // Codes of eight channels.
  const auto half = [&](std::int64_t first) {
    const auto at = static_cast<std::size_t>(channel + first);
    const auto wide = [](const std::int32_t* from) {
      return _mm512_cvtepi32_epi64(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
    };
    __m512i total = _mm512_add_epi64(_mm512_loadu_si512(r.bias.data() + at),
                                     _mm512_mul_epi32(wide(sums + first), wide(r.multiplier.data() + at)));
    if constexpr (Residual) {
      const __m128i x = _mm_maskz_loadu_epi8(static_cast<__mmask16>(mask >> first & 0xFF), residual + first);
      total =
          _mm512_add_epi64(total, _mm512_mul_epi32(_mm512_cvtepu8_epi64(x), wide(r.residual_multiplier.data() + at)));
    }
    // Saturated before the offset is added, which then cannot overflow.
    const __m256i code = _mm512_cvtsepi64_epi32(_mm512_srav_epi64(total, _mm512_loadu_si512(r.shift.data() + at)));
    return _mm256_add_epi32(
        _mm256_min_epi32(_mm256_max_epi32(code, _mm256_set1_epi32(r.low)), _mm256_set1_epi32(r.high)),
        _mm256_set1_epi32(r.offset));
  };
  const __m512i codes = _mm512_inserti64x4(_mm512_castsi256_si512(half(0)), half(8), 1);
  _mm_mask_storeu_epi8(to, mask, _mm512_cvtepi32_epi8(codes));
}

}  // namespace detail

/// Estimates, four vectors of 16 codes at a time; those of which one is not certain are computed again.
template <int Blocks, bool Residual>
struct RequantizeTile<Vnni512Dot, Blocks, Residual> {
  [[gnu::noinline]] static void put(const CodesOutput& output, const std::int32_t* sums, std::int64_t pixels,
                                    const std::int32_t* number, std::int64_t channel, std::int64_t channels) {
    if (channels >= Blocks * kDotLanes)
      put_tile<true>(output, sums, pixels, number, channel, channels);
    else
      put_tile<false>(output, sums, pixels, number, channel, channels);
  }

 private:
  // Pixels that fill four vectors.
  static constexpr int kTogether = 4 / Blocks;

  // All: whether all channels exist.
  template <bool All>
  [[gnu::always_inline]] static void put_tile(const CodesOutput& output, const std::int32_t* sums,
                                              std::int64_t pixels, const std::int32_t* number, std::int64_t channel,
                                              std::int64_t channels) {
    const Constants constants(output.constants, channel, channels);
    for (; pixels >= kTogether; pixels -= kTogether, sums += 4 * kDotLanes, number += kTogether)
      put_group<All>(constants, output, sums, number);
    if (pixels == 0) return;
    // The last pixel stands for those that do not exist.
    std::int32_t last_sums[4 * kDotLanes], last_number[kTogether];
    for (int i = 0; i < kTogether; ++i) {
      const std::int64_t p = std::min<std::int64_t>(i, pixels - 1);
      std::copy_n(sums + p * Blocks * kDotLanes, Blocks * kDotLanes, last_sums + i * Blocks * kDotLanes);
      last_number[i] = number[p];
    }
    put_group<All>(constants, output, last_sums, last_number);
  }

  // What all pixels share.
  struct Constants {
    Constants(const Requantization& r, std::int64_t first, std::int64_t channels)
        : stride(r.channels),
          channel(first),
          mask(channels < Blocks * kDotLanes ? ~std::uint64_t{0} >> (64 - channels) : ~std::uint64_t{0}),
          limit(limits(r.limit.data() + first)),
          low(_mm512_set1_epi8(static_cast<char>(r.low + r.offset))),
          high(_mm512_set1_epi8(static_cast<char>(r.high + r.offset))) {
      for (int b = 0; b < Blocks; ++b) {
        scale[b] = _mm512_loadu_ps(r.scale.data() + first + b * kDotLanes);
        start[b] = _mm512_loadu_ps(r.start.data() + first + b * kDotLanes);
        residual_scale[b] = _mm512_loadu_ps(r.residual_scale.data() + first + b * kDotLanes);
      }
    }
    std::int64_t stride, channel;
    std::uint64_t mask;  // of the channels that exist
    __m512i limit, low, high;
    __m512 scale[Blocks], start[Blocks], residual_scale[Blocks];
  };

  // Four vectors of sums.
  template <bool All>
  [[gnu::always_inline]] static void put_group(const Constants& constants, const CodesOutput& output,
                                               const std::int32_t* sums, const std::int32_t* number) {
    const auto at = [&](int i) { return number[i] * constants.stride + constants.channel; };
    __m512i t[4];
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
      const int b = v % Blocks;
      __m512 value = _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_loadu_si512(sums + v * kDotLanes)), constants.scale[b],
                                     constants.start[b]);
      if constexpr (Residual) {
        const std::uint8_t* from = output.residual + at(v / Blocks) + b * kDotLanes;
        const __m128i bytes =
            All ? _mm_loadu_si128(reinterpret_cast<const __m128i*>(from))
                : _mm_maskz_loadu_epi8(static_cast<__mmask16>(constants.mask >> b * kDotLanes), from);
        value = _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes)), constants.residual_scale[b], value);
      }
      t[v] = _mm512_cvtps_epi32(value);
    }
    const __m512i fraction = _mm512_min_epu16(halves<0>(t[0], t[1]), halves<0>(t[2], t[3]));
    // Packing saturates to bytes. It works within 128 bits: eight codes of t[0] or t[1], then eight of t[2] or t[3].
    __m512i bytes = _mm512_packus_epi16(halves<1>(t[0], t[1]), halves<1>(t[2], t[3]));
    bytes = _mm512_min_epu8(_mm512_max_epu8(bytes, constants.low), constants.high);
    bytes = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), bytes);
    if (All && constants.stride == Blocks * kDotLanes && number[kTogether - 1] - number[0] == kTogether - 1) {
      _mm512_storeu_si512(output.codes + at(0), bytes);
    } else if constexpr (Blocks == 2) {
      store<All>(constants.mask, _mm512_castsi512_si256(bytes), output.codes + at(0));
      store<All>(constants.mask, _mm512_extracti64x4_epi64(bytes, 1), output.codes + at(1));
    } else {
      store<All>(constants.mask, _mm512_castsi512_si128(bytes), output.codes + at(0));
      store<All>(constants.mask, _mm512_extracti32x4_epi32(bytes, 1), output.codes + at(1));
      store<All>(constants.mask, _mm512_extracti32x4_epi32(bytes, 2), output.codes + at(2));
      store<All>(constants.mask, _mm512_extracti32x4_epi32(bytes, 3), output.codes + at(3));
    }
    __mmask32 uncertain = _mm512_cmplt_epu16_mask(fraction, constants.limit);
    if constexpr (!All)
      uncertain &= static_cast<__mmask32>(Blocks == 2 ? constants.mask : constants.mask << 16 | constants.mask);
    if (uncertain != 0) [[unlikely]]
      put_exact(output, sums, number, constants.channel, constants.mask);
  }

  // The same in 64 bits.
  [[gnu::noinline]] static void put_exact(const CodesOutput& output, const std::int32_t* sums,
                                          const std::int32_t* number, std::int64_t channel, std::uint64_t mask) {
    for (int v = 0; v < 4; ++v) {
      const int first = v % Blocks * kDotLanes;
      const std::int64_t at = number[v / Blocks] * output.constants.channels + channel + first;
      detail::exact_codes<Residual>(output.constants, channel + first, sums + v * kDotLanes,
                                    Residual ? output.residual + at : nullptr, static_cast<__mmask16>(mask >> first),
                                    output.codes + at);
    }
  }

  // The limits of two vectors.
  static __m512i limits(const std::uint16_t* from) {
    if constexpr (Blocks == 2)
      return _mm512_loadu_si512(from);
    else
      return _mm512_broadcast_i64x4(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  }

  // The lower, or upper, halves of 32 numbers.
  template <int Upper>
  [[gnu::always_inline]] static __m512i halves(__m512i a, __m512i b) {
    alignas(64) static constexpr auto kIndex = [] {
      std::array<std::uint16_t, 32> index{};
      for (std::size_t i = 0; i < 32; ++i) index[i] = static_cast<std::uint16_t>(2 * i + Upper);
      return index;
    }();
    return _mm512_permutex2var_epi16(a, _mm512_load_si512(kIndex.data()), b);
  }

  // Codes of a pixel.
  template <bool All>
  [[gnu::always_inline]] static void store(std::uint64_t mask, __m256i codes, std::uint8_t* to) {
    if constexpr (All)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), codes);
    else
      _mm256_mask_storeu_epi8(to, static_cast<__mmask32>(mask), codes);
  }
  template <bool All>
  [[gnu::always_inline]] static void store(std::uint64_t mask, __m128i codes, std::uint8_t* to) {
    if constexpr (All)
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to), codes);
    else
      _mm_mask_storeu_epi8(to, static_cast<__mmask16>(mask), codes);
  }
};
#endif

}  // namespace bitgrain::kernels
