#pragma once

/// Primitives for loops that are bound by loads and stores.
///
/// Streaming stores: an ordinary store first reads the cache line that it is about to overwrite. A streaming store
/// does not, which saves a third of the memory traffic of a loop that reads one array and writes another (measured on
/// 2 x 12.8 MB: 336 us instead of 525), but it goes to memory even if the caches had room, so it pays only for large
/// results.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "bitgrain/kernels/compiler_hints.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// Results of at least so many bytes are streamed: with their input they would fill most of a third-level cache.
inline constexpr std::size_t kStreamingBytes = std::size_t{9} << 20;

/// Whether all rows of `size` numbers that start at p can be stored in whole, aligned vectors and are large enough.
template <class T, class Arch>
bool worth_streaming([[maybe_unused]] const T* p, [[maybe_unused]] std::int64_t row,
                     [[maybe_unused]] std::int64_t size) {
#if defined(__AVX512F__)
  constexpr std::size_t kBytes = kLanes<T, Arch> * sizeof(T);
  return kBytes == 64 && row % kLanes<T, Arch> == 0 && reinterpret_cast<std::uintptr_t>(p) % kBytes == 0 &&
         static_cast<std::size_t>(size) * sizeof(T) >= kStreamingBytes;
#else
  return false;
#endif
}

/// Stores a vector at an aligned address, past the caches where the machine can; an ordinary store elsewhere. Other
/// threads may read it after streaming_done().
template <class V>
inline void store_streaming(typename V::value_type* p, const V& v) {
#if defined(__AVX512F__)
  using T = typename V::value_type;
  if constexpr (V::size * sizeof(T) == 64 && std::is_same_v<T, float>) return _mm512_stream_ps(p, v);
  if constexpr (V::size * sizeof(T) == 64 && std::is_same_v<T, double>) return _mm512_stream_pd(p, v);
#endif
  store_all(p, v);
}
/// Orders the streaming stores of this thread before its later stores.
inline void streaming_done() {
#if defined(__AVX512F__)
  _mm_sfence();
#endif
}

/// Copies `count` numbers to any address with streaming stores, but for the first and last few.
template <class T, class Arch>
void copy_streaming(const T* from, std::int64_t count, T* to) {
  using V = Vec<T, Arch>;
  constexpr std::int64_t kL = kLanes<T, Arch>;
  constexpr std::uintptr_t kBytes = kLanes<T, Arch> * sizeof(T);
  const std::uintptr_t beyond = reinterpret_cast<std::uintptr_t>(to) % kBytes;
  std::int64_t i = std::min(count, static_cast<std::int64_t>((kBytes - beyond) % kBytes / sizeof(T)));
  std::copy_n(from, i, to);
  for (; i + kL <= count; i += kL) store_streaming(to + i, load_all<V>(from + i));
  std::copy_n(from + i, count - i, to + i);
  streaming_done();
}

/// Keeps GCC from loading a number anew for every use, as it does when it folds a load into each multiply-add: worth
/// a quarter where loads are the limit. Does nothing elsewhere.
template <class V>
inline void load_once([[maybe_unused]] V& v) {
#if defined(__AVX512F__) && defined(__GNUC__) && !defined(__clang__)
  if constexpr (V::size * sizeof(typename V::value_type) == 64) {
    typename V::register_type r = v;
    asm("" : "+v"(r));
    v = V(r);
  }
#endif
}

}  // namespace bitgrain::kernels
