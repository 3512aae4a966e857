#pragma once

/// The register tile of the gradient of a convolution with respect to its weights, where taps are neighbours:
///
///     dw[r * dw_row + t * dw_tap + lane] (+)= sum over rows s, pixels p of
///                                 dy[s.a + p * dy_step + r] * x[s.b + p * x_step + t * x_tap + lane],   0 <= t < S
///
/// Its rows are output channels, its columns one vector of input channels for each of S taps of a line. Taps that
/// fall into the padding, at the first and last pixels of a line, count as zeros; they are not read. Each pixel loads
/// S vectors of x, and per output channel broadcasts one number of dy for S multiply-adds.

#include <algorithm>
#include <cstdint>

#include "bitgrain/kernels/f32/tile.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// Output channels and most taps of a gradient tile: 24 sums of 32 registers, 12 of 16.
inline constexpr int kGradientRows = kVectorRegisters == 32 ? 8 : 4;
inline constexpr int kGradientTaps = 3;

/// Asks for memory in advance, a share of it at each of some number of calls.
class SharedPrefetch {
 public:
  template <class T>
  SharedPrefetch(const T* p, std::int64_t count, std::int64_t calls)
      : next_(reinterpret_cast<std::uintptr_t>(p)),
        end_(next_ + static_cast<std::uintptr_t>(count) * sizeof(T)),
        share_((end_ - next_) / static_cast<std::uintptr_t>(calls) + 1) {}
  void operator()() {
    for (const std::uintptr_t until = std::min(end_, next_ + share_); next_ < until; next_ += 64) prefetch(next_);
  }

 private:
  std::uintptr_t next_, end_, share_;
};

/// The operands of a gradient tile. Pixel p reads tap t at input position p * position_step + position + t of a line.
template <class T>
struct GradientInput {
  const T* dy;
  std::int64_t dy_step;
  const T* x;
  std::int64_t x_step, x_tap;
  const TileSegment* rows;  ///< of dy (a), and of x at pixel 0, tap 0 (b), which may lie in the padding
  std::int64_t row_count;
  std::int64_t pixels, position, position_step, positions;  ///< of a line
  SharedPrefetch *next_x, *next_dy;                         ///< called once per row
};

/// Where a gradient tile goes.
template <class T>
struct GradientOutput {
  T* dw;
  std::int64_t dw_row, dw_tap;
  std::int64_t skip;  ///< rows that are not stored
  bool accumulate;    ///< add to dw, instead of overwriting it
};

namespace detail {

template <class T, class Arch, int S>
[[gnu::noinline]] void gradient_tile(const GradientInput<T>& in, const GradientOutput<Sum<T>>& out) {
  using V = Vec<T, Arch>;
  using C = Vec<Sum<T>, Arch>;
  C sum[kGradientRows][S];
#pragma GCC unroll 8
  for (int r = 0; r < kGradientRows; ++r)
#pragma GCC unroll 8
    for (int t = 0; t < S; ++t) sum[r][t] = C(Sum<T>(0));
  // The pixels [begin, end) have all taps inside.
  const std::int64_t step = in.position_step, last = in.positions - in.position - S;
  const std::int64_t begin = std::clamp<std::int64_t>((step - 1 - in.position) / step, 0, in.pixels);
  const std::int64_t end = last < 0 ? begin : std::clamp<std::int64_t>(last / step + 1, begin, in.pixels);
  for (std::int64_t s = 0; s < in.row_count; ++s) {
    (*in.next_x)();
    (*in.next_dy)();
    const T* dy = in.dy + in.rows[s].a;
    const T* x = in.x + in.rows[s].b;
    const auto add = [&](const V(&column)[S]) __attribute__((always_inline)) {
#pragma GCC unroll 8
      for (int r = 0; r < kGradientRows; ++r) {
        const V factor(dy[r]);
#pragma GCC unroll 8
        for (int t = 0; t < S; ++t) sum[r][t] = multiply_add(factor, column[t], sum[r][t]);
      }
      dy += in.dy_step;
      x += in.x_step;
    };
    const auto add_edges = [&](std::int64_t p, std::int64_t until) {
      for (; p < until; ++p) {
        V column[S];
#pragma GCC unroll 8
        for (int t = 0; t < S; ++t) {
          const std::int64_t at = p * step + in.position + t;
          column[t] = at >= 0 && at < in.positions ? load_all<V>(x + t * in.x_tap) : V(T{});
        }
        add(column);
      }
    };
    add_edges(0, begin);
    for (std::int64_t p = begin; p < end; ++p) {
      V column[S];
#pragma GCC unroll 8
      for (int t = 0; t < S; ++t) column[t] = load_all<V>(x + t * in.x_tap);
      add(column);
    }
    add_edges(end, in.pixels);
  }
#pragma GCC unroll 8
  for (int r = 0; r < kGradientRows; ++r) {
    if (r < out.skip) continue;
#pragma GCC unroll 8
    for (int t = 0; t < S; ++t) {
      Sum<T>* to = out.dw + r * out.dw_row + t * out.dw_tap;
      store_all(to, out.accumulate ? load_all<C>(to) + sum[r][t] : sum[r][t]);
    }
  }
}

}  // namespace detail

/// Computes one gradient tile of `taps` (1 to kGradientTaps) taps.
template <class T, class Arch>
void run_gradient_tile(std::int64_t taps, const GradientInput<T>& in, const GradientOutput<Sum<T>>& out) {
  if (taps == 1) return detail::gradient_tile<T, Arch, 1>(in, out);
  if (taps == 2) return detail::gradient_tile<T, Arch, 2>(in, out);
  return detail::gradient_tile<T, Arch, 3>(in, out);
}

}  // namespace bitgrain::kernels
