#pragma once

/// The gradient of a first convolution (conv2d_stem.hpp) with respect to its weights,
///
///     dw[o, k] = sum over pixels of dy[pixel, o] * x[pixel * stride + tap k],
///
/// k running over kernel rows, kernel columns and input channels. There are so few k that the sums of several kernel
/// rows, or all of them, times one vector of output channels stay in registers: 27 for 3 x 3 taps of 3 colours. The
/// kernel then only walks along the pixels, and each gives
///
///     sum[k] += broadcast(x[pixel * step + k]) * dy[pixel]        27 broadcasts, 27 multiply-adds and one load.
///
/// A kernel takes up to kRows kernel rows and kLength neighbouring numbers of each; longer runs are cut into pieces.

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/conv2d_blocks.hpp"
#include "bitgrain/kernels/f32/conv2d_plan.hpp"
#include "bitgrain/kernels/f32/conv2d_stem.hpp"
#include "bitgrain/kernels/f32/conv2d_strip.hpp"
#include "bitgrain/kernels/memory_hints.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {
namespace detail {

// A piece of dw from a block of rows of dy.
template <class T>
struct StemGradientPiece {
  const T *dy, *x;
  const TileSegment* rows;  // per row of dy: where it begins (a), and where the piece begins in x (b)
  std::int64_t row_count, pixels, dy_step, x_step;
  std::int64_t x_row;                            // from one kernel row to the next
  std::int64_t used_rows, used_length, columns;  // what of the piece exists
  T* dw;                                         // [kernel row][number of the run][output channel], added to
  std::int64_t dw_row, dw_step;
};

template <class T, class Arch, int kRows, int kLength>
void stem_gradient(const StemGradientPiece<T>& piece) {
  using V = Vec<T, Arch>;
  const std::int64_t dy_step = piece.dy_step, x_step = piece.x_step, columns = piece.columns;
  // A kernel row that does not exist reads the first one again.
  const std::int64_t x_row = kRows <= piece.used_rows ? piece.x_row : 0;
  V sum[kRows][kLength];
#pragma GCC unroll 32
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 32
    for (int k = 0; k < kLength; ++k) sum[r][k] = V(T(0));
  constexpr std::int64_t kAhead = 24;  // pixels; of several vectors of channels only one is read at a time
  const auto walk = [&]<bool kAll>() {
    for (std::int64_t i = 0; i < piece.row_count; ++i) {
      const T* dy = piece.dy + piece.rows[i].a;
      const T* x = piece.x + piece.rows[i].b;
      for (std::int64_t p = piece.pixels; p > 0; --p, dy += dy_step, x += x_step) {
        prefetch_near(dy + kAhead * dy_step);
        prefetch_near(dy + kAhead * dy_step + kLanes<T, Arch> - 1);  // another cache line where dy is not aligned
        V gradient;
        if constexpr (kAll)
          gradient = load_all<V>(dy);
        else
          gradient = load_first<V>(dy, columns);
#pragma GCC unroll 32
        for (int r = 0; r < kRows; ++r) {
          const T* row = x + r * x_row;
          forget_address(row);
#pragma GCC unroll 32
          for (int k = 0; k < kLength; ++k) sum[r][k] = multiply_add(V(row[k]), gradient, sum[r][k]);
        }
      }
    }
  };
  if (columns == kLanes<T, Arch>)
    walk.template operator()<true>();
  else
    walk.template operator()<false>();
#pragma GCC unroll 32
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 32
    for (int k = 0; k < kLength; ++k)
      if (r < piece.used_rows && k < piece.used_length) {
        T* to = piece.dw + r * piece.dw_row + k * piece.dw_step;
        store_first(to, columns, load_first<V>(to, columns) + sum[r][k]);
      }
}

// The piece size for kernels of `rows` runs of `length` numbers: the one that wastes the fewest multiply-adds.
template <class T>
struct StemGradientKernel {
  void (*run)(const StemGradientPiece<T>&) = nullptr;
  std::int64_t rows = 0, length = 0;

  template <class Arch>
  static StemGradientKernel choose(std::int64_t rows, std::int64_t length) {
    StemGradientKernel best;
    const auto cost = [&](std::int64_t r, std::int64_t k) {  // of all pieces, in multiply-adds and loads per pixel
      return divide_up(rows, r) * divide_up(length, k) * std::max<std::int64_t>(r * k + 1, 9);
    };
    const auto offer = [&]<int kRows, int kLength>() {
      if (!best.run || cost(kRows, kLength) < cost(best.rows, best.length))
        best = {stem_gradient<T, Arch, kRows, kLength>, kRows, kLength};
    };
    if constexpr (kVectorRegisters == 32) {
      offer.template operator()<3, 9>();   // 3 x 3 taps of 3 colours
      offer.template operator()<5, 5>();   // 5 x 5 taps of 1 or 3
      offer.template operator()<1, 21>();  // 7 x 7 taps of 3
      offer.template operator()<4, 7>();   // 7 x 7 taps of 1
    } else {
      offer.template operator()<1, 9>();
      offer.template operator()<2, 5>();
      offer.template operator()<1, 7>();
    }
    offer.template operator()<3, 3>();  // 3 x 3 taps of 1
    return best;
  }
};

}  // namespace detail

/// dw of a convolution for which is_stem() holds; overwrites dw.
template <class T, class Arch>
void run_stem_gradient(const ConvGeometry& g, const T* x, const T* dy, T* dw) {
  constexpr std::int64_t kL = kLanes<T, Arch>;
  const ConvPlan plan = plan_forward(g);
  const std::int64_t filters = plan.group_out, terms = plan.terms(), size = filters * terms;
  if (plan.batch == 0) {
    std::fill_n(dw, size, T(0));
    return;
  }
  const auto taps_h = static_cast<std::int64_t>(plan.h.taps.size());
  const std::int64_t length = terms / taps_h;
  const auto kernel = detail::StemGradientKernel<T>::template choose<Arch>(taps_h, length);
  // Up to 16 chunks of blocks of pixels, each worth a thread's while and its own copy of dw; added in order.
  const GradientBlocks blocks(plan, sizeof(T));
  const std::int64_t macs = plan.batch * plan.h.count * plan.macs_per_row();
  const std::int64_t per_chunk = divide_up(blocks.count(), std::clamp<std::int64_t>(macs >> 18, 1, 16));
  const std::int64_t chunks = divide_up(blocks.count(), per_chunk);
  Scratch<T> parts(static_cast<std::size_t>(chunks * size));
  parallel_for(chunks, 1, [&](std::int64_t begin, std::int64_t end) {
    InputStrip<T> strip(plan, blocks.max_images(), blocks.max_rows(), kernel.length);
    std::vector<TileSegment> rows;
    for (std::int64_t chunk = begin; chunk < end; ++chunk) {
      T* part = parts.data() + chunk * size;
      std::fill_n(part, size, T(0));
      for (std::int64_t b = chunk * per_chunk; b < std::min(blocks.count(), (chunk + 1) * per_chunk); ++b) {
        const PixelBlock block = blocks[b];
        strip.load(x, block.image, block.images, block.row, block.rows);
        const T* dy_block = detail::block_gradient(plan, block, dy);
        for (std::int64_t h = 0; h < taps_h; h += kernel.rows) {
          const Tap& tap = plan.h.taps[static_cast<std::size_t>(h)];
          detail::list_rows(plan, strip, block, tap, plan.w.taps[0], false, rows);
          const std::int64_t x_row = strip.at(0, g.window.dilation_h, 0) - strip.at(0, 0, 0);
          for (std::int64_t o = 0; o < filters; o += kL)
            for (std::int64_t k = 0; k < length; k += kernel.length) {
              const std::int64_t used = std::min(kernel.rows, taps_h - h);
              // Fewer kernel rows than the piece has: one at a time, each as the first of a piece.
              for (std::int64_t r = 0; r < (used < kernel.rows ? used : 1); ++r)
                kernel.run({dy_block + o, strip.data() + k + r * x_row, rows.data(),
                            static_cast<std::int64_t>(rows.size()), plan.w.count, filters,
                            plan.w.step * plan.group_in, x_row, used < kernel.rows ? 1 : used,
                            std::min(kernel.length, length - k), std::min(kL, filters - o),
                            part + ((h + r) * length + k) * filters + o, length * filters, filters});
            }
        }
      }
    }
  });
  if (chunks > 1) detail::add_parts<T, Arch>(chunks, size, parts.data(), parts.data());
  for (std::int64_t o = 0; o < filters; ++o)
    for (std::int64_t k = 0; k < terms; ++k) dw[o * terms + k] = parts[static_cast<std::size_t>(k * filters + o)];
}

}  // namespace bitgrain::kernels
