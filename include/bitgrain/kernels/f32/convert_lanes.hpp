#pragma once

/// The primitives of kernels that go between element types: bytes, int16 and int32 sums and floats as the lanes of
/// one vector. `count` lanes are touched, all of them or the first few; nothing beyond is read or written.

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "bitgrain/kernels/f32/columns.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

namespace detail {
// Any type to any other, lane by lane.
template <class V, class From>
V convert_loaded(const From* p, std::int64_t count) {
  using T = typename V::value_type;
  T lanes[V::size];
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(V::size); ++i)
    lanes[i] = i < count ? static_cast<T>(p[i]) : T(0);
  return load_all<V>(lanes);
}
template <class V, class To>
void convert_stored(To* p, std::int64_t count, const V& v) {
  typename V::value_type lanes[V::size];
  store_all(lanes, v);
  for (std::int64_t i = 0; i < count; ++i) p[i] = static_cast<To>(lanes[i]);
}
template <class V>
inline constexpr bool kFloats512 = V::size == 16 && std::is_same_v<typename V::value_type, float>;
template <class V>
inline constexpr bool kFloats256 = V::size == 8 && std::is_same_v<typename V::value_type, float>;
}  // namespace detail

/// Bytes as real numbers 0 .. 255.
template <class V>
inline V load_bytes(const std::uint8_t* p, std::int64_t count) {
#if defined(__AVX512F__)
  if constexpr (detail::kFloats512<V>)
    if (count == 16)
      return V(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))));
#endif
#if defined(__AVX2__)
  if constexpr (detail::kFloats256<V>)
    if (count == 8)
      return V(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))));
#endif
  return detail::convert_loaded<V>(p, count);
}

/// Numbers of the vector's type, or bytes.
template <class V, class E>
inline V load_elements(const E* p, std::int64_t count) {
  if constexpr (std::is_same_v<E, std::uint8_t>)
    return load_bytes<V>(p, count);
  else
    return load_lanes<V>(p, count);
}

/// Whole numbers 0 .. 255 to bytes. A NaN gives any byte.
template <class V>
inline void store_bytes(std::uint8_t* p, std::int64_t count, const V& v) {
#if defined(__AVX512F__)
  if constexpr (detail::kFloats512<V>)
    if (count == 16)
      return _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(v)));
#endif
#if defined(__AVX2__)
  if constexpr (detail::kFloats256<V>)
    if (count == 8) {
      const __m256i words = _mm256_cvttps_epi32(v);
      const __m128i halves = _mm_packus_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
      return _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(halves, halves));
    }
#endif
  // Through int: a NaN or a number outside a byte must not be undefined behaviour.
  typename V::value_type lanes[V::size];
  store_all(lanes, v);
  using T = typename V::value_type;
  for (std::int64_t i = 0; i < count; ++i)
    p[i] = static_cast<std::uint8_t>(lanes[i] >= T(0) ? std::min(lanes[i], T(255)) : T(0));
}

/// int32 as real numbers, rounded to nearest where they need more bits than the type has.
template <class V>
inline V load_int32(const std::int32_t* p, std::int64_t count) {
#if defined(__AVX512F__)
  if constexpr (detail::kFloats512<V>)
    if (count == 16) return V(_mm512_cvtepi32_ps(_mm512_loadu_si512(p)));
#endif
#if defined(__AVX2__)
  if constexpr (detail::kFloats256<V>)
    if (count == 8) return V(_mm256_cvtepi32_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
#endif
  return detail::convert_loaded<V>(p, count);
}

/// int16 as real numbers.
template <class V>
inline V load_int16(const std::int16_t* p, std::int64_t count) {
#if defined(__AVX512F__)
  if constexpr (detail::kFloats512<V>)
    if (count == 16)
      return V(_mm512_cvtepi32_ps(_mm512_cvtepi16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))));
#endif
#if defined(__AVX2__)
  if constexpr (detail::kFloats256<V>)
    if (count == 8)
      return V(_mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))));
#endif
  return detail::convert_loaded<V>(p, count);
}

/// Narrows `count` int32 that fit int16.
template <class V>
inline void narrow_int32(std::int16_t* to, const std::int32_t* from, std::int64_t count) {
#if defined(__AVX512F__)
  if constexpr (detail::kFloats512<V>)
    if (count == 16)
      return _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtepi32_epi16(_mm512_loadu_si512(from)));
#endif
#if defined(__SSE2__)
  if constexpr (detail::kFloats256<V>)
    if (count == 8) {
      const auto half = [from](int k) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + k)); };
      return _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_packs_epi32(half(0), half(4)));
    }
#endif
  for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<std::int16_t>(from[i]);
}

/// Floats as vectors of double, and back (rounded to nearest).
template <class V, class T>
inline V load_converted(const T* p, std::int64_t count) {
  if constexpr (std::is_same_v<T, typename V::value_type>) return load_lanes<V>(p, count);
#if defined(__AVX512F__)
  if constexpr (V::size == 8 && std::is_same_v<typename V::value_type, double> && std::is_same_v<T, float>)
    if (count == 8) return V(_mm512_cvtps_pd(_mm256_loadu_ps(p)));
#endif
#if defined(__AVX2__)
  if constexpr (V::size == 4 && std::is_same_v<typename V::value_type, double> && std::is_same_v<T, float>)
    if (count == 4) return V(_mm256_cvtps_pd(_mm_loadu_ps(p)));
#endif
  return detail::convert_loaded<V>(p, count);
}
template <class V, class T>
inline void store_converted(T* p, std::int64_t count, const V& v) {
  if constexpr (std::is_same_v<T, typename V::value_type>) return store_lanes(p, count, v);
#if defined(__AVX512F__)
  if constexpr (V::size == 8 && std::is_same_v<typename V::value_type, double> && std::is_same_v<T, float>)
    if (count == 8) return _mm256_storeu_ps(p, _mm512_cvtpd_ps(v));
#endif
#if defined(__AVX2__)
  if constexpr (V::size == 4 && std::is_same_v<typename V::value_type, double> && std::is_same_v<T, float>)
    if (count == 4) return _mm_storeu_ps(p, _mm256_cvtpd_ps(v));
#endif
  detail::convert_stored(p, count, v);
}

}  // namespace bitgrain::kernels
