#pragma once

/// The first convolution of a network: 1 or 3 input channels, so the sum behind an output number is short and its
/// terms lie in short runs, one per kernel row: 9 numbers for 3 taps of 3 colours.
///
/// The general tile (tile.hpp) finds its rows through a table, 8 at a time, and pays for the table and for every run
/// anew. Here the pixels of a tile are neighbours in an output row, a distance apart that is known when compiling,
/// and up to 24 of them share the loads of the weights: with one vector of output channels,
///
///     y[p] += broadcast(x[p * step + k]) * w[k]        24 broadcasts, 24 multiply-adds and one load per step k.
///
/// The rows of the image that a block of output rows reads are copied with their padding and some room behind, so a
/// tile may begin anywhere in a row and compute pixels that do not exist, which are not stored.

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/conv2d_blocks.hpp"
#include "bitgrain/kernels/f32/conv2d_plan.hpp"
#include "bitgrain/kernels/f32/conv2d_strip.hpp"
#include "bitgrain/kernels/f32/pack.hpp"
#include "bitgrain/kernels/memory_hints.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {

/// Whether run_stem computes this convolution: 1 or 3 input channels, one run of memory per kernel row, and one of
/// the strides for which there are tiles.
inline bool is_stem(const ConvGeometry& g) {
  const std::int64_t step = g.window.stride_w * g.in_channels;
  return g.groups == 1 && (g.in_channels == 1 || g.in_channels == 3) &&
         (g.window.dilation_w == 1 || g.window.kernel_w == 1) && (step == 1 || step == 3 || step == 6);
}

namespace detail {

// A row of output pixels times one or two vectors of output channels.
template <class T>
struct StemLine {
  const T* x;                // where pixel 0 begins to read
  const std::int64_t* rows;  // offset of each kernel row
  std::int64_t row_count, length;
  const T* w;     // [row][length][vectors]
  const T* bias;  // full vectors, or null
  T* y;
  std::int64_t pixels, y_step, columns;  // columns to store: all vectors but the last are full
  bool stream, fetch;                    // fetch: ask for the memory of the next tile before it is written
};

// Pixels [first, first + P) as far as they exist, kStep numbers apart.
template <class T, class Arch, int V, int P, int kStep>
void stem_tile(const StemLine<T>& line, std::int64_t first) {
  using B = Vec<T, Arch>;
  constexpr std::int64_t kL = kLanes<T, Arch>;
  B sum[P][V];
#pragma GCC unroll 32
  for (int p = 0; p < P; ++p)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) sum[p][v] = line.bias ? load_all<B>(line.bias + v * kL) : B(T(0));
  if (line.fetch) {  // V * kL numbers may lie in one cache line more than there are vectors
    const T* to = line.y + (first + P) * line.y_step;
#pragma GCC unroll 1
    for (int p = 0; p < P; ++p, to += line.y_step) {
      prefetch_to_write(reinterpret_cast<std::uintptr_t>(to));
      if constexpr (V == 2) prefetch_to_write(reinterpret_cast<std::uintptr_t>(to + kL));
      prefetch_to_write(reinterpret_cast<std::uintptr_t>(to + V * kL - 1));
    }
  }
  const T* w = line.w;
  const std::int64_t length = line.length;
  for (std::int64_t r = 0; r < line.row_count; ++r) {
    const T* x = line.x + line.rows[r] + first * kStep;
    for (std::int64_t k = length; k > 0; --k, ++x, w += V * kL) {
      forget_address(x);
      B weight[V];
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) weight[v] = load_all<B>(w + v * kL);
#pragma GCC unroll 32
      for (int p = 0; p < P; ++p) {
        const B factor(x[p * kStep]);
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) sum[p][v] = multiply_add(factor, weight[v], sum[p][v]);
      }
    }
  }
  const std::int64_t y_step = line.y_step, count = line.pixels - first, in_last = line.columns - (V - 1) * kL;
  const bool stream = line.stream;
  T* y = line.y + first * y_step;
  if (in_last >= kL && count >= P) {
#pragma GCC unroll 32
    for (int p = 0; p < P; ++p, y += y_step)
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) {
        if (stream)
          store_streaming(y + v * kL, sum[p][v]);
        else
          store_all(y + v * kL, sum[p][v]);
      }
    return;
  }
#pragma GCC unroll 32
  for (int p = 0; p < P; ++p, y += y_step) {
    if (p >= count) break;
    if constexpr (V == 2) store_all(y, sum[p][0]);
    store_first(y + (V - 1) * kL, std::min(in_last, kL), sum[p][V - 1]);
  }
}

template <class T, class Arch, int V, int P, int kStep>
void stem_line(const StemLine<T>& line) {
  for (std::int64_t p = 0; p < line.pixels; p += P) stem_tile<T, Arch, V, P, kStep>(line, p);
}

// The pixels of a tile: the size that computes the fewest pixels that do not exist, and of these the largest.
template <class T>
struct StemKernel {
  void (*line)(const StemLine<T>&) = nullptr;
  std::int64_t pixels = 0;

  template <class Arch, int V>
  static StemKernel choose(std::int64_t step, std::int64_t pixels) {
    StemKernel best;
    const auto offer = [&]<int P>() {
      const auto covered = [&](std::int64_t p) { return divide_up(pixels, p) * p; };
      if (best.line && covered(P) > covered(best.pixels)) return;
      best = {step == 1   ? stem_line<T, Arch, V, P, 1>
              : step == 3 ? stem_line<T, Arch, V, P, 3>
                          : stem_line<T, Arch, V, P, 6>,
              P};
    };
    if constexpr (kVectorRegisters == 32 && V == 1) {
      offer.template operator()<14>();
      offer.template operator()<16>();
      offer.template operator()<24>();
    } else if constexpr (kVectorRegisters == 32) {
      offer.template operator()<8>();
      offer.template operator()<12>();
    } else {
      offer.template operator()<8 / V>();
      offer.template operator()<12 / V>();
    }
    return best;
  }
};

}  // namespace detail

/// y of a convolution for which is_stem() holds; `bias` may be null.
template <class T, class Arch>
void run_stem(const ConvGeometry& g, const T* x, const T* w, const T* bias, T* y) {
  constexpr std::int64_t kL = kLanes<T, Arch>;
  const ConvPlan plan = plan_forward(g);
  if (plan.batch == 0) return;
  const std::int64_t filters = plan.group_out, terms = plan.terms(), step = plan.w.step * plan.group_in;
  const std::int64_t vectors = divide_up(filters, kL), length = terms / static_cast<std::int64_t>(plan.h.taps.size());
  Scratch<T> weights(static_cast<std::size_t>(vectors * kL * terms)), start(static_cast<std::size_t>(vectors * kL));
  for (std::int64_t v = 0; v < vectors; v += 2) {
    const std::int64_t width = std::min<std::int64_t>(2, vectors - v) * kL;
    pack_panel<T, Arch>(terms, std::min(width, filters - v * kL), w + v * kL * terms, 1, terms, width,
                        weights.data() + v * kL * terms);
  }
  if (bias) pack_panel<T, Arch>(1, filters, bias, 0, 1, vectors * kL, start.data());
  const auto one = detail::StemKernel<T>::template choose<Arch, 1>(step, plan.w.count);
  const auto two = detail::StemKernel<T>::template choose<Arch, 2>(step, plan.w.count);

  const std::int64_t rows = std::min(plan.h.count, block_rows(plan, sizeof(T))),
                     blocks = divide_up(plan.h.count, rows);
  const std::int64_t grain =
      std::max<std::int64_t>(1, (1 << 18) / std::max<std::int64_t>(1, rows * plan.macs_per_row()));
  const bool stream = worth_streaming<T, Arch>(y, filters, g.output_size());
  // A large result that cannot be streamed would wait for memory at every store (128 filters at 32 x 32: 0.7).
  const bool fetch = !stream && static_cast<std::size_t>(g.output_size()) * sizeof(T) >= 2 * kStreamingBytes;
  const std::int64_t past = (std::max(one.pixels, two.pixels) + 1) * step;
  parallel_for(plan.batch * blocks, grain, [&](std::int64_t begin, std::int64_t end) {
    InputStrip<T> strip(plan, 1, rows, past);
    std::vector<std::int64_t> offsets(plan.h.taps.size());
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t image = i / blocks, first = i % blocks * rows, last = std::min(plan.h.count, first + rows);
      strip.load(x, image, 1, first, last - first);
      for (std::int64_t row = first; row < last; ++row) {
        // Only the kernel rows that meet the image.
        std::int64_t from = 0, count = 0;
        for (std::size_t h = 0; h < offsets.size(); ++h) {
          const std::int64_t at = row * plan.h.step + plan.h.taps[h].offset;
          if (at < 0) ++from;
          if (at >= 0 && at < plan.h.input)
            offsets[static_cast<std::size_t>(count++)] = strip.at(0, at, plan.w.low(0));
        }
        T* to = y + (image * plan.h.count + row) * plan.w.count * filters;
        for (std::int64_t v = 0; v < vectors; v += 2) {
          const bool pair = v + 2 <= vectors;
          const std::int64_t width = (pair ? 2 : 1) * kL;
          (pair ? two : one)
              .line({strip.data(), offsets.data(), count, length,
                     weights.data() + v * kL * terms + from * length * width, bias ? start.data() + v * kL : nullptr,
                     to + v * kL, plan.w.count, filters, std::min(width, filters - v * kL), stream, fetch});
        }
      }
    }
    if (stream) streaming_done();
  });
}

}  // namespace bitgrain::kernels
