#pragma once

/// The primitives of the floating-point kernels: what xsimd lacks, or has under different names in its versions.
///
/// Kernels are templates on `Arch`, an xsimd architecture tag, and work on `Vec<T, Arch>`: xsimd::batch, or one lane
/// of plain C++ where Arch is ScalarArch. That is the default where xsimd knows no vectors (RISC-V, say), and on any
/// machine a way to test kernels with an odd vector length.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>

// GCC's AVX-512 headers start from deliberately undefined registers, and GCC warns of them wherever they are inlined.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <xsimd/xsimd.hpp>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include "bitgrain/kernels/kernel_set.hpp"

namespace bitgrain::kernels {

/// The architecture tag of vectors with one lane.
struct ScalarArch {};

#if defined(XSIMD_NO_SUPPORTED_ARCHITECTURE)
using DefaultArch = ScalarArch;
#else
/// The widest vectors that this translation unit may use.
using DefaultArch = xsimd::default_arch;
#endif

/// A vector of one lane: the part of xsimd::batch that kernels use.
template <class T>
struct OneLane {
  using value_type = T;
  static constexpr std::size_t size = 1;

  OneLane() = default;
  OneLane(T v) : value(v) {}  // NOLINT(google-explicit-constructor): as xsimd::batch
  static OneLane load_unaligned(const T* p) { return *p; }
  void store_unaligned(T* p) const { *p = value; }

  OneLane operator-() const { return -value; }
  OneLane& operator+=(OneLane o) { return *this = value + o.value; }
  OneLane& operator-=(OneLane o) { return *this = value - o.value; }
  OneLane& operator*=(OneLane o) { return *this = value * o.value; }
  OneLane& operator/=(OneLane o) { return *this = value / o.value; }
  friend OneLane operator+(OneLane a, OneLane b) { return a.value + b.value; }
  friend OneLane operator-(OneLane a, OneLane b) { return a.value - b.value; }
  friend OneLane operator*(OneLane a, OneLane b) { return a.value * b.value; }
  friend OneLane operator/(OneLane a, OneLane b) { return a.value / b.value; }
  friend bool operator==(OneLane a, OneLane b) { return a.value == b.value; }
  friend bool operator!=(OneLane a, OneLane b) { return a.value != b.value; }
  friend bool operator<(OneLane a, OneLane b) { return a.value < b.value; }
  friend bool operator<=(OneLane a, OneLane b) { return a.value <= b.value; }
  friend bool operator>(OneLane a, OneLane b) { return a.value > b.value; }
  friend bool operator>=(OneLane a, OneLane b) { return a.value >= b.value; }
  friend OneLane min(OneLane a, OneLane b) { return a.value < b.value ? a : b; }  // as x86: b if either is NaN
  friend OneLane max(OneLane a, OneLane b) { return a.value > b.value ? a : b; }
  friend OneLane abs(OneLane a) { return std::abs(a.value); }
  friend OneLane sqrt(OneLane a) { return std::sqrt(a.value); }
  friend OneLane exp(OneLane a) { return std::exp(a.value); }
  friend OneLane log(OneLane a) { return std::log(a.value); }
  friend OneLane tanh(OneLane a) { return std::tanh(a.value); }
  friend OneLane floor(OneLane a) { return std::floor(a.value); }
  friend OneLane nearbyint(OneLane a) { return std::nearbyint(a.value); }
  friend OneLane select(bool c, OneLane a, OneLane b) { return c ? a : b; }

  T value;
};

/// Whether kernels of T and Arch are called through the kernel set of the process.
template <class T, class Arch>
inline constexpr bool kFromKernelSet = kDispatch&& std::is_same_v<T, float>&& std::is_same_v<Arch, DefaultArch>;

namespace detail {
template <class T, class Arch>
struct VecOf;
#if !defined(XSIMD_NO_SUPPORTED_ARCHITECTURE)
template <class T, class Arch>
struct VecOf {
  using type = xsimd::batch<T, Arch>;
};
#endif
template <class T>
struct VecOf<T, ScalarArch> {
  using type = OneLane<T>;
};
}  // namespace detail

/// The vector type of kernels.
template <class T, class Arch = DefaultArch>
using Vec = typename detail::VecOf<T, Arch>::type;

/// What products of T are summed in: T itself; for pairs of bf16 (bf16/pairs.hpp) float.
template <class T>
struct SumOf {
  using type = T;
};
template <class T>
using Sum = typename SumOf<T>::type;

/// How many numbers a vector holds.
template <class T, class Arch = DefaultArch>
inline constexpr std::int64_t kLanes = static_cast<std::int64_t>(Vec<T, Arch>::size);

/// a * b + c, rounded once wherever the machine can do so in one instruction. (xsimd::fma of 8.1 is a product and a
/// sum on AVX-512.)
template <class T>
inline OneLane<T> multiply_add(OneLane<T> a, OneLane<T> b, OneLane<T> c) {
#if defined(__FP_FAST_FMA) && defined(__FP_FAST_FMAF)
  return std::fma(a.value, b.value, c.value);
#else
  return a.value * b.value + c.value;
#endif
}
/// The sum of the lanes, in a fixed order.
template <class T>
inline T horizontal_sum(OneLane<T> v) {
  return v.value;
}

#if !defined(XSIMD_NO_SUPPORTED_ARCHITECTURE)
template <class T, class Arch>
inline xsimd::batch<T, Arch> multiply_add(const xsimd::batch<T, Arch>& a, const xsimd::batch<T, Arch>& b,
                                          const xsimd::batch<T, Arch>& c) {
  [[maybe_unused]] constexpr std::size_t kBytes = xsimd::batch<T, Arch>::size * sizeof(T);
#if defined(__AVX512F__)
  if constexpr (kBytes == 64 && std::is_same_v<T, float>) return _mm512_fmadd_ps(a, b, c);
  if constexpr (kBytes == 64 && std::is_same_v<T, double>) return _mm512_fmadd_pd(a, b, c);
#endif
#if defined(__FMA__)
  if constexpr (kBytes == 32 && std::is_same_v<T, float>) return _mm256_fmadd_ps(a, b, c);
  if constexpr (kBytes == 32 && std::is_same_v<T, double>) return _mm256_fmadd_pd(a, b, c);
#endif
  return xsimd::fma(a, b, c);
}

template <class T, class Arch>
inline T horizontal_sum(const xsimd::batch<T, Arch>& v) {
#if XSIMD_VERSION_MAJOR >= 9
  return xsimd::reduce_add(v);
#else
  return xsimd::hadd(v);
#endif
}
#endif  // xsimd has vectors

/// The largest and the smallest lane.
template <class V>
inline typename V::value_type horizontal_max(const V& v) {
  typename V::value_type lanes[V::size];
  v.store_unaligned(lanes);
  return *std::max_element(lanes, lanes + V::size);
}
template <class V>
inline typename V::value_type horizontal_min(const V& v) {
  typename V::value_type lanes[V::size];
  v.store_unaligned(lanes);
  return *std::min_element(lanes, lanes + V::size);
}

/// Loads and stores all lanes at any address. (Not `store`: argument-dependent lookup would find xsimd's, which wants
/// aligned addresses.)
template <class V>
inline V load_all(const typename V::value_type* p) {
  return V::load_unaligned(p);
}
template <class V>
inline void store_all(typename V::value_type* p, const V& v) {
  v.store_unaligned(p);
}

/// Asks for the cache line that holds address p, which may be any, to be brought into the second-level cache.
inline void prefetch([[maybe_unused]] std::uintptr_t p) {
#if defined(__GNUC__)
  __builtin_prefetch(reinterpret_cast<const void*>(p), 0, 2);
#endif
}

/// The same for memory that is about to be written, into the first-level cache.
inline void prefetch_to_write([[maybe_unused]] std::uintptr_t p) {
#if defined(__GNUC__)
  __builtin_prefetch(reinterpret_cast<const void*>(p), 1);
#endif
}

/// Loads the first `count` lanes, 0 <= count <= size; the other lanes are `rest`. Reads nothing beyond.
template <class V>
inline V load_first(const typename V::value_type* p, std::int64_t count, typename V::value_type rest = 0) {
  using T = typename V::value_type;
#if defined(__AVX512F__)
  const auto mask = (1u << count) - 1;  // masked lanes are not read: no fault at the end of a page
  if constexpr (V::size * sizeof(T) == 64 && std::is_same_v<T, float>)
    return V(_mm512_mask_loadu_ps(_mm512_set1_ps(rest), static_cast<__mmask16>(mask), p));
  if constexpr (V::size * sizeof(T) == 64 && std::is_same_v<T, double>)
    return V(_mm512_mask_loadu_pd(_mm512_set1_pd(rest), static_cast<__mmask8>(mask), p));
#endif
  T lanes[V::size];
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(V::size); ++i) lanes[i] = i < count ? p[i] : rest;
  return V::load_unaligned(lanes);
}
/// Stores the first `count` lanes and touches nothing beyond.
template <class V>
inline void store_first(typename V::value_type* p, std::int64_t count, const V& v) {
  using T = typename V::value_type;
#if defined(__AVX512F__)
  const auto mask = (1u << count) - 1;
  if constexpr (V::size * sizeof(T) == 64 && std::is_same_v<T, float>)
    return _mm512_mask_storeu_ps(p, static_cast<__mmask16>(mask), v);
  if constexpr (V::size * sizeof(T) == 64 && std::is_same_v<T, double>)
    return _mm512_mask_storeu_pd(p, static_cast<__mmask8>(mask), v);
#endif
  T lanes[V::size];
  v.store_unaligned(lanes);
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(V::size); ++i)
    if (i < count) p[i] = lanes[i];
}

}  // namespace bitgrain::kernels
