#pragma once

/// Direct convolution along plans (conv2d_plan.hpp): the forward pass, and the phases of the gradient with respect to
/// the input.
///
/// The output is cut into blocks of rows of one or several images (conv2d_blocks.hpp). Within a block the output
/// pixels are numbered through, line and image ends ignored, and taken tile_rows() at a time by the register tile,
/// for one panel of output channels after the other. Phases read the same strip of input, so they share blocks.
/// Weights are packed once per call (conv2d_packed.hpp).

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/conv2d_blocks.hpp"
#include "bitgrain/kernels/f32/conv2d_packed.hpp"
#include "bitgrain/kernels/f32/conv2d_plan.hpp"
#include "bitgrain/kernels/f32/conv2d_strip.hpp"
#include "bitgrain/kernels/f32/tile.hpp"

namespace bitgrain::kernels {

namespace detail {

// The runs of memory behind one output pixel: one per kernel row where the taps of a row are neighbours, else one per
// tap.
struct TapRuns {
  explicit TapRuns(const ConvPlan& plan)
      : joined(plan.groups == 1 && plan.w.contiguous()),
        per_row(joined ? 1 : static_cast<std::int64_t>(plan.w.taps.size())),
        length(joined ? static_cast<std::int64_t>(plan.w.taps.size()) * plan.group_in : plan.group_in) {
    if (plan.w.taps.empty()) per_row = 0;
  }
  bool joined;
  std::int64_t per_row, length;
};

// Walks through the output pixels of a block.
template <class T>
class PixelCursor {
 public:
  PixelCursor(const ConvPlan& plan, const InputStrip<T>& strip, const PixelBlock& block)
      : plan_(plan), strip_(strip), block_(block), row_(block.row) {
    start_row();
  }
  std::int64_t image() const { return image_; }  // within the block
  std::int64_t row() const { return row_; }
  std::int64_t from() const { return from_; }  // of the first input that the pixel reads, in the strip
  std::int64_t to() const { return to_; }      // of the pixel, in y
  void next() {
    from_ += plan_.w.step * plan_.in_channels();
    to_ += plan_.w.spacing * plan_.out_channels();
    if (++column_ < plan_.w.count) return;
    if (++row_ == block_.row + block_.rows) {
      row_ = block_.row;
      ++image_;
    }
    start_row();
  }

 private:
  void start_row() {
    column_ = 0;
    from_ = strip_.at(image_, plan_.h.low(row_), plan_.w.low(0));
    to_ = plan_.output_offset(block_.image + image_, row_, 0);
  }

  const ConvPlan& plan_;
  const InputStrip<T>& strip_;
  const PixelBlock block_;
  std::int64_t image_ = 0, row_, column_ = 0, from_ = 0, to_ = 0;
};

// Runs one plan, block by block.
template <class T, class Arch>
class DirectBlock {
 public:
  DirectBlock(const ConvPlan& plan, const PackedWeights<T, Arch>& weights)
      : plan_(plan),
        weights_(weights),
        runs_(plan),
        segments_(plan.h.taps.size() * static_cast<std::size_t>(runs_.per_row)) {}

  // The panels [begin, end), all groups numbered through, of a block.
  void run(const InputStrip<T>& strip, const PixelBlock& block, std::int64_t begin, std::int64_t end, Sum<T>* y) {
    if (block.rows <= 0 || plan_.w.count == 0) return;
    for (std::size_t h = 0, s = 0; h < plan_.h.taps.size(); ++h)
      for (std::int64_t w = 0; w < runs_.per_row; ++w, ++s)
        segments_[s].a = strip.at(0, plan_.h.taps[h].offset, plan_.w.taps[static_cast<std::size_t>(w)].offset) -
                         strip.at(0, plan_.h.low(0), plan_.w.low(0));
    const auto panels = static_cast<std::int64_t>(weights_.panels().size());
    for (std::int64_t i = begin; i < end; ++i) {
      const Panel& panel = weights_.panels()[static_cast<std::size_t>(i % panels)];
      run_panel(strip, block, i / panels, panel, y);
    }
  }

 private:
  void run_panel(const InputStrip<T>& strip, const PixelBlock& block, std::int64_t group, const Panel& panel,
                 Sum<T>* y) {
    const std::int64_t width = panel.vectors * kLanes<T, Arch>;
    for (std::size_t s = 0; s < segments_.size(); ++s)
      segments_[s].b = static_cast<std::int64_t>(s) * runs_.length * width;
    const T* from_start = strip.data() + group * plan_.group_in;
    Sum<T>* to_start = y + group * plan_.group_out + panel.first;
    const int tile = tile_rows(panel.vectors);
    std::array<std::int64_t, kMaxTileRows> from{}, to{};
    PixelCursor<T> pixel(plan_, strip, block);
    for (std::int64_t left = block.images * block.rows * plan_.w.count; left > 0; left -= tile) {
      const std::int64_t count = std::min<std::int64_t>(left, tile);
      const std::int64_t first_image = pixel.image(), top = pixel.row();
      std::int64_t last_image = first_image, bottom = top;
      for (std::int64_t p = 0; p < tile; ++p) {
        const auto at = static_cast<std::size_t>(p);
        if (p >= count) {
          from[at] = from[0];
          continue;
        }
        from[at] = pixel.from();
        to[at] = pixel.to();
        last_image = pixel.image();
        bottom = pixel.row();
        if (p + 1 < left) pixel.next();
      }
      const auto [begin, end] = first_image == last_image
                                    ? plan_.h.taps_inside(top, bottom)
                                    : std::pair{std::int64_t{0}, static_cast<std::int64_t>(plan_.h.taps.size())};
      multiply_tile<T, Arch>(panel.vectors,
                             {from_start, from.data(), 1, weights_.weights(group, panel), width,
                              segments_.data() + begin * runs_.per_row, (end - begin) * runs_.per_row, runs_.length},
                             {to_start, to.data(), count, panel.columns, weights_.bias(group, panel), false});
    }
  }
  const ConvPlan& plan_;
  const PackedWeights<T, Arch>& weights_;
  TapRuns runs_;
  std::vector<TileSegment> segments_;
};

}  // namespace detail

/// Runs plans that read the same input: writes the output positions that they name.
template <class T, class Arch>
void run_direct(const std::vector<ConvPlan>& plans, const WeightSteps& steps, const T* x, const T* w,
                const Sum<T>* bias, Sum<T>* y) {
  const ConvPlan hull = hull_of(plans);
  if (hull.batch == 0 || hull.h.count == 0 || hull.w.count == 0) return;
  std::deque<PackedWeights<T, Arch>> weights;
  for (const ConvPlan& plan : plans) weights.emplace_back(plan, steps, w, bias, kTileVectors);
  const OutputUnits units(hull, static_cast<std::int64_t>(weights.front().panels().size()), sizeof(T));
  parallel_for(units.count(), units.grain(), [&](std::int64_t begin, std::int64_t end) {
    InputStrip<T> strip(hull, units.blocks().max_images(), units.blocks().max_rows());
    std::vector<detail::DirectBlock<T, Arch>> phases;
    for (std::size_t i = 0; i < plans.size(); ++i) phases.emplace_back(plans[i], weights[i]);
    for (std::int64_t i = begin; i < end; ++i) {
      const OutputUnit unit = units[i];
      strip.load(x, unit.block.image, unit.block.images, unit.block.row, unit.block.rows);
      for (std::size_t p = 0; p < plans.size(); ++p)
        phases[p].run(strip, unit.block.within(plans[p].h.count), unit.first_panel, unit.last_panel, y);
    }
  });
}

}  // namespace bitgrain::kernels
