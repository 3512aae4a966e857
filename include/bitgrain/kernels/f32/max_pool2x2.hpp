#pragma once

/// Max pooling with windows of 2x2 that touch without overlapping, with a ReLU in front of it or not: the pooling of
/// most networks that pool at all.
///
/// An input belongs to one window at most. So backward writes each gradient once instead of clearing all and adding
/// some, and a byte says which of the four inputs won:
///
///     0 1        4: none of them, the largest was not positive and the ReLU lets no gradient through
///     2 3
///
/// Values and gradients are those of kernels::relu and kernels::max_pool2d, bit for bit, signs of zeros included.
/// Codes of activations are pooled as the bytes they are: a larger byte is a larger number.

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/columns.hpp"
#include "bitgrain/kernels/f32/convert_lanes.hpp"
#include "bitgrain/kernels/memory_hints.hpp"
#include "bitgrain/kernels/simd.hpp"
#include "bitgrain/tensor/geometry.hpp"

namespace bitgrain::kernels {

/// Whether these kernels compute a pooling.
inline bool is_max_pool2x2(const PoolGeometry& g) {
  const Window2d& w = g.window;
  return w.kernel_h == 2 && w.kernel_w == 2 && w.stride_h == 2 && w.stride_w == 2 && w.pad_h == 0 && w.pad_w == 0 &&
         w.dilation_h == 1 && w.dilation_w == 1;
}

namespace detail {

// Calls f(x, y, c, count) for every vector of channels of every window in the output rows [begin, end), rows of all
// images numbered through: x is where its first input stands, y its output, c the channel. `count` is an integral
// constant for whole vectors.
template <class T, class Arch, class F>
void for_each_vector2x2(const PoolGeometry& g, std::int64_t begin, std::int64_t end, F f) {
  constexpr std::int64_t kL = kLanes<T, Arch>;
  const std::int64_t out_h = g.out_h(), out_w = g.out_w(), channels = g.channels;
  for (std::int64_t row = begin; row < end; ++row) {
    std::int64_t x = (row / out_h * g.in_h + row % out_h * 2) * g.in_w * channels, y = row * out_w * channels;
    for (std::int64_t column = 0; column < out_w; ++column, x += 2 * channels, y += channels) {
      std::int64_t c = 0;
      for (; c + kL <= channels; c += kL) f(x + c, y + c, std::integral_constant<std::int64_t, kL>());
      if (c < channels) f(x + c, y + c, channels - c);
    }
  }
}

// Output rows per grain of parallel work.
inline std::int64_t grain2x2(const PoolGeometry& g) {
  return std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(1, g.in_w * g.channels));
}

// E: the type of the elements, T or bytes, which are compared as T.
template <class T, class Arch, bool kRelu, bool kWinners, class E = T>
void max_pool2x2_rows(const PoolGeometry& g, std::int64_t begin, std::int64_t end, const E* x, E* y,
                      std::uint8_t* winners) {
  using V = Vec<T, Arch>;
  const std::int64_t line = g.in_w * g.channels, place[4] = {0, g.channels, line, line + g.channels};
  for_each_vector2x2<T, Arch>(g, begin, end, [=](std::int64_t from, std::int64_t to, auto count) {
    // The windows of the next row, of the next image at last.
    const auto ahead = static_cast<std::uintptr_t>(2 * line) * sizeof(E);
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) prefetch(reinterpret_cast<std::uintptr_t>(x + from + place[k]) + ahead);
    const auto load = [&](int k) {
      const V v = load_elements<V>(x + from + place[k], count);
      return kRelu ? max(V(T(0)), v) : v;
    };
    V best = load(0), winner(T(0));
#pragma GCC unroll 4
    for (int k = 1; k < 4; ++k) {
      const V v = load(k);
      const auto wins = v > best || !(v == v);  // not v != v: xsimd's is false for NaN
      best = select(wins, v, best);
      if constexpr (kWinners) winner = select(wins, V(static_cast<T>(k)), winner);
    }
    if constexpr (std::is_same_v<E, T>)
      store_lanes(y + to, count, best);
    else
      store_bytes(y + to, count, best);
    if constexpr (kWinners) {
      if constexpr (kRelu) winner = select(best > V(T(0)), winner, V(T(4)));
      store_bytes(winners + to, count, winner);
    }
  });
}

template <class T, class Arch, bool kStream>
void max_pool2x2_backward_rows(const PoolGeometry& g, std::int64_t begin, std::int64_t end, const T* dy,
                               const std::uint8_t* winners, T* dx) {
  using V = Vec<T, Arch>;
  const std::int64_t line = g.in_w * g.channels, place[4] = {0, g.channels, line, line + g.channels};
  for_each_vector2x2<T, Arch>(g, begin, end, [=](std::int64_t to, std::int64_t from, auto count) {
    const V winner = load_bytes<V>(winners + from, count);
    const V gradient = load_lanes<V>(dy + from, count) + V(T(0));  // as an addition to a cleared array: -0 becomes 0
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) {
      const V v = select(winner == V(static_cast<T>(k)), gradient, V(T(0)));
      if constexpr (kStream)
        store_streaming(dx + to + place[k], v);
      else
        store_lanes(dx + to + place[k], count, v);
    }
  });
  if constexpr (kStream) streaming_done();
  // The last line and column of odd images belong to no window.
  const std::int64_t out_h = g.out_h();
  for (std::int64_t row = begin; row < end; ++row) {
    T* first = dx + (row / out_h * g.in_h + row % out_h * 2) * line;
    if (g.in_w % 2)
      for (T* end_of_line : {first + line, first + 2 * line}) std::fill(end_of_line - g.channels, end_of_line, T(0));
    if (g.in_h % 2 && row % out_h == out_h - 1) std::fill_n(first + 2 * line, line, T(0));
  }
}

}  // namespace detail

/// The largest of each window, or of 0 and the window with `relu`; of equal ones the first wins; a NaN wins.
/// `winners` (or null) [N,Ho,Wo,C] receives which one.
template <class T, class Arch = DefaultArch>
void max_pool2x2_forward(const PoolGeometry& g, bool relu, const T* x, T* y, std::uint8_t* winners) {
  g.validate("max pooling");
  parallel_for(g.batch * g.out_h(), detail::grain2x2(g), [&](std::int64_t begin, std::int64_t end) {
    const auto run = relu ? (winners ? detail::max_pool2x2_rows<T, Arch, true, true>
                                     : detail::max_pool2x2_rows<T, Arch, true, false>)
                          : (winners ? detail::max_pool2x2_rows<T, Arch, false, true>
                                     : detail::max_pool2x2_rows<T, Arch, false, false>);
    run(g, begin, end, x, y, winners);
  });
}

/// The same for codes, whose numbers grow with them.
template <class Arch = DefaultArch>
void max_pool2x2_codes(const PoolGeometry& g, const std::uint8_t* x, std::uint8_t* y, std::uint8_t* winners) {
  g.validate("max pooling");
  parallel_for(g.batch * g.out_h(), detail::grain2x2(g), [&](std::int64_t begin, std::int64_t end) {
    const auto run = winners ? detail::max_pool2x2_rows<float, Arch, false, true, std::uint8_t>
                             : detail::max_pool2x2_rows<float, Arch, false, false, std::uint8_t>;
    run(g, begin, end, x, y, winners);
  });
}

/// The gradient: dy goes to the winners. Overwrites dx.
template <class T, class Arch = DefaultArch>
void max_pool2x2_backward(const PoolGeometry& g, const T* dy, const std::uint8_t* winners, T* dx) {
  g.validate("max pooling");
  const auto run = worth_streaming<T, Arch>(dx, g.channels, g.input_size())
                       ? detail::max_pool2x2_backward_rows<T, Arch, true>
                       : detail::max_pool2x2_backward_rows<T, Arch, false>;
  parallel_for(g.batch * g.out_h(), detail::grain2x2(g),
               [&](std::int64_t begin, std::int64_t end) { run(g, begin, end, dy, winners, dx); });
}

}  // namespace bitgrain::kernels
