#pragma once

/// The register tile of convolutions whose taps are neighbours: pixels of one line that share their inputs.
///
/// An input pixel belongs to several output pixels of its line. The tile of tile.hpp loads it for each of them; this
/// one loads it once and keeps the filters of all taps of a line in registers, so that even one vector of output
/// channels is not bound by loads:
///
///     y[p] = start + sum over segments s, channels c, inputs i of  x[s.a + i * step + c] * w[s.b + (t * channels +
///     c)
///                                     * width],     p * kStep = i * kSpread + kSpread - 1 - t,  0 <= t < S
///
/// Step and spread 1 are a convolution of stride 1: p reads the inputs p .. p + S - 1. Step 2 is a stride of 2.
/// Spread 2 with S = 3 is the gradient with respect to the input of a 3-tap, stride-2, padding-1 convolution, whose
/// even outputs have one tap and whose odd ones have two.
///
/// Inputs in the padding at either end of a line are left out, not multiplied by zero; nothing is copied.
///
/// 16 pixels of one vector, or 8 of two, are 16 sums; with 3 or 6 filters and an input they fit 32 registers, and 48
/// multiply-adds take 16 to 21 loads. In 16 registers the filters of all taps leave room for 8 sums, which the
/// latency of a multiply-add holds to four fifths of the peak. There, tiles of two vectors are made of pieces of 5 or
/// 6 pixels that take one tap after the other: 10 or 12 sums.

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "bitgrain/kernels/f32/tile.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// How many inputs of a line tile of `taps` taps may be missing at either end: those of a "same" convolution. With 5
/// taps also those of the gradient of one without padding; such layers stand at the head of small networks.
constexpr int line_reach(int taps) { return taps == 5 ? 4 : taps / 2; }

/// The operands of a line tile.
template <class T>
struct LineInput {
  const T* x;
  std::int64_t step;        ///< from one input to the next
  std::int64_t begin, end;  ///< the inputs that exist; at most line_reach(S) are missing at either end
  std::int64_t channels;    ///< summed over, at every input
  const T* w;               ///< V full vectors per tap and channel
  const TileSegment* segments;
  std::int64_t segment_count;
};

/// Where a line tile goes: pixels `step` apart, `columns` channels of each.
template <class T>
struct LineOutput {
  T* y;
  std::int64_t step;
  std::int64_t columns;
  const T* start;           ///< V full vectors that the sums begin with (a bias), or null: zeros
  bool accumulate = false;  ///< add to y, instead of overwriting it
};

namespace detail {

// Asks for the lines that a tile will write: they arrive while it multiplies. Without this its stores wait for
// memory one after the other, and the next tile behind them.
template <class T, class Arch, int P, int V>
void prefetch_tile(const Sum<T>* y, std::int64_t step) {
  constexpr auto kBytes = static_cast<std::uintptr_t>(V * kLanes<T, Arch>) * sizeof(Sum<T>);
#pragma GCC unroll 16
  for (int p = 0; p < P; ++p)
    for (std::uintptr_t at = 0; at < kBytes; at += 64)
      prefetch_to_write(reinterpret_cast<std::uintptr_t>(y + p * step) + at);
}

// Inlined, and sums are copied before they are passed on: an array whose address is known elsewhere lives in memory,
// not in registers.
template <class T, class Arch, int P, int V>
[[gnu::always_inline]] inline void store_tile(const Vec<Sum<T>, Arch> (&sum)[P][V], Sum<T>* y, std::int64_t step,
                                              std::int64_t columns, bool accumulate) {
  constexpr std::int64_t kL = kLanes<T, Arch>;
  if (columns == V * kL && !accumulate) {
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p)
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) store_all(y + p * step + v * kL, sum[p][v]);
  } else {
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) {
      Vec<Sum<T>, Arch> pixel[V];
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) pixel[v] = sum[p][v];
      store_partly<Sum<T>, Arch, V>(y + p * step, pixel, columns, accumulate);
    }
  }
}

template <class T, class Arch, int V, int P, int S, int kStep, int kSpread>
[[gnu::noinline]] void line_tile(const LineInput<T>& in, const LineOutput<Sum<T>>& out) {
  using B = Vec<T, Arch>;
  using C = Vec<Sum<T>, Arch>;
  constexpr std::int64_t kL = kLanes<T, Arch>;
  constexpr int kShift = kSpread - 1;
  constexpr int kInputs = ((P - 1) * kStep + S - 1 - kShift) / kSpread + 1;
  constexpr int kFours = (kInputs + 3) / 4;
  prefetch_tile<T, Arch, P, V>(out.y, out.step);
  C sum[P][V];
#pragma GCC unroll 16
  for (int p = 0; p < P; ++p)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) sum[p][v] = out.start ? load_all<C>(out.start + v * kL) : C(Sum<T>(0));
  // An address register for every fourth input and the multiples of the step reach all inputs.
  const std::int64_t step = in.step, step2 = 2 * step, step3 = 3 * step, tap = in.channels * V * kL;
  for (std::int64_t s = 0; s < in.segment_count; ++s) {
    const T* four[kFours];
#pragma GCC unroll 8
    for (int f = 0; f < kFours; ++f) four[f] = in.x + in.segments[s].a + 4 * f * step;
    const T* w = in.w + in.segments[s].b;
    for (const T* end = w + tap; w != end; w += V * kL) {
      B filter[S][V];
#pragma GCC unroll 8
      for (int t = 0; t < S; ++t)
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) filter[t][v] = load_all<B>(w + t * tap + v * kL);
#pragma GCC unroll 32
      for (int i = 0; i < kInputs; ++i) {
        if (i < line_reach(S) && i < in.begin) continue;
        if (i >= kInputs - line_reach(S) && i >= in.end) continue;
        const T* from = four[i / 4];
        const B input(i % 4 == 0 ? *from : from[i % 4 == 1 ? step : i % 4 == 2 ? step2 : step3]);
#pragma GCC unroll 8
        for (int t = 0; t < S; ++t) {
          const int q = i * kSpread + kShift - t;
          if (q < 0 || q % kStep != 0 || q / kStep >= P) continue;
#pragma GCC unroll 2
          for (int v = 0; v < V; ++v) sum[q / kStep][v] = multiply_add(input, filter[t][v], sum[q / kStep][v]);
        }
      }
#pragma GCC unroll 8
      for (int f = 0; f < kFours; ++f) ++four[f];
    }
  }
  store_tile<T, Arch, P, V>(sum, out.y, out.step, out.columns, out.accumulate);
}

}  // namespace detail

/// A line tile: of `vectors` vectors of channels of `pixels` pixels.
template <class T>
struct LineTile {
  std::int64_t pixels = 0;
  void (*run)(const LineInput<T>&, const LineOutput<Sum<T>>&) = nullptr;
};

/// The most vectors of a line tile.
inline constexpr int kLineVectors = 2;

namespace detail {

// P pixels of two vectors from pixel `first` of a tile on, for 16 registers: these hold 12 or 10 sums, enough to hide
// the latency of a multiply-add, but not the filters of all taps beside them. So it takes one tap after the other,
// and loads an input once for each.
template <class T, class Arch, int P, int S, int kStep>
[[gnu::noinline]] void line_piece(const LineInput<T>& in, const LineOutput<Sum<T>>& out, std::int64_t first) {
  using B = Vec<T, Arch>;
  using C = Vec<Sum<T>, Arch>;
  constexpr std::int64_t kL = kLanes<T, Arch>;
  Sum<T>* const y = out.y + first * out.step;
  prefetch_tile<T, Arch, P, 2>(y, out.step);
  C sum[P][2];
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p)
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) sum[p][v] = out.start ? load_all<C>(out.start + v * kL) : C(Sum<T>(0));
  constexpr std::int64_t row = 2 * kL;
  const std::int64_t step = in.step * kStep;
  // The taps [begin, end) find all inputs. Where these stand one after the other, so do the sums' terms of all taps.
  const std::int64_t begin = std::clamp<std::int64_t>(in.begin - first * kStep, 0, S);
  const std::int64_t end = std::clamp<std::int64_t>(in.end - (first + P - 1) * kStep, begin, S);
  const std::int64_t joined = in.step == in.channels ? end - begin : 1;
  for (std::int64_t s = 0; s < in.segment_count; ++s)
    for (std::int64_t t = 0; t < S;) {
      const bool all_exist = t >= begin && t < end;
      const std::int64_t taps = all_exist ? joined : 1;
      // Pixels before `low` and from `high` on read padding.
      const std::int64_t low = all_exist ? 0 : (in.begin - t + kStep - 1) / kStep - first;
      const std::int64_t high = all_exist ? P : (in.end - t + kStep - 1) / kStep - first;
      const T* w = in.w + in.segments[s].b + t * in.channels * row;
      // An address register for every third pixel and the multiples of the step reach all pixels.
      const T* three[2] = {in.x + in.segments[s].a + (first * kStep + t) * in.step, nullptr};
      three[1] = three[0] + 3 * step;
      const auto add_term = [&](std::int64_t k, std::int64_t from_pixel, std::int64_t to_pixel) {
        const B filter[2] = {load_all<B>(w + k * row), load_all<B>(w + k * row + kL)};
#pragma GCC unroll 8
        for (int p = 0; p < P; ++p) {
          if (p < line_reach(S) && p < from_pixel) continue;
          if (p >= P - line_reach(S) && p >= to_pixel) continue;
          const B from(three[p / 3][p % 3 * step + k]);
          sum[p][0] = multiply_add(from, filter[0], sum[p][0]);
          sum[p][1] = multiply_add(from, filter[1], sum[p][1]);
        }
      };
      const auto advance = [&](std::int64_t terms) {
        w += terms * row;
        three[0] += terms;
        three[1] += terms;
      };
      std::int64_t left = taps * in.channels;
      // Two terms a round: fewer instructions beside the multiply-adds, 1.5 % on 32-32@16.
      for (; all_exist && left >= 2; left -= 2, advance(2)) {
        add_term(0, 0, P);
        add_term(1, 0, P);
      }
      for (; left > 0; --left, advance(1)) add_term(0, low, high);
      t += taps;
    }
  store_tile<T, Arch, P, 2>(sum, y, out.step, out.columns, out.accumulate);
}

// A tile made of pieces.
template <class T, class Arch, int S, int kStep, int... P>
void line_pieces(const LineInput<T>& in, const LineOutput<Sum<T>>& out) {
  std::int64_t first = 0;
  ((line_piece<T, Arch, P, S, kStep>(in, out, first), first += P), ...);
}

// g++ 12 ends with an internal error on some large tiles of emulated pairs of bf16 numbers, at -O3 for NEON.
template <class T, int V, int P>
constexpr bool line_tile_compiles() {
#if defined(__aarch64__)
  if (!std::is_same_v<T, Sum<T>>) return V * P <= 8;
#endif
  return true;
}

template <class T, class Arch, int S, int kStep, int kSpread>
LineTile<T> choose_line_tile(int vectors, std::int64_t width) {
  // The tile that covers the line with the fewest pixels, if these are at most a fifth too many.
  LineTile<T> best;
  std::int64_t covered = width + width / 5 + 1;
  const auto consider = [&]<int V, int P>() {
    if (vectors != V || width < P || (width + P - 1) / P * P >= covered) return;
    if (kSpread > 1 && (P % kSpread != 0 || width % kSpread != 0)) return;
    if constexpr (line_tile_compiles<T, V, P>()) {
      covered = (width + P - 1) / P * P;
      best = {P, line_tile<T, Arch, V, P, S, kStep, kSpread>};
    }
  };
  if constexpr (kVectorRegisters == 32) {
    consider.template operator()<1, 16>();
    consider.template operator()<2, 8>();
    if constexpr (kSpread == 1) consider.template operator()<2, 7>();
    if constexpr (S == 5) consider.template operator()<2, 6>();
  }
  if constexpr (kVectorRegisters == 16 && kSpread == 2) consider.template operator()<2, 4>();
  if constexpr (kVectorRegisters == 16 && kSpread == 1) {
    const auto consider_pieces = [&]<int... P>() {
      constexpr std::int64_t kPixels = (P + ...);
      if (vectors != 2 || width < kPixels || (width + kPixels - 1) / kPixels * kPixels >= covered) return;
      covered = (width + kPixels - 1) / kPixels * kPixels;
      best = {kPixels, line_pieces<T, Arch, S, kStep, P...>};
    };
    consider_pieces.template operator()<6, 6, 6, 5, 5>();
    consider_pieces.template operator()<6, 5, 5>();
    consider_pieces.template operator()<5, 5, 4>();
    consider_pieces.template operator()<6, 6>();
    consider_pieces.template operator()<5, 5>();
    consider_pieces.template operator()<6>();
    consider_pieces.template operator()<5>();
  }
  consider.template operator()<1, 8>();
  if constexpr (kSpread == 1) consider.template operator()<1, 7>();
  return best;
}

}  // namespace detail

/// The line tile for panels of `vectors`, `taps` taps and lines of `width` pixels; one of no pixels where there is
/// none that pays.
template <class T, class Arch>
LineTile<T> find_line_tile(int vectors, std::int64_t taps, std::int64_t step, std::int64_t spread,
                           std::int64_t width) {
  if (step == 1 && spread == 1 && taps == 2) return detail::choose_line_tile<T, Arch, 2, 1, 1>(vectors, width);
  if (step == 1 && spread == 1 && taps == 3) return detail::choose_line_tile<T, Arch, 3, 1, 1>(vectors, width);
  if (step == 1 && spread == 1 && taps == 5) return detail::choose_line_tile<T, Arch, 5, 1, 1>(vectors, width);
  if (step == 2 && spread == 1 && taps == 3) return detail::choose_line_tile<T, Arch, 3, 2, 1>(vectors, width);
  if (step == 1 && spread == 2 && taps == 3) return detail::choose_line_tile<T, Arch, 3, 1, 2>(vectors, width);
  return {};
}

}  // namespace bitgrain::kernels
