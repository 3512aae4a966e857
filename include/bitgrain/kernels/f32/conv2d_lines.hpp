#pragma once

/// Direct convolution along plans (conv2d_plan.hpp) with line tiles (line_tile.hpp), where the taps are neighbours,
/// the padding is that of a "same" convolution or less, and lines are made of whole tiles or nearly so: the inner
/// layers of most networks. The input is read where it stands, and what comes three rows later is asked for in
/// advance: images follow each other in memory, so this reaches into the next one.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/conv2d_blocks.hpp"
#include "bitgrain/kernels/f32/conv2d_packed.hpp"
#include "bitgrain/kernels/f32/conv2d_plan.hpp"
#include "bitgrain/kernels/f32/conv2d_streamed_lines.hpp"
#include "bitgrain/kernels/f32/line_tile.hpp"
#include "bitgrain/kernels/f32/pack.hpp"
#include "bitgrain/kernels/simd.hpp"

namespace bitgrain::kernels {
namespace detail {

template <class T, class Arch>
LineTile<T> line_tile_of(const ConvPlan& plan, const Panel& panel) {
  return find_line_tile<T, Arch>(panel.vectors, static_cast<std::int64_t>(plan.w.taps.size()), plan.w.step,
                                 plan.w.spread, plan.w.count);
}

// Asks for `count` numbers, `ahead` numbers after p; they need not exist.
template <class T>
void prefetch_after(const T* p, std::int64_t ahead, std::int64_t count) {
  const auto bytes = [](std::int64_t n) { return static_cast<std::uintptr_t>(n) * sizeof(T); };
  const std::uintptr_t first = reinterpret_cast<std::uintptr_t>(p) + bytes(ahead);
  for (std::uintptr_t line = first; line < first + bytes(count); line += 64) prefetch(line);
}

// The rows of a block, for one panel. The last tile of a line may overlap the one before.
template <class T, class Arch>
void run_lines(const ConvPlan& plan, const PackedWeights<T, Arch>& weights, const PixelBlock& block,
               std::int64_t group, const Panel& panel, const T* x, Sum<T>* y) {
  const LineTile<T> tile = line_tile_of<T, Arch>(plan, panel);
  const std::int64_t line = plan.w.input * plan.in_channels(), y_step = plan.w.spacing * plan.out_channels();
  const std::int64_t filters =
      static_cast<std::int64_t>(plan.w.taps.size()) * plan.group_in * panel.vectors * kLanes<T, Arch>;
  std::vector<TileSegment> taps;
  for (const Tap& h : plan.h.taps)
    taps.push_back({h.offset * line, static_cast<std::int64_t>(taps.size()) * filters});
  for (std::int64_t image = block.image; image < block.image + block.images; ++image)
    for (std::int64_t row = block.row; row < block.row + block.rows; ++row) {
      const auto [begin, end] = plan.h.taps_inside(row, row);
      const T* from = x + (image * plan.h.input + row * plan.h.step) * line + group * plan.group_in;
      Sum<T>* to = y + plan.output_offset(image, row, 0) + group * plan.group_out + panel.first;
      if (panel.first == 0) prefetch_after(from, 3 * line * plan.h.step, line * plan.h.step);
      for (std::int64_t column = 0; column < plan.w.count; column += tile.pixels) {
        const std::int64_t first = std::min(column, plan.w.count - tile.pixels), input = plan.w.low(first);
        tile.run({from + input * plan.in_channels(), plan.in_channels(), -input, plan.w.input - input, plan.group_in,
                  weights.weights(group, panel), taps.data() + begin, end - begin},
                 {to + first * y_step, y_step, panel.columns, weights.bias(group, panel)});
      }
    }
}

}  // namespace detail

/// Whether a plan is made of line tiles.
template <class T, class Arch>
bool fits_lines(const ConvPlan& plan) {
  const int reach = line_reach(static_cast<int>(plan.w.taps.size()));
  if (plan.w.count == 0 || plan.w.low(0) < -reach || plan.w.high(plan.w.count - 1) > plan.w.input + reach)
    return false;
  if (plan.w.spread == 1 && !plan.w.contiguous()) return false;
  bool fits = true;
  Panels<T, Arch>(plan.group_out, kLineVectors).for_each([&](const Panel& panel) {
    fits = fits && detail::line_tile_of<T, Arch>(plan, panel).pixels > 0;
  });
  return fits;
}

/// Runs plans that read the same input, and all fit: writes the output positions that they name.
template <class T, class Arch>
void run_lines(const std::vector<ConvPlan>& plans, const WeightSteps& steps, const T* x, const T* w,
               const Sum<T>* bias, Sum<T>* y) {
  const ConvPlan hull = hull_of(plans);
  if (hull.batch == 0 || hull.h.count == 0) return;
  std::int64_t panel_count = 0;
  Panels<T, Arch>(hull.group_out, kLineVectors).for_each([&](const Panel&) { ++panel_count; });
  const OutputUnits units(hull, panel_count, sizeof(T));
  if (should_stream_weights(plans, units.blocks().count(), sizeof(T)) &&
      std::all_of(plans.begin(), plans.end(), fits_whole_lines<T, Arch>))
    return run_streamed_lines<T, Arch>(plans, units, steps, x, w, bias, y);
  std::deque<PackedWeights<T, Arch>> weights;
  for (const ConvPlan& plan : plans) weights.emplace_back(plan, steps, w, bias, kLineVectors);
  const std::vector<Panel>& panels = weights.front().panels();
  parallel_for(units.count(), units.grain(), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const OutputUnit unit = units[i];
      for (std::size_t p = 0; p < plans.size(); ++p)
        for (std::int64_t panel = unit.first_panel; panel < unit.last_panel; ++panel)
          detail::run_lines<T, Arch>(plans[p], weights[p], unit.block.within(plans[p].h.count), panel / panel_count,
                                     panels[static_cast<std::size_t>(panel % panel_count)], x, y);
    }
  });
}

}  // namespace bitgrain::kernels
