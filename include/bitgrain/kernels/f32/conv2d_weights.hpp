#pragma once

/// The gradient of a convolution with respect to its weights,
///
///     dw[o, kh, kw, i] = sum over images and output pixels of dy[pixel, o] * x[pixel * stride + (kh, kw) taps, i].
///
/// For one kernel row the numbers (kw, i) stand next to each other in the input as in dw, so they are the columns of
/// the register tile; its rows are output channels, and its steps walk along the pixels of an output row. A tile sums
/// over a block of images or rows that fits the second-level cache and is then added to dw.
///
/// Where the run (kw, i) fills its vectors badly (3 x 3 taps of 3 colours: 9 of 16 lanes), the taps of each pixel are
/// first gathered in one row of a patch matrix, and the run is the whole filter (27 of 32).
///
/// Work is cut into a grid of pixel chunks x output-channel chunks whose shape depends on the problem alone. Every
/// pixel chunk has a dw of its own; these are added in order, so the result does not depend on threads.

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/conv2d_direct.hpp"
#include "bitgrain/kernels/f32/conv2d_plan.hpp"
#include "bitgrain/kernels/f32/conv2d_strip.hpp"
#include "bitgrain/kernels/f32/tile.hpp"

namespace bitgrain::kernels {
namespace detail {

// Output rows taken together: `images` whole images, or `rows` rows of one.
struct WeightBlocks {
  std::int64_t images = 1, rows = 1, per_image = 1, count = 0;

  WeightBlocks(const ConvPlan& plan, std::int64_t bytes_per_row) {
    const std::int64_t fit = std::max<std::int64_t>(1, (256 << 10) / std::max<std::int64_t>(1, bytes_per_row));
    images = std::clamp<std::int64_t>(fit / plan.h.count, 1, plan.batch);
    rows = std::min(fit, plan.h.count);
    per_image = (plan.h.count + rows - 1) / rows;
    count = images > 1 ? (plan.batch + images - 1) / images : plan.batch * per_image;
  }
};

// Computes the gradient of the filters [first_filter, last_filter) from one block after the other.
template <class T, class Arch>
class WeightGradient {
 public:
  // Whether the taps are gathered in patches: a filter of all taps fills its vectors well, a kernel row does not.
  static bool use_patches(const ConvPlan& plan, const TapRuns& runs) {
    const auto filling = [](std::int64_t n) { return static_cast<double>(n) / static_cast<double>(round_up(n)); };
    return runs.joined && filling(runs.length) < 0.8 && filling(plan.terms()) > filling(runs.length);
  }

  WeightGradient(const ConvPlan& plan, const WeightBlocks& blocks)
      : plan_(plan),
        runs_(plan),
        blocks_(blocks),
        patches_(use_patches(plan, runs_)),
        strip_(plan, blocks.images, blocks.rows, runs_.length % kL || patches_ ? kTileVectors * kL : 0),
        patch_(static_cast<std::size_t>(
            patches_ ? blocks.images * blocks.rows * plan.w.count * round_up(plan.terms()) + kL : 0)),
        segments_(static_cast<std::size_t>(blocks.images * blocks.rows)) {}

  // Adds block `index` to dw [filters of all groups][taps][group_in], or overwrites dw with it. Only the filters
  // [begin, end) of every group are touched.
  void run(std::int64_t index, const T* x, const T* dy, std::int64_t begin, std::int64_t end, T* dw,
           bool accumulate) {
    const bool whole = blocks_.images > 1;
    const std::int64_t image = whole ? index * blocks_.images : index / blocks_.per_image;
    const std::int64_t images = whole ? std::min(blocks_.images, plan_.batch - image) : 1;
    const std::int64_t row = whole ? 0 : index % blocks_.per_image * blocks_.rows;
    const std::int64_t rows = std::min(blocks_.rows, plan_.h.count - row);
    dy += (image * plan_.h.count + row) * plan_.w.count * plan_.out_channels();
    strip_.load(x, image, images, row, rows);
    begin_ = begin;
    end_ = end;
    accumulate_ = accumulate;
    if (patches_) {
      gather(images, row, rows);
      const std::int64_t pixels = images * rows * plan_.w.count;
      segments_[0] = {0, 0};
      run_columns(dy, patch_.data(), round_up(plan_.terms()), 1, pixels, plan_.terms(), dw);
      return;
    }
    for (std::int64_t g = 0; g < plan_.groups; ++g)
      for (std::size_t h = 0, run = 0; h < plan_.h.taps.size(); ++h)
        for (std::int64_t w = 0; w < runs_.per_row; ++w, ++run) {
          std::int64_t count = 0;
          for (std::int64_t n = 0; n < images; ++n)
            for (std::int64_t r = 0; r < rows; ++r) {
              const std::int64_t at = (row + r) * plan_.h.step + plan_.h.taps[h].offset;
              if (at < 0 || at >= plan_.h.input) continue;  // the taps of this row are padding
              segments_[static_cast<std::size_t>(count++)] = {
                  (n * rows + r) * plan_.w.count * plan_.out_channels() + g * plan_.group_out,
                  strip_.at(n, at, plan_.w.taps[static_cast<std::size_t>(w)].offset) + g * plan_.group_in};
            }
          run_columns(dy, strip_.data(), plan_.w.step * plan_.in_channels(), count, plan_.w.count, runs_.length,
                      dw + g * plan_.group_out * plan_.terms() + static_cast<std::int64_t>(run) * runs_.length);
        }
  }

 private:
  static constexpr std::int64_t kL = kLanes<T, Arch>;
  static std::int64_t round_up(std::int64_t n) { return (n + kL - 1) / kL * kL; }

  // Fills the patch matrix: a row per pixel, its taps in the order of the filter. Whole vectors are copied; what they
  // write too much is overwritten by the next run or lies in the columns that fill up the row.
  void gather(std::int64_t images, std::int64_t row, std::int64_t rows) {
    const std::int64_t step = round_up(plan_.terms());
    T* to = patch_.data();
    for (std::int64_t n = 0; n < images; ++n)
      for (std::int64_t r = row; r < row + rows; ++r)
        for (std::int64_t c = 0; c < plan_.w.count; ++c, to += step) {
          T* run = to;
          for (const Tap& h : plan_.h.taps) {
            const T* from = strip_.data() + strip_.at(n, r * plan_.h.step + h.offset, plan_.w.low(c));
            for (std::int64_t i = 0; i < runs_.length; i += kL) store_all(run + i, load_all<Vec<T, Arch>>(from + i));
            run += runs_.length;
          }
        }
  }

  // All tiles of one run of columns.
  void run_columns(const T* dy, const T* b, std::int64_t b_step, std::int64_t segment_count, std::int64_t length,
                   std::int64_t columns, T* dw) {
    std::array<std::int64_t, kMaxTileRows> from{}, to{};
    Panels<T, Arch>(columns).for_each([&](const Panel& panel) {
      const int tile = tile_rows(panel.vectors);
      for (std::int64_t o = begin_; o < end_; o += tile) {
        const std::int64_t count = std::min<std::int64_t>(tile, end_ - o);
        for (std::int64_t p = 0; p < kMaxTileRows; ++p) {
          const std::int64_t filter = o + std::min(p, count - 1);
          from[static_cast<std::size_t>(p)] = filter;
          to[static_cast<std::size_t>(p)] = filter * plan_.terms() + panel.first;
        }
        multiply_tile<T, Arch>(
            panel.vectors,
            {dy, from.data(), plan_.out_channels(), b + panel.first, b_step, segments_.data(), segment_count, length},
            {dw, to.data(), count, panel.columns, nullptr, accumulate_});
      }
    });
  }

  const ConvPlan& plan_;
  TapRuns runs_;
  const WeightBlocks& blocks_;
  bool patches_;
  InputStrip<T> strip_;
  Scratch<T> patch_;
  std::vector<TileSegment> segments_;
  std::int64_t begin_ = 0, end_ = 0;
  bool accumulate_ = false;
};

}  // namespace detail

/// total[i] = sum over c of parts[c * size + i], added in order of c.
template <class T, class Arch>
void add_parts(std::int64_t parts, std::int64_t size, const T* part, T* total) {
  using V = Vec<T, Arch>;
  parallel_for(size, 4096, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t i = begin;
    for (; i + kLanes<T, Arch> <= end; i += kLanes<T, Arch>) {
      V sum = load_all<V>(part + i);
      for (std::int64_t c = 1; c < parts; ++c) sum += load_all<V>(part + c * size + i);
      store_all(total + i, sum);
    }
    for (; i < end; ++i) {
      T sum = part[i];
      for (std::int64_t c = 1; c < parts; ++c) sum += part[c * size + i];
      total[i] = sum;
    }
  });
}

/// dw of the convolution whose forward plan is `plan`; overwrites dw.
template <class T, class Arch>
void run_weight_gradient(const ConvPlan& plan, const T* x, const T* dy, T* dw) {
  const std::int64_t size = plan.out_channels() * plan.terms();
  const std::int64_t row_bytes =
      static_cast<std::int64_t>(sizeof(T)) *
      (plan.w.input * plan.in_channels() * plan.h.step + plan.w.count * plan.out_channels());
  if (plan.batch == 0) {
    std::fill_n(dw, size, T(0));
    return;
  }
  const detail::WeightBlocks blocks(plan, row_bytes);
  // Up to 16 chunks of pixels, worth a thread's while each, whose copies of dw take at most 8 MB; where that leaves
  // too few chunks to share, the filters are divided as well.
  const std::int64_t macs = plan.batch * plan.h.count * plan.macs_per_row();
  const std::int64_t wanted = std::clamp<std::int64_t>(macs >> 20, 1, 16);
  const std::int64_t fit = std::max<std::int64_t>(1, (8 << 20) / (size * static_cast<std::int64_t>(sizeof(T))));
  const std::int64_t per_chunk = (blocks.count + std::min(wanted, fit) - 1) / std::min(wanted, fit);
  const std::int64_t chunks = (blocks.count + per_chunk - 1) / per_chunk;
  const std::int64_t filters =
      (plan.group_out * chunks / wanted + kMaxTileRows - 1) / kMaxTileRows * kMaxTileRows;  // per filter chunk
  const std::int64_t filter_grain =
      std::clamp<std::int64_t>(filters, kMaxTileRows, std::max<std::int64_t>(plan.group_out, kMaxTileRows));
  const std::int64_t filter_chunks = (plan.group_out + filter_grain - 1) / filter_grain;
  Scratch<T> parts(static_cast<std::size_t>(chunks > 1 ? chunks * size : 0));
  parallel_for(chunks * filter_chunks, 1, [&](std::int64_t begin, std::int64_t end) {
    detail::WeightGradient<T, Arch> gradient(plan, blocks);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t chunk = i / filter_chunks, first = i % filter_chunks * filter_grain;
      T* to = chunks > 1 ? parts.data() + chunk * size : dw;
      for (std::int64_t b = chunk * per_chunk; b < std::min(blocks.count, (chunk + 1) * per_chunk); ++b)
        gradient.run(b, x, dy, first, std::min(plan.group_out, first + filter_grain), to, b > chunk * per_chunk);
    }
  });
  if (chunks > 1) add_parts<T, Arch>(chunks, size, parts.data(), dw);
}

}  // namespace bitgrain::kernels
