#pragma once

/// Transposing a square of vectors in registers: the primitive behind packing a matrix against its grain. And adding
/// up the lanes of each of its rows, which is a transposition that adds what it would move.

#include <cstdint>
#include <type_traits>

#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// rows[i] lane j becomes rows[j] lane i, for as many vectors as a vector has lanes.
///
/// With lanes in groups of four (x86 shuffles stay within them), two rounds of unpacking transpose the 4x4 squares;
/// then whole groups change places. The generic way goes through memory.
template <class V>
inline void transpose_square(V* rows) {
  using T = typename V::value_type;
  constexpr auto kL = static_cast<int>(V::size);
  if constexpr (kL == 1) {
    return;
#if defined(__AVX512F__)
  } else if constexpr (kL == 16 && std::is_same_v<T, float>) {
    __m512 pair[16], quad[16];
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
      pair[i] = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
      pair[i + 1] = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
    }
    // quad[i + c]: group g holds column 4 g + c of rows i .. i + 3.
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
      quad[i] = _mm512_shuffle_ps(pair[i], pair[i + 2], 0x44);
      quad[i + 1] = _mm512_shuffle_ps(pair[i], pair[i + 2], 0xEE);
      quad[i + 2] = _mm512_shuffle_ps(pair[i + 1], pair[i + 3], 0x44);
      quad[i + 3] = _mm512_shuffle_ps(pair[i + 1], pair[i + 3], 0xEE);
    }
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) {
      const __m512 even_low = _mm512_shuffle_f32x4(quad[c], quad[4 + c], 0x88);
      const __m512 odd_low = _mm512_shuffle_f32x4(quad[c], quad[4 + c], 0xDD);
      const __m512 even_high = _mm512_shuffle_f32x4(quad[8 + c], quad[12 + c], 0x88);
      const __m512 odd_high = _mm512_shuffle_f32x4(quad[8 + c], quad[12 + c], 0xDD);
      rows[c] = _mm512_shuffle_f32x4(even_low, even_high, 0x88);
      rows[8 + c] = _mm512_shuffle_f32x4(even_low, even_high, 0xDD);
      rows[4 + c] = _mm512_shuffle_f32x4(odd_low, odd_high, 0x88);
      rows[12 + c] = _mm512_shuffle_f32x4(odd_low, odd_high, 0xDD);
    }
#endif
#if defined(__AVX__)
  } else if constexpr (kL == 8 && std::is_same_v<T, float>) {
    __m256 pair[8], quad[8];
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
      pair[i] = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
      pair[i + 1] = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) {
      quad[i] = _mm256_shuffle_ps(pair[i], pair[i + 2], 0x44);
      quad[i + 1] = _mm256_shuffle_ps(pair[i], pair[i + 2], 0xEE);
      quad[i + 2] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], 0x44);
      quad[i + 3] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], 0xEE);
    }
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) {
      rows[c] = _mm256_permute2f128_ps(quad[c], quad[4 + c], 0x20);
      rows[4 + c] = _mm256_permute2f128_ps(quad[c], quad[4 + c], 0x31);
    }
#endif
  } else {
    T square[kL][kL], turned[kL][kL];
    for (int i = 0; i < kL; ++i) store_all(square[i], rows[i]);
    for (int i = 0; i < kL; ++i)
      for (int j = 0; j < kL; ++j) turned[j][i] = square[i][j];
    for (int i = 0; i < kL; ++i) rows[i] = load_all<V>(turned[i]);
  }
}

/// Lane i is the sum of the lanes of rows[i], for as many vectors as a vector has lanes.
///
/// Every round adds halves of two vectors into one: 45 instructions for 16 sums, where one sum alone takes 8.
template <class V>
inline V sum_of_each(const V* rows) {
  using T = typename V::value_type;
  constexpr auto kL = static_cast<int>(V::size);
  if constexpr (kL == 1) {
    return rows[0];
#if defined(__AVX512F__)
  } else if constexpr (kL == 16 && std::is_same_v<T, float>) {
    __m512 pair[8], quad[4], half[2];
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i)
      pair[i] = _mm512_unpacklo_ps(rows[2 * i], rows[2 * i + 1]) + _mm512_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
      // In each group of lanes: its share of the sums of rows 4 i .. 4 i + 3.
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i)
      quad[i] = _mm512_shuffle_ps(pair[2 * i], pair[2 * i + 1], 0x44) +
                _mm512_shuffle_ps(pair[2 * i], pair[2 * i + 1], 0xEE);
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i)
      half[i] = _mm512_shuffle_f32x4(quad[2 * i], quad[2 * i + 1], 0x88) +
                _mm512_shuffle_f32x4(quad[2 * i], quad[2 * i + 1], 0xDD);
    return V(_mm512_shuffle_f32x4(half[0], half[1], 0x88) + _mm512_shuffle_f32x4(half[0], half[1], 0xDD));
#endif
#if defined(__AVX__)
  } else if constexpr (kL == 8 && std::is_same_v<T, float>) {
    __m256 quad[2];
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i)
      quad[i] = _mm256_hadd_ps(_mm256_hadd_ps(rows[4 * i], rows[4 * i + 1]),
                               _mm256_hadd_ps(rows[4 * i + 2], rows[4 * i + 3]));
    return V(_mm256_permute2f128_ps(quad[0], quad[1], 0x20) + _mm256_permute2f128_ps(quad[0], quad[1], 0x31));
#endif
  } else {
    T sums[kL];
    for (int i = 0; i < kL; ++i) sums[i] = horizontal_sum(rows[i]);
    return load_all<V>(sums);
  }
}

}  // namespace bitgrain::kernels
