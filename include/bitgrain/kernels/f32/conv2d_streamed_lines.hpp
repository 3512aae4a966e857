#pragma once

/// Line tiles (line_tile.hpp) for few pixels and many weights: the last layers of a network at batch 1.
///
/// There the weights come from memory and each is used for a few lines only. Packing all of them first
/// (conv2d_packed.hpp) writes and reads them twice more, and taking one line after the other reads them as often as
/// there are lines. So a chunk of them that the second-level cache holds is packed and used for all lines before the
/// next one, which is asked for meanwhile; the output, which is small, adds up what the chunks give.
///
/// A chunk has some channels of one kernel row. What it reads of w [O,Kh,Kw,I] should stand in long runs: forward, a
/// run goes along the inputs of one output channel, so a chunk is one panel with many inputs; for the gradient with
/// respect to the input it goes along the columns, so a chunk is many panels with few of the channels summed over.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/conv2d_blocks.hpp"
#include "bitgrain/kernels/f32/conv2d_packed.hpp"
#include "bitgrain/kernels/f32/conv2d_plan.hpp"
#include "bitgrain/kernels/f32/line_tile.hpp"
#include "bitgrain/kernels/f32/pack.hpp"

namespace bitgrain::kernels {
namespace detail {

// Asks for the cache lines of `rows` x `taps` runs of memory, some at a time. Steps and the run are in bytes.
class FetchedRuns {
 public:
  FetchedRuns(std::uintptr_t first, std::int64_t rows, std::int64_t row, std::int64_t taps, std::int64_t tap,
              std::int64_t run)
      : row_at_(first), rows_(rows), row_(row), taps_(taps), tap_(tap), run_(run) {}
  std::int64_t lines() const { return rows_ * taps_ * divide_up(run_, 64); }
  void fetch(std::int64_t lines) {
    for (; lines > 0 && rows_ > 0; --lines) {
      prefetch(row_at_ + static_cast<std::uintptr_t>(tap_now_ * tap_ + at_));
      at_ += 64;
      if (at_ < run_) continue;
      at_ = 0;
      if (++tap_now_ < taps_) continue;
      tap_now_ = 0;
      row_at_ += static_cast<std::uintptr_t>(row_);
      --rows_;
    }
  }

 private:
  std::uintptr_t row_at_;
  std::int64_t rows_, row_, taps_, tap_, run_, tap_now_ = 0, at_ = 0;
};

// One plan of one group, whose panels have line tiles that divide a line.
template <class T, class Arch>
class StreamedLines {
 public:
  StreamedLines(const ConvPlan& plan, const WeightSteps& steps, const T* w, const Sum<T>* bias)
      : plan_(plan), steps_(steps), w_(w), bias_(bias), taps_(static_cast<std::int64_t>(plan.w.taps.size())) {
    Panels<T, Arch>(plan.group_out, kLineVectors).for_each([&](const Panel& panel) { panels_.push_back(panel); });
  }

  // The panels [begin, end) of a block.
  void run(const PixelBlock& block, std::int64_t begin, std::int64_t end, const T* x, Sum<T>* y) const {
    if (block.rows <= 0) return;
    for (std::int64_t i = begin; i < end; ++i) start(block, panel(i), y);
    if (plan_.h.taps.empty() || taps_ == 0) return;
    const std::int64_t panels = steps_.row == 1 ? 1 : end - begin;
    const std::int64_t width = panels * kLineVectors * kL;
    const std::int64_t chunks = divide_up(plan_.group_in, std::max(kChunk / (taps_ * width), kAlong));
    const std::int64_t depth = divide_up(divide_up(plan_.group_in, chunks), kAlong) * kAlong;
    Scratch<T> packed(static_cast<std::size_t>(taps_ * depth * width));
    for (Chunk chunk{begin, panels, 0, 0, depth}; chunk.first < end;) {
      const Chunk next = after(chunk);
      for_each_panel(chunk, packed.data(), [&](const Panel& panel, T* to) { pack(chunk, panel, to); });
      FetchedRuns ahead = runs_of(next);
      const std::int64_t calls = chunk.panels * block.images * block.rows;
      const std::int64_t share = divide_up(ahead.lines(), calls);
      for_each_panel(chunk, packed.data(), [&](const Panel& panel, const T* weights) {
        add(block, chunk, panel, weights, x, y, [&] { ahead.fetch(share); });
      });
      chunk = next;
    }
  }

 private:
  static constexpr std::int64_t kL = kLanes<T, Arch>;
  static constexpr std::int64_t kChunk = (128 << 10) / static_cast<std::int64_t>(sizeof(T));
  static constexpr std::int64_t kAlong = 16;  // channels, at least

  // The `channels` channels from `channel` on of kernel row h, for some panels; less at the ends.
  struct Chunk {
    std::int64_t first, panels;
    std::size_t h;
    std::int64_t channel, channels;
  };
  Chunk after(Chunk chunk) const {
    chunk.channel += chunk.channels;
    if (chunk.channel < plan_.group_in) return chunk;
    chunk.channel = 0;
    if (++chunk.h < plan_.h.taps.size()) return chunk;
    chunk.h = 0;
    chunk.first += chunk.panels;
    return chunk;
  }
  std::int64_t last(const Chunk& chunk) const {
    return std::min(chunk.first + chunk.panels, static_cast<std::int64_t>(panels_.size()));
  }
  std::int64_t channels(const Chunk& chunk) const { return std::min(chunk.channels, plan_.group_in - chunk.channel); }
  const Panel& panel(std::int64_t i) const { return panels_[static_cast<std::size_t>(i)]; }
  template <class Visit>
  void for_each_panel(const Chunk& chunk, T* weights, Visit visit) const {
    for (std::int64_t i = chunk.first; i < last(chunk); ++i) {
      visit(panel(i), weights);
      weights += taps_ * channels(chunk) * panel(i).vectors * kL;
    }
  }
  // Where tap 0 of a chunk stands in w.
  const T* source(const Chunk& chunk, std::int64_t column) const {
    return w_ + plan_.h.taps[chunk.h].kernel * steps_.kernel_h + chunk.channel * steps_.row + column * steps_.column;
  }
  FetchedRuns runs_of(const Chunk& chunk) const {
    if (chunk.first == last(chunk) || chunk.first >= static_cast<std::int64_t>(panels_.size()))
      return {0, 0, 0, 0, 0, 0};
    constexpr std::int64_t kSize = sizeof(T);
    const Panel &left = panel(chunk.first), &right = panel(last(chunk) - 1);
    const std::int64_t columns = right.first + right.columns - left.first;
    const bool along = steps_.row == 1;
    std::int64_t kernel = plan_.w.taps[0].kernel;
    for (const Tap& tap : plan_.w.taps) kernel = std::min(kernel, tap.kernel);
    return {reinterpret_cast<std::uintptr_t>(source(chunk, left.first) + kernel * steps_.kernel_w),
            along ? columns : channels(chunk),
            (along ? steps_.column : steps_.row) * kSize,
            taps_,
            steps_.kernel_w * kSize,
            (along ? channels(chunk) : columns) * kSize};
  }

  // y = bias.
  void start(const PixelBlock& block, const Panel& panel, Sum<T>* y) const {
    for (std::int64_t image = block.image; image < block.image + block.images; ++image)
      for (std::int64_t row = block.row; row < block.row + block.rows; ++row)
        for (std::int64_t column = 0; column < plan_.w.count; ++column) {
          Sum<T>* to = y + plan_.output_offset(image, row, column) + panel.first;
          if (bias_)
            std::copy_n(bias_ + panel.first, panel.columns, to);
          else
            std::fill_n(to, panel.columns, Sum<T>(0));
        }
  }
  // As [tap][channel][vectors of the panel].
  void pack(const Chunk& chunk, const Panel& panel, T* to) const {
    const std::int64_t width = panel.vectors * kL;
    for (const Tap& tap : plan_.w.taps) {
      pack_panel<T, Arch>(channels(chunk), panel.columns, source(chunk, panel.first) + tap.kernel * steps_.kernel_w,
                          steps_.row, steps_.column, width, to);
      to += channels(chunk) * width;
    }
  }
  // Adds what the chunk gives to all lines of one panel, with a call of `between` for each.
  template <class Between>
  void add(const PixelBlock& block, const Chunk& chunk, const Panel& panel, const T* weights, const T* x, Sum<T>* y,
           Between between) const {
    const LineTile<T> tile =
        find_line_tile<T, Arch>(panel.vectors, taps_, plan_.w.step, plan_.w.spread, plan_.w.count);
    const std::int64_t y_step = plan_.w.spacing * plan_.out_channels();
    const TileSegment all{0, 0};
    for (std::int64_t image = block.image; image < block.image + block.images; ++image)
      for (std::int64_t row = block.row; row < block.row + block.rows; ++row) {
        between();
        const std::int64_t from = row * plan_.h.step + plan_.h.taps[chunk.h].offset;
        if (from < 0 || from >= plan_.h.input) continue;
        const T* line = x + (image * plan_.h.input + from) * plan_.w.input * plan_.in_channels() + chunk.channel;
        Sum<T>* to = y + plan_.output_offset(image, row, 0) + panel.first;
        for (std::int64_t column = 0; column < plan_.w.count; column += tile.pixels) {
          const std::int64_t input = plan_.w.low(column);
          tile.run({line + input * plan_.in_channels(), plan_.in_channels(), -input, plan_.w.input - input,
                    channels(chunk), weights, &all, 1},
                   {to + column * y_step, y_step, panel.columns, nullptr, true});
        }
      }
  }

  const ConvPlan& plan_;
  WeightSteps steps_;
  const T* w_;
  const Sum<T>* bias_;
  std::int64_t taps_;
  std::vector<Panel> panels_;
};

}  // namespace detail

/// Whether lines are made of whole tiles: overlapping ones cannot add up.
template <class T, class Arch>
bool fits_whole_lines(const ConvPlan& plan) {
  bool fits = plan.groups == 1;
  Panels<T, Arch>(plan.group_out, kLineVectors).for_each([&](const Panel& panel) {
    const LineTile<T> tile = find_line_tile<T, Arch>(panel.vectors, static_cast<std::int64_t>(plan.w.taps.size()),
                                                     plan.w.step, plan.w.spread, plan.w.count);
    fits = fits && tile.pixels > 0 && plan.w.count % tile.pixels == 0;
  });
  return fits;
}

/// Runs plans that fit line tiles, and whole ones: writes the output positions that they name.
template <class T, class Arch>
void run_streamed_lines(const std::vector<ConvPlan>& plans, const OutputUnits& units, const WeightSteps& steps,
                        const T* x, const T* w, const Sum<T>* bias, Sum<T>* y) {
  parallel_for(units.count(), units.grain(), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const OutputUnit unit = units[i];
      for (const ConvPlan& plan : plans)
        detail::StreamedLines<T, Arch>(plan, steps, w, bias)
            .run(unit.block.within(plan.h.count), unit.first_panel, unit.last_panel, x, y);
    }
  });
}

}  // namespace bitgrain::kernels
