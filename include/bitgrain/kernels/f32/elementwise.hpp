#pragma once

/// Elementwise functions, written once as a generic lambda over vectors:
///
///     map(n, y, [](auto a, auto b) { return a * b; }, a, b);                      // y[i] = a[i] * b[i]
///     update(n, [=](auto& w, auto& v, auto g) { v = m * v + g; w -= rate * v; }, w, v, g);   // SGD in one pass
///
/// The lambda receives Vec<T, Arch>, has the functions min, max, abs, sqrt, exp, log, tanh, select at hand (found by
/// argument-dependent lookup; call them unqualified), and must treat every lane alike. Tails run through the same
/// code with unused lanes 0, so results do not depend on where an element stands. Work is split in fixed chunks.

#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// Elements of one chunk: large enough to hide the cost of a parallel region, small enough to balance.
inline constexpr std::int64_t kElementwiseChunk = 16384;

/// y[i] = f(x[i]...) for i in [0, n). y may be any of x.
template <class Arch = DefaultArch, class T, class F, class... In>
void map(std::int64_t n, T* y, F f, const In*... x) {
  static_assert((std::is_same_v<T, In> && ...), "all arrays hold one type");
  using V = Vec<T, Arch>;
  parallel_for(n, kElementwiseChunk, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t i = begin;
    for (; i + kLanes<T, Arch> <= end; i += kLanes<T, Arch>) store_all(y + i, f(load_all<V>(x + i)...));
    if (i < end) store_first(y + i, end - i, f(load_first<V>(x + i, end - i)...));
  });
}

/// Calls f(x[i]...) for i in [begin, end), on this thread, with vectors of every array, and writes back those arrays
/// that are not const; f takes by reference what it changes.
template <class Arch = DefaultArch, class F, class... P>
void update_range(std::int64_t begin, std::int64_t end, F f, P*... x) {
  using T = std::common_type_t<std::remove_const_t<P>...>;
  static_assert((std::is_same_v<T, std::remove_const_t<P>> && ...), "all arrays hold one type");
  using V = Vec<T, Arch>;
  const auto step = [&](std::int64_t i, auto get, auto put) {
    std::tuple<decltype((void)x, V())...> values{get(x + i)...};
    std::apply(f, values);
    std::apply([&](const auto&... v) { (put(x + i, v), ...); }, values);
  };
  std::int64_t i = begin;
  for (; i + kLanes<T, Arch> <= end; i += kLanes<T, Arch>)
    step(
        i, [](const T* p) { return load_all<V>(p); },
        [](auto* p, const V& v) {
          if constexpr (!std::is_const_v<std::remove_pointer_t<decltype(p)>>) store_all(p, v);
        });
  if (i < end)
    step(
        i, [&](const T* p) { return load_first<V>(p, end - i); },
        [&](auto* p, const V& v) {
          if constexpr (!std::is_const_v<std::remove_pointer_t<decltype(p)>>) store_first(p, end - i, v);
        });
}

/// update_range over [0, n), on all threads.
template <class Arch = DefaultArch, class F, class... P>
void update(std::int64_t n, F f, P*... x) {
  parallel_for(n, kElementwiseChunk,
               [&](std::int64_t begin, std::int64_t end) { update_range<Arch>(begin, end, f, x...); });
}

/// y = max(x, 0). NaN stays NaN, so that a network which diverged shows it (on x86, max gives its second argument
/// then).
template <class T, class Arch = DefaultArch>
void relu(std::int64_t n, const T* x, T* y) {
  map<Arch>(
      n, y, [](auto v) { return max(decltype(v)(T(0)), v); }, x);
}
/// dx = dy where x > 0, else 0. x may be relu's input or its result.
template <class T, class Arch = DefaultArch>
void relu_backward(std::int64_t n, const T* x, const T* dy, T* dx) {
  map<Arch>(
      n, dx, [](auto v, auto d) { return select(v > decltype(v)(T(0)), d, decltype(v)(T(0))); }, x, dy);
}
/// y = min(max(x, low), high). NaN stays NaN.
template <class T, class Arch = DefaultArch>
void clip(std::int64_t n, const T* x, std::type_identity_t<T> low, std::type_identity_t<T> high, T* y) {
  map<Arch>(
      n, y, [=](auto v) { return min(decltype(v)(high), max(decltype(v)(low), v)); }, x);
}
/// dx = dy where low < x < high, else 0.
template <class T, class Arch = DefaultArch>
void clip_backward(std::int64_t n, const T* x, std::type_identity_t<T> low, std::type_identity_t<T> high, const T* dy,
                   T* dx) {
  map<Arch>(
      n, dx,
      [=](auto v, auto d) {
        using V = decltype(v);
        return select(v > V(low), select(v < V(high), d, V(T(0))), V(T(0)));
      },
      x, dy);
}
/// y = a + b.
template <class T, class Arch = DefaultArch>
void add(std::int64_t n, const T* a, const T* b, T* y) {
  map<Arch>(
      n, y, [](auto u, auto v) { return u + v; }, a, b);
}
/// y = a - b.
template <class T, class Arch = DefaultArch>
void subtract(std::int64_t n, const T* a, const T* b, T* y) {
  map<Arch>(
      n, y, [](auto u, auto v) { return u - v; }, a, b);
}
/// y = a * b.
template <class T, class Arch = DefaultArch>
void multiply(std::int64_t n, const T* a, const T* b, T* y) {
  map<Arch>(
      n, y, [](auto u, auto v) { return u * v; }, a, b);
}
/// y = a / b.
template <class T, class Arch = DefaultArch>
void divide(std::int64_t n, const T* a, const T* b, T* y) {
  map<Arch>(
      n, y, [](auto u, auto v) { return u / v; }, a, b);
}
/// y = factor * x.
template <class T, class Arch = DefaultArch>
void scale(std::int64_t n, std::type_identity_t<T> factor, const T* x, T* y) {
  map<Arch>(
      n, y, [=](auto v) { return v * decltype(v)(factor); }, x);
}
/// y = x + value.
template <class T, class Arch = DefaultArch>
void add_scalar(std::int64_t n, const T* x, std::type_identity_t<T> value, T* y) {
  map<Arch>(
      n, y, [=](auto v) { return v + decltype(v)(value); }, x);
}
/// y += factor * x.
template <class T, class Arch = DefaultArch>
void axpy(std::int64_t n, std::type_identity_t<T> factor, const T* x, T* y) {
  map<Arch>(
      n, y, [=](auto u, auto v) { return multiply_add(decltype(u)(factor), u, v); }, x, static_cast<const T*>(y));
}
/// y = exp(x).
template <class T, class Arch = DefaultArch>
void exp(std::int64_t n, const T* x, T* y) {
  map<Arch>(
      n, y, [](auto v) { return exp(v); }, x);
}
/// y = log(x).
template <class T, class Arch = DefaultArch>
void log(std::int64_t n, const T* x, T* y) {
  map<Arch>(
      n, y, [](auto v) { return log(v); }, x);
}
/// y = tanh(x).
template <class T, class Arch = DefaultArch>
void tanh(std::int64_t n, const T* x, T* y) {
  map<Arch>(
      n, y, [](auto v) { return tanh(v); }, x);
}
/// y = sqrt(x).
template <class T, class Arch = DefaultArch>
void sqrt(std::int64_t n, const T* x, T* y) {
  map<Arch>(
      n, y, [](auto v) { return sqrt(v); }, x);
}
/// y = 1 / (1 + exp(-x)).
template <class T, class Arch = DefaultArch>
void sigmoid(std::int64_t n, const T* x, T* y) {
  map<Arch>(
      n, y, [](auto v) { return decltype(v)(T(1)) / (decltype(v)(T(1)) + exp(-v)); }, x);
}
/// y[r, c] = x[r, c] + row[c], x [rows, cols]: a bias. y may be x.
template <class T, class Arch = DefaultArch>
void add_row(std::int64_t rows, std::int64_t cols, const T* x, const T* row, T* y) {
  using V = Vec<T, Arch>;
  if (cols <= 0) return;
  parallel_for(rows, (kElementwiseChunk + cols - 1) / cols, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const T* from = x + r * cols;
      T* to = y + r * cols;
      std::int64_t c = 0;
      for (; c + kLanes<T, Arch> <= cols; c += kLanes<T, Arch>)
        store_all(to + c, load_all<V>(from + c) + load_all<V>(row + c));
      if (c < cols)
        store_first(to + c, cols - c, load_first<V>(from + c, cols - c) + load_first<V>(row + c, cols - c));
    }
  });
}

}  // namespace bitgrain::kernels
