#pragma once

/// The gradient of a convolution with respect to its weights,
///
///     dw[o, kh, kw, i] = sum over images and output pixels of dy[pixel, o] * x[pixel * stride + (kh, kw) taps, i].
///
/// For one kernel row the numbers (kw, i) stand next to each other in the input as in dw, so they are the columns of
/// the register tile; its rows are output channels, and its steps walk along the pixels of an output row. A tile sums
/// over a block of images or rows that fits the second-level cache and is then added to dw.
///
/// Where the run (kw, i) fills its vectors badly (3 taps of 3 colours: 9 of 16 lanes), the tile is turned round: its
/// rows are the elements (kh, kw, i) of a filter, its columns output channels, and its result the transpose of dw.
///
/// Work is cut into a grid of pixel chunks x filter chunks whose shape depends on the problem alone. Every pixel
/// chunk has a dw of its own; these are added in order, so the result does not depend on threads.

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/conv2d_blocks.hpp"
#include "bitgrain/kernels/f32/conv2d_direct.hpp"
#include "bitgrain/kernels/f32/conv2d_plan.hpp"
#include "bitgrain/kernels/f32/conv2d_strip.hpp"
#include "bitgrain/kernels/f32/conv2d_weight_lines.hpp"
#include "bitgrain/kernels/f32/tile.hpp"
#include "bitgrain/kernels/memory_hints.hpp"

namespace bitgrain::kernels {
namespace detail {

// Adds up the gradient of some filters, one block of pixels after the other.
template <class T, class Arch>
class WeightGradient {
 public:
  // Whether tiles whose columns are output channels waste fewer lanes and rows.
  static bool better_turned(const ConvPlan& plan) {
    const auto filling = [](std::int64_t n, std::int64_t unit) {
      return static_cast<double>(n) / static_cast<double>(divide_up(n, unit) * unit);
    };
    return plan.groups == 1 && plan.group_out % kL == 0 &&
           filling(TapRuns(plan).length, kL) * filling(plan.group_out, kMaxTileRows) <
               0.9 * filling(plan.terms(), kMaxTileRows);
  }

  // For the filters [begin, end) of every group; turned, for all.
  WeightGradient(const ConvPlan& plan, const PixelBlocks& blocks, bool turned, std::int64_t begin, std::int64_t end)
      : plan_(plan),
        begin_(begin),
        end_(end),
        runs_(plan),
        turned_(turned),
        strip_(plan, blocks.max_images(), blocks.max_rows(), !turned && runs_.length % kL ? kTileVectors * kL : 0) {}

  // Adds a block to dw, or overwrites dw with it. dw is [filter][taps][group_in], or its transpose if turned.
  void run(const PixelBlock& block, const T* x, const T* dy, T* dw, bool accumulate) {
    dy_ = block_gradient(plan_, block, dy);
    dw_ = dw;
    accumulate_ = accumulate;
    strip_.load(x, block.image, block.images, block.row, block.rows);
    if (turned_)
      run_turned(block);
    else
      run_straight(block);
  }

 private:
  static constexpr std::int64_t kL = kLanes<T, Arch>;

  void run_straight(const PixelBlock& block) {
    std::int64_t column = 0;
    for (const Tap& h : plan_.h.taps)
      for (std::int64_t w = 0; w < runs_.per_row; ++w, column += runs_.length) {
        list_rows(plan_, strip_, block, h, plan_.w.taps[static_cast<std::size_t>(w)], true, rows_);
        for (std::int64_t g = 0; g < plan_.groups; ++g)
          Panels<T, Arch>(runs_.length).for_each([&](const Panel& panel) {
            const T* from = strip_.data() + g * plan_.group_in + panel.first;
            T* to = dw_ + g * plan_.group_out * plan_.terms() + column + panel.first;
            run_rows(
                panel, begin_, end_, [](std::int64_t o) { return o; },
                [&](std::int64_t o) { return o * plan_.terms(); }, to,
                {dy_ + g * plan_.group_out, nullptr, plan_.out_channels(), from, plan_.w.step * plan_.in_channels(),
                 rows_.data(), static_cast<std::int64_t>(rows_.size()), plan_.w.count});
          });
      }
  }

  void run_turned(const PixelBlock& block) {
    const Tap &h0 = plan_.h.taps[0], &w0 = plan_.w.taps[0];
    list_rows(plan_, strip_, block, h0, w0, false, rows_);
    for (TileSegment& row : rows_) std::swap(row.a, row.b);
    const auto tap = [&, width = plan_.w.taps.size()](std::int64_t k) {
      const auto at = static_cast<std::size_t>(k / plan_.group_in);
      return strip_.at(0, plan_.h.taps[at / width].offset, plan_.w.taps[at % width].offset) -
             strip_.at(0, h0.offset, w0.offset) + k % plan_.group_in;
    };
    Panels<T, Arch>(plan_.group_out).for_each([&](const Panel& panel) {
      run_rows(panel, 0, plan_.terms(), tap, [&](std::int64_t k) { return k * plan_.group_out; }, dw_ + panel.first,
               {strip_.data(), nullptr, plan_.w.step * plan_.group_in, dy_ + panel.first, plan_.group_out,
                rows_.data(), static_cast<std::int64_t>(rows_.size()), plan_.w.count});
    });
  }

  // All tiles of one panel: rows [begin, end) found at from(row) in A and at to(row) in dw.
  template <class From, class To>
  void run_rows(const Panel& panel, std::int64_t begin, std::int64_t end, From from, To to, T* dw, TileInput<T> in) {
    std::array<std::int64_t, kMaxTileRows> source{}, target{};
    const int tile = tile_rows(panel.vectors);
    in.rows = source.data();
    for (std::int64_t r = begin; r < end; r += tile) {
      const std::int64_t count = std::min<std::int64_t>(tile, end - r);
      for (std::int64_t p = 0; p < tile; ++p) {
        source[static_cast<std::size_t>(p)] = from(r + std::min(p, count - 1));
        target[static_cast<std::size_t>(p)] = to(r + std::min(p, count - 1));
      }
      multiply_tile<T, Arch>(panel.vectors, in, {dw, target.data(), count, panel.columns, nullptr, accumulate_});
    }
  }

  const ConvPlan& plan_;
  std::int64_t begin_, end_;
  TapRuns runs_;
  bool turned_;
  InputStrip<T> strip_;
  std::vector<TileSegment> rows_;
  const T* dy_ = nullptr;
  T* dw_ = nullptr;
  bool accumulate_ = false;
};

// Whether dw is made a few filters at a time in a buffer and then streamed to memory: where it is large and few
// pixels are added up, so that writing it is what takes time. Stored by tiles, it would be read from memory first, a
// cache line here and there; and lines that start anywhere would be written in two parts. (Smaller ones stay in a
// third-level cache, where this does not count, unless a second block comes back to them.)
inline bool should_stream_gradient(const ConvPlan& plan, const PixelBlocks& blocks, std::size_t bytes) {
  return plan.groups == 1 && blocks.count() <= 2 && bytes >= (std::size_t{blocks.count() == 1 ? 6u : 2u} << 20);
}

// dw of few blocks of pixels, streamed.
template <class T, class Arch, class X, class Make>
void stream_weight_gradient(const ConvPlan& plan, const PixelBlocks& blocks, const X* x, const T* dy, T* dw,
                            Make make) {
  const std::int64_t terms = plan.terms();
  const std::int64_t fit = (std::int64_t{512} << 10) / (terms * static_cast<std::int64_t>(sizeof(T)));
  const std::int64_t filters = std::clamp<std::int64_t>(fit / kMaxTileRows, 1, 4) * kMaxTileRows;
  parallel_for(divide_up(plan.group_out, filters), 1, [&](std::int64_t begin, std::int64_t end) {
    const Scratch<T> buffer(static_cast<std::size_t>(filters * terms));
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i * filters, last = std::min(plan.group_out, first + filters);
      auto gradient = make(first, last);
      // Filter 0 of a dw whose filters [first, last) are the buffer.
      const auto origin =
          reinterpret_cast<std::uintptr_t>(buffer.data()) - static_cast<std::uintptr_t>(first * terms) * sizeof(T);
      for (std::int64_t b = 0; b < blocks.count(); ++b)
        gradient.run(blocks[b], x, dy, reinterpret_cast<T*>(origin), b > 0);
      copy_streaming<T, Arch>(buffer.data(), (last - first) * terms, dw + first * terms);
    }
  });
}

// dw as a sum over blocks of pixels. make(first, last) gives what adds up a block for the filters [first, last) of
// every group; `turned`, it makes the transpose of dw, for all filters only. x may be of another type than T.
template <class T, class Arch, class X, class Make>
void sum_weight_gradient(const ConvPlan& plan, const PixelBlocks& blocks, bool turned, const X* x, const T* dy, T* dw,
                         Make make) {
  const std::int64_t size = plan.out_channels() * plan.terms();
  if (!turned && should_stream_gradient(plan, blocks, static_cast<std::size_t>(size) * sizeof(T)))
    return stream_weight_gradient<T, Arch>(plan, blocks, x, dy, dw, make);
  // Up to 16 chunks of pixels, each worth a thread's while, whose copies of dw take at most 8 MB together; where that
  // leaves too few chunks to share, the filters are divided as well.
  const std::int64_t macs = plan.batch * plan.h.count * plan.macs_per_row();
  const std::int64_t wanted = std::clamp<std::int64_t>(macs >> 20, 1, 16);
  const std::int64_t fit =
      std::clamp<std::int64_t>((8 << 20) / (size * static_cast<std::int64_t>(sizeof(T))), 1, wanted);
  const std::int64_t per_chunk = divide_up(blocks.count(), fit);
  const std::int64_t chunks = divide_up(blocks.count(), per_chunk);
  const std::int64_t filters =
      turned ? plan.group_out : divide_up(divide_up(plan.group_out * chunks, wanted), kMaxTileRows) * kMaxTileRows;
  const std::int64_t filter_chunks = divide_up(plan.group_out, filters);

  Scratch<T> parts(static_cast<std::size_t>(turned || chunks > 1 ? chunks * size : 0));
  T* const first_part = turned || chunks > 1 ? parts.data() : dw;
  parallel_for(chunks * filter_chunks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t chunk = i / filter_chunks, filter = i % filter_chunks * filters;
      auto gradient = make(filter, std::min(plan.group_out, filter + filters));
      for (std::int64_t b = chunk * per_chunk; b < std::min(blocks.count(), (chunk + 1) * per_chunk); ++b)
        gradient.run(blocks[b], x, dy, first_part + chunk * size, b > chunk * per_chunk);
    }
  });
  if (chunks > 1) add_parts<T, Arch>(chunks, size, first_part, turned ? first_part : dw);
  if (turned)
    for (std::int64_t o = 0; o < plan.group_out; ++o)
      for (std::int64_t k = 0; k < plan.terms(); ++k) dw[o * plan.terms() + k] = first_part[k * plan.group_out + o];
}

}  // namespace detail

/// dw of the convolution whose forward plan is `plan`; overwrites dw.
template <class T, class Arch>
void run_weight_gradient(const ConvPlan& plan, const T* x, const T* dy, T* dw) {
  if (plan.batch == 0) {
    std::fill_n(dw, plan.out_channels() * plan.terms(), T(0));
    return;
  }
  if (fits_weight_lines<T, Arch>(plan)) {
    const PixelBlocks blocks(plan.batch, plan.h.count, divide_up(detail::kGradientPixels, plan.w.count));
    return detail::sum_weight_gradient<T, Arch>(plan, blocks, false, x, dy, dw,
                                                [&](std::int64_t first, std::int64_t last) {
                                                  return detail::WeightLines<T, Arch>(plan, blocks, first, last);
                                                });
  }
  const bool turned = detail::WeightGradient<T, Arch>::better_turned(plan);
  const GradientBlocks blocks(plan, sizeof(T));
  detail::sum_weight_gradient<T, Arch>(plan, blocks, turned, x, dy, dw, [&](std::int64_t first, std::int64_t last) {
    return detail::WeightGradient<T, Arch>(plan, blocks, turned, first, last);
  });
}

}  // namespace bitgrain::kernels
