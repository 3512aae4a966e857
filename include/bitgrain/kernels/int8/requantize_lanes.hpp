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

/// Any primitive: in 64 bits at once. An object is made for the channels `channel` .., of which `channels` exist.
template <class Dot, int Blocks, bool Residual>
class RequantizeTile {
 public:
  RequantizeTile(const CodesOutput& output, std::int64_t channel, std::int64_t channels)
      : output_(output), channel_(channel), channels_(std::min(Blocks * kDotLanes, channels)) {}

  /// Writes the codes of `pixels` pixels, which `number` numbers, from sums [pixels][Blocks][16].
  void put(const std::int32_t* sums, const std::int32_t* number, std::int64_t pixels) const {
    for (std::int64_t p = 0; p < pixels; ++p, sums += Blocks * kDotLanes) put_pixel(sums, number[p]);
  }
  /// Writes the codes of the pixels 0 .. pixels - 1 from rows of sums, row p at sums + p * stride.
  void put_rows(const std::int32_t* sums, std::int64_t stride, std::int64_t pixels) const {
    for (std::int64_t p = 0; p < pixels; ++p, sums += stride) put_pixel(sums, p);
  }

 private:
  void put_pixel(const std::int32_t* sums, std::int64_t number) const {
    const std::int64_t at = number * output_.constants.channels + channel_;
    for (std::int64_t l = 0; l < channels_; ++l)
      output_.codes[at + l] = output_.constants.code(static_cast<std::size_t>(channel_ + l), sums[l],
                                                     Residual ? output_.residual[at + l] : std::uint8_t{0});
  }

  CodesOutput output_;
  std::int64_t channel_, channels_;
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

/// Estimates, four vectors of 16 codes at a time; those of which one is not certain are computed again. An object
/// holds the constants of 16 Blocks channels.
template <int Blocks, bool Residual>
class RequantizeTile<Vnni512Dot, Blocks, Residual> {
 public:
  RequantizeTile(const CodesOutput& output, std::int64_t channel, std::int64_t channels)
      : output_(output),
        stride_(output.constants.channels),
        channel_(channel),
        mask_(channels < Blocks * kDotLanes ? ~std::uint64_t{0} >> (64 - channels) : ~std::uint64_t{0}),
        whole_(channels == stride_ && channels == Blocks * kDotLanes),
        low_(_mm512_set1_epi8(static_cast<char>(output.constants.low + output.constants.offset))),
        high_(_mm512_set1_epi8(static_cast<char>(output.constants.high + output.constants.offset))) {
    const Requantization& r = output.constants;
    for (int b = 0; b < Blocks; ++b) {
      scale_[b] = _mm512_loadu_ps(r.scale.data() + channel + b * kDotLanes);
      start_[b] = _mm512_loadu_ps(r.start.data() + channel + b * kDotLanes);
      residual_scale_[b] = _mm512_loadu_ps(r.residual_scale.data() + channel + b * kDotLanes);
    }
    // Channels that do not exist are certain.
    const auto two = static_cast<__mmask32>(Blocks == 2 ? mask_ : mask_ << 16 | (mask_ & 0xFFFF));
    limit_ = _mm512_maskz_mov_epi16(two, limits(r.limit.data() + channel));
  }

  [[gnu::noinline]] void put(const std::int32_t* sums, const std::int32_t* number, std::int64_t pixels) const {
    const RequantizeTile tile = *this;  // in registers, whatever the codes are written over
    for (; pixels >= kTogether; pixels -= kTogether, sums += 4 * kDotLanes, number += kTogether)
      tile.put_group(load(sums, 0), load(sums, 1), load(sums, 2), load(sums, 3), number);
    if (pixels == 0) return;
    // The last pixel stands for those that do not exist.
    std::int32_t last_sums[4 * kDotLanes], last_number[kTogether];
    for (int i = 0; i < kTogether; ++i) {
      const std::int64_t p = std::min<std::int64_t>(i, pixels - 1);
      std::copy_n(sums + p * Blocks * kDotLanes, Blocks * kDotLanes, last_sums + i * Blocks * kDotLanes);
      last_number[i] = number[p];
    }
    tile.put_group(load(last_sums, 0), load(last_sums, 1), load(last_sums, 2), load(last_sums, 3), last_number);
  }
  /// Rows of sums, of which only those of channels that exist are read.
  [[gnu::noinline]] void put_rows(const std::int32_t* sums, std::int64_t stride, std::int64_t pixels) const {
    const RequantizeTile tile = *this;
    for (std::int64_t p = 0; p < pixels; p += kTogether) {
      std::int32_t number[kTogether];
      for (std::int64_t i = 0; i < kTogether; ++i) number[i] = static_cast<std::int32_t>(std::min(p + i, pixels - 1));
      const auto row = [&](int v) {
        return _mm512_maskz_loadu_epi32(static_cast<__mmask16>(tile.mask_ >> v % Blocks * kDotLanes),
                                        sums + number[v / Blocks] * stride + v % Blocks * kDotLanes);
      };
      tile.put_group(row(0), row(1), row(2), row(3), number);
    }
  }
  /// The same for sums in registers; numbers ascend, but the last one may come again, with the same sums.
  template <int Pixels>
  [[gnu::always_inline]] void put(const __m512i (&sums)[Pixels][Blocks], const std::int32_t* number) const {
    static_assert(Pixels % kTogether == 0);
#pragma GCC unroll 8
    for (int p = 0; p < Pixels; p += kTogether)
      put_group(sums[p][0], sums[p + (Blocks == 1)][Blocks - 1], sums[p + 2 / Blocks][0],
                sums[p + kTogether - 1][Blocks - 1], number + p);
  }

 private:
  // Pixels that fill four vectors.
  static constexpr int kTogether = 4 / Blocks;

  [[gnu::always_inline]] static __m512i load(const std::int32_t* sums, int v) {
    return _mm512_loadu_si512(sums + v * kDotLanes);
  }

  [[gnu::always_inline]] std::int64_t at(std::int32_t number) const { return number * stride_ + channel_; }

  [[gnu::always_inline]] __m512i estimate(const __m512i& sum, int v, const std::int32_t* number) const {
    const int b = v % Blocks;
    __m512 t = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), scale_[b], start_[b]);
    if constexpr (Residual) {
      const std::uint8_t* from = output_.residual + at(number[v / Blocks]) + b * kDotLanes;
      const __m512i bytes =
          _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(static_cast<__mmask16>(mask_ >> b * kDotLanes), from));
      t = _mm512_fmadd_ps(_mm512_cvtepi32_ps(bytes), residual_scale_[b], t);
    }
    return _mm512_cvtps_epi32(t);
  }

  // Four vectors of sums.
  [[gnu::always_inline]] void put_group(const __m512i& a, const __m512i& b, const __m512i& c, const __m512i& d,
                                        const std::int32_t* number) const {
    const __m512i t0 = estimate(a, 0, number), t1 = estimate(b, 1, number);
    const __m512i t2 = estimate(c, 2, number), t3 = estimate(d, 3, number);
    const __m512i fraction = _mm512_min_epu16(halves<0>(t0, t1), halves<0>(t2, t3));
    // Packing saturates to bytes. It works within 128 bits: eight codes of t0 or t1, then eight of t2 or t3.
    __m512i bytes = _mm512_packus_epi16(halves<1>(t0, t1), halves<1>(t2, t3));
    bytes = _mm512_min_epu8(_mm512_max_epu8(bytes, low_), high_);
    bytes = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), bytes);
    std::uint8_t* codes = output_.codes;
    // Numbers ascend, and only the last one may come again.
    if (whole_ && number[kTogether - 1] - number[0] == kTogether - 1 &&
        number[kTogether - 1] - number[kTogether - 2] == 1) {
      _mm512_storeu_si512(codes + at(number[0]), bytes);
    } else if constexpr (Blocks == 2) {
      const auto mask = static_cast<__mmask32>(mask_);
      _mm256_mask_storeu_epi8(codes + at(number[0]), mask, _mm512_castsi512_si256(bytes));
      _mm256_mask_storeu_epi8(codes + at(number[1]), mask, _mm512_extracti64x4_epi64(bytes, 1));
    } else {
      const auto mask = static_cast<__mmask16>(mask_);
      _mm_mask_storeu_epi8(codes + at(number[0]), mask, _mm512_castsi512_si128(bytes));
      _mm_mask_storeu_epi8(codes + at(number[1]), mask, _mm512_extracti32x4_epi32(bytes, 1));
      _mm_mask_storeu_epi8(codes + at(number[2]), mask, _mm512_extracti32x4_epi32(bytes, 2));
      _mm_mask_storeu_epi8(codes + at(number[3]), mask, _mm512_extracti32x4_epi32(bytes, 3));
    }
    if (_mm512_cmplt_epu16_mask(fraction, limit_) != 0) [[unlikely]] {
      std::int32_t sums[4 * kDotLanes];
      _mm512_storeu_si512(sums, a);
      _mm512_storeu_si512(sums + kDotLanes, b);
      _mm512_storeu_si512(sums + 2 * kDotLanes, c);
      _mm512_storeu_si512(sums + 3 * kDotLanes, d);
      put_exact(output_, sums, number, channel_, mask_);
    }
  }

  // The same in 64 bits.
  [[gnu::noinline]] static void put_exact(CodesOutput output, const std::int32_t* sums, const std::int32_t* number,
                                          std::int64_t channel, std::uint64_t mask) {
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

  CodesOutput output_;
  std::int64_t stride_, channel_;
  std::uint64_t mask_;  // of the channels that exist
  bool whole_;          // whether a pixel is these channels and no others
  __m512i limit_, low_, high_;
  __m512 scale_[Blocks], start_[Blocks], residual_scale_[Blocks];
};
#endif

}  // namespace bitgrain::kernels
