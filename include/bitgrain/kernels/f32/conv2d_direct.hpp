#pragma once

/// Direct convolution along a plan (conv2d_plan.hpp): the forward pass, and each phase of the gradient with respect
/// to the input.
///
/// The output is cut into blocks of rows, the grains of parallel work. Within a block the output pixels are numbered
/// through, line ends ignored, and taken tile_rows() at a time by the register tile, for one panel of output channels
/// after the other. Weights are packed once per call:
///
///     [group][panel][kernel row][kernel column][input channel][vectors of the panel]

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/conv2d_plan.hpp"
#include "bitgrain/kernels/f32/conv2d_strip.hpp"
#include "bitgrain/kernels/f32/pack.hpp"
#include "bitgrain/kernels/f32/tile.hpp"

namespace bitgrain::kernels {

/// Where a plan finds its weight: element (input channel r, output channel c, tap h, tap w) of group g stands at
/// g * group + h.kernel * kernel_h + w.kernel * kernel_w + r * row + c * column.
struct WeightSteps {
  std::int64_t group, kernel_h, kernel_w, row, column;
};

/// Steps of w [O,Kh,Kw,I/groups] for the forward pass.
inline WeightSteps forward_weight_steps(const ConvGeometry& g) {
  const std::int64_t filter = g.window.kernel_h * g.window.kernel_w * g.group_in();
  return {g.group_out() * filter, g.window.kernel_w * g.group_in(), g.group_in(), 1, filter};
}
/// The same for the gradient with respect to the input, where the channels change places.
inline WeightSteps backward_weight_steps(const ConvGeometry& g) {
  const WeightSteps s = forward_weight_steps(g);
  return {s.group, s.kernel_h, s.kernel_w, s.column, s.row};
}

/// Packs the weights of a plan, and the bias (or zeros) with the filling of the panels.
template <class T, class Arch>
class PackedWeights {
 public:
  PackedWeights(const ConvPlan& plan, const WeightSteps& steps, const T* w, const T* bias)
      : panels_(plan.group_out),
        group_size_(plan.terms() * panels_.width()),
        weights_(static_cast<std::size_t>(plan.groups * group_size_)),
        bias_(static_cast<std::size_t>(bias ? plan.groups * panels_.width() : 0)),
        has_bias_(bias != nullptr) {
    for (std::int64_t g = 0; g < plan.groups; ++g) {
      panels_.for_each([&](const Panel& panel) {
        const std::int64_t width = panel.vectors * kLanes<T, Arch>;
        T* to = weights_.data() + g * group_size_ + plan.terms() * panel.first;
        for (const Tap& h : plan.h.taps)
          for (const Tap& v : plan.w.taps) {
            const T* from = w + g * steps.group + h.kernel * steps.kernel_h + v.kernel * steps.kernel_w;
            pack_panel(plan.group_in, panel.columns, T(1), from + panel.first * steps.column, steps.row, steps.column,
                       width, to);
            to += plan.group_in * width;
          }
      });
      if (bias)
        pack_panel(1, plan.group_out, T(1), bias + g * plan.group_out, 0, 1, panels_.width(),
                   bias_.data() + g * panels_.width());
    }
    terms_ = plan.terms();
  }

  const Panels<T, Arch>& panels() const { return panels_; }
  const T* weights(std::int64_t group, const Panel& panel) const {
    return weights_.data() + group * group_size_ + terms_ * panel.first;
  }
  /// What the sums of the panel start with, or null: zeros.
  const T* bias(std::int64_t group, const Panel& panel) const {
    return has_bias_ ? bias_.data() + group * panels_.width() + panel.first : nullptr;
  }

 private:
  Panels<T, Arch> panels_;
  std::int64_t group_size_, terms_ = 0;
  Scratch<T> weights_, bias_;
  bool has_bias_;
};

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

// One block of output rows of one image.
template <class T, class Arch>
class DirectBlock {
 public:
  DirectBlock(const ConvPlan& plan, const PackedWeights<T, Arch>& weights)
      : plan_(plan),
        weights_(weights),
        runs_(plan),
        segments_(plan.h.taps.size() * static_cast<std::size_t>(runs_.per_row)) {}

  void run(const InputStrip<T>& strip, std::int64_t image, std::int64_t row, std::int64_t rows, T* y) {
    const std::int64_t top = row * plan_.h.step, left = plan_.w.low(0);
    for (std::size_t h = 0, s = 0; h < plan_.h.taps.size(); ++h)
      for (std::int64_t w = 0; w < runs_.per_row; ++w, ++s)
        segments_[s].a = strip.at(0, top + plan_.h.taps[h].offset, plan_.w.taps[static_cast<std::size_t>(w)].offset) -
                         strip.at(0, top, left);
    y += image * plan_.h.output * plan_.w.output * plan_.out_channels();
    for (std::int64_t g = 0; g < plan_.groups; ++g)
      weights_.panels().for_each([&](const Panel& panel) { run_panel(strip, g, panel, row, rows, y); });
  }

 private:
  void run_panel(const InputStrip<T>& strip, std::int64_t group, const Panel& panel, std::int64_t first_row,
                 std::int64_t rows, T* y) {
    for (std::size_t s = 0; s < segments_.size(); ++s)
      segments_[s].b = static_cast<std::int64_t>(s) * runs_.length * panel.vectors * kLanes<T, Arch>;
    const int tile = tile_rows(panel.vectors);
    const std::int64_t channel = group * plan_.group_out + panel.first;
    std::array<std::int64_t, kMaxTileRows> from{}, to{};
    std::int64_t row = first_row, column = 0;
    for (std::int64_t left = rows * plan_.w.count; left > 0; left -= tile) {
      const std::int64_t count = std::min<std::int64_t>(left, tile);
      const std::int64_t top = row;
      for (std::int64_t p = 0; p < count; ++p) {
        const auto at = static_cast<std::size_t>(p);
        from[at] = strip.at(0, row * plan_.h.step, column * plan_.w.step + plan_.w.low(0)) + group * plan_.group_in;
        to[at] =
            ((plan_.h.first + row * plan_.h.spacing) * plan_.w.output + plan_.w.first + column * plan_.w.spacing) *
                plan_.out_channels() +
            channel;
        if (++column == plan_.w.count) {
          column = 0;
          ++row;
        }
      }
      for (auto p = static_cast<std::size_t>(count); p < kMaxTileRows; ++p) from[p] = from[0];
      const std::int64_t bottom = column == 0 ? row - 1 : row;
      const auto [begin, end] = rows_inside(top, bottom);
      multiply_tile<T, Arch>(
          panel.vectors,
          {strip.data(), from.data(), 1, weights_.weights(group, panel), panel.vectors * kLanes<T, Arch>,
           segments_.data() + begin * runs_.per_row, (end - begin) * runs_.per_row, runs_.length},
          {y, to.data(), count, panel.columns, weights_.bias(group, panel), false});
    }
  }
  // The kernel rows that meet the image for some output row in [top, bottom]; the others would multiply zeros.
  std::pair<std::int64_t, std::int64_t> rows_inside(std::int64_t top, std::int64_t bottom) const {
    std::int64_t begin = 0, end = static_cast<std::int64_t>(plan_.h.taps.size());
    while (begin < end && bottom * plan_.h.step + plan_.h.taps[static_cast<std::size_t>(begin)].offset < 0) ++begin;
    while (end > begin &&
           top * plan_.h.step + plan_.h.taps[static_cast<std::size_t>(end - 1)].offset >= plan_.h.input)
      --end;
    return {begin, end};
  }

  const ConvPlan& plan_;
  const PackedWeights<T, Arch>& weights_;
  TapRuns runs_;
  std::vector<TileSegment> segments_;
};

}  // namespace detail

/// How many output rows make a block: a strip should stay in the second-level cache (half of 512 KB), and a block
/// should be worth a thread's while but not more (4 million multiply-accumulates are about 30 us).
inline std::int64_t block_rows(const ConvPlan& plan, std::size_t element_size) {
  const std::int64_t row_bytes = plan.w.input * plan.in_channels() * static_cast<std::int64_t>(element_size);
  const std::int64_t by_cache = std::max<std::int64_t>(1, (256 << 10) / (row_bytes * plan.h.step));
  const std::int64_t by_work = ((4 << 20) + plan.macs_per_row() - 1) / std::max<std::int64_t>(1, plan.macs_per_row());
  return std::clamp<std::int64_t>(std::min(by_cache, by_work), 1, std::max<std::int64_t>(1, plan.h.count));
}

/// Runs a plan: writes the output positions that it names.
template <class T, class Arch>
void run_direct(const ConvPlan& plan, const WeightSteps& steps, const T* x, const T* w, const T* bias, T* y) {
  if (plan.batch == 0 || plan.h.count == 0 || plan.w.count == 0) return;
  const PackedWeights<T, Arch> weights(plan, steps, w, bias);
  const std::int64_t rows = block_rows(plan, sizeof(T));
  const std::int64_t blocks = divide_up(plan.h.count, rows);
  const std::int64_t grain =
      std::max<std::int64_t>(1, (1 << 18) / std::max<std::int64_t>(1, rows * plan.macs_per_row()));
  parallel_for(plan.batch * blocks, grain, [&](std::int64_t begin, std::int64_t end) {
    InputStrip<T> strip(plan, 1, rows);
    detail::DirectBlock<T, Arch> block(plan, weights);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t image = i / blocks, row = i % blocks * rows;
      const std::int64_t count = std::min(rows, plan.h.count - row);
      strip.load(x, image, 1, row, count);
      block.run(strip, image, row, count, y);
    }
  });
}

}  // namespace bitgrain::kernels
