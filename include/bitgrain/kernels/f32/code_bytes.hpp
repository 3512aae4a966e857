#pragma once

/// Between integer codes, a byte each, and the real numbers step * (byte - zero) that they stand for; and sums of
/// products of codes.

#include <cstdint>
#include <type_traits>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/convert_lanes.hpp"

namespace bitgrain::kernels {

namespace detail {
// Calls f(i, count) for the vectors of [0, n), in parallel.
template <class V, class F>
void for_each_vector(std::int64_t n, F f) {
  constexpr std::int64_t kChunk = 1 << 15, kL = static_cast<std::int64_t>(V::size);
  parallel_for(n, kChunk, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t i = begin;
    for (; i + kL <= end; i += kL) f(i, std::integral_constant<std::int64_t, kL>());
    if (i < end) f(i, end - i);
  });
}
}  // namespace detail

/// y[i] = step * (bytes[i] - zero).
template <class T, class Arch = DefaultArch>
void values_of_bytes(std::int64_t n, const std::uint8_t* bytes, std::type_identity_t<T> step, std::int32_t zero,
                     T* y) {
  using V = Vec<T, Arch>;
  detail::for_each_vector<V>(n, [=, s = V(step), z = V(static_cast<T>(zero))](std::int64_t i, auto count) {
    store_lanes(y + i, count, s * (load_bytes<V>(bytes + i, count) - z));
  });
}

/// y[r, c] = scale[c] * sums[r, c].
template <class T, class Arch = DefaultArch>
void values_of_sums(std::int64_t rows, std::int64_t channels, const std::int16_t* sums, const T* scale, T* y) {
  using V = Vec<T, Arch>;
  for_each_row<T, Arch>(rows, channels, [=](std::int64_t c, auto count) {
    return [=, factor = load_lanes<V>(scale + c, count)](std::int64_t r) {
      const std::int64_t i = r * channels + c;
      store_lanes(y + i, count, load_int16<V>(sums + i, count) * factor);
    };
  });
}

/// bytes[i] = x[i] / step + zero modulo 256, for x that are whole multiples of the step but for rounding: the inverse
/// of values_of_bytes. Modulo: with zero = 0, codes -128 .. 127 become the bytes of int8.
template <class T, class Arch = DefaultArch>
void bytes_of_values(std::int64_t n, const T* x, std::type_identity_t<T> step, std::int32_t zero,
                     std::uint8_t* bytes) {
  using V = Vec<T, Arch>;
  // Codes have 8 bits, so x * (1 / step) misses its integer by 2^-14 at most.
  detail::for_each_vector<V>(
      n, [=, r = V(T{1} / step), z = V(static_cast<T>(zero) + T{0.5})](std::int64_t i, auto count) {
        const V code = floor(multiply_add(load_lanes<V>(x + i, count), r, z));
        store_bytes(bytes + i, count, select(code < V(T{0}), code + V(T{256}), code));
      });
}

}  // namespace bitgrain::kernels
