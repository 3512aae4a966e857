#pragma once

/// A convolution as the direct kernels see it: which input positions an output position reads, per axis.
///
/// Output position t of an axis is written at first + t * spacing and reads the input at t * step / spread +
/// tap.offset, for each tap; spread is 1 but for the case below. The forward pass has one plan: step = stride,
/// offsets -pad + k * dilation. The gradient with respect to the input is a convolution of dy with the kernel turned
/// round,
///
///     dx[i] = sum over k with i + pad - k dilation = o stride of dy[o] w[k],
///
/// and which k qualify depends on i mod stride only. So it has stride_h x stride_w plans, one for each phase r:
/// i = r + t stride, reading dy at o = t + (r + pad - k dilation) / stride for those k that divide. No zeros between
/// the elements of dy are ever multiplied.
///
/// The phases of the columns of a 3-tap, stride-2, padding-1 kernel can also be taken together, with spread 2: taps
/// 2, 1, 0 read dy at t / 2, t / 2, (t + 1) / 2, the first and the last of them for odd t only, the other for even t
/// only.

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "bitgrain/tensor/geometry.hpp"

namespace bitgrain::kernels {

/// n / by, rounded up.
constexpr std::int64_t divide_up(std::int64_t n, std::int64_t by) { return (n + by - 1) / by; }

/// One kernel position: where it reads, relative to the output position's place, and its index in the kernel.
struct Tap {
  std::int64_t offset, kernel;
};

/// One axis of a plan.
struct AxisPlan {
  std::vector<Tap> taps;  ///< offsets do not descend; may be empty (a phase that no output reads)
  std::int64_t step = 1, spread = 1;
  std::int64_t count = 0;               ///< output positions
  std::int64_t first = 0, spacing = 1;  ///< where they are written
  std::int64_t input = 0, output = 0;   ///< extents of the two images

  /// The input range [low(0), high(count - 1)) that all output positions read together; it may exceed the image.
  std::int64_t low(std::int64_t t) const { return t * step / spread + (taps.empty() ? 0 : taps.front().offset); }
  std::int64_t high(std::int64_t t) const { return t * step / spread + (taps.empty() ? 0 : taps.back().offset + 1); }
  /// The taps [begin, end) that read the input for some output position in [top, bottom]; the others would multiply
  /// zeros.
  std::pair<std::int64_t, std::int64_t> taps_inside(std::int64_t top, std::int64_t bottom) const {
    std::size_t begin = 0, end = taps.size();
    while (begin < end && bottom * step / spread + taps[begin].offset < 0) ++begin;
    while (end > begin && top * step / spread + taps[end - 1].offset >= input) --end;
    return {static_cast<std::int64_t>(begin), static_cast<std::int64_t>(end)};
  }
  /// Whether the taps read neighbouring positions, so that a kernel row is one run of memory.
  bool contiguous() const {
    for (std::size_t i = 1; i < taps.size(); ++i)
      if (taps[i].offset != taps[i - 1].offset + 1) return false;
    return true;
  }
};

/// A direct convolution of [batch, in_h, in_w, groups * group_in] to [batch, out_h, out_w, groups * group_out].
struct ConvPlan {
  AxisPlan h, w;
  std::int64_t batch = 0, groups = 1, group_in = 1, group_out = 1;

  std::int64_t in_channels() const { return groups * group_in; }
  std::int64_t out_channels() const { return groups * group_out; }
  /// Where the output position (row, column) of an image is written.
  std::int64_t output_offset(std::int64_t image, std::int64_t row, std::int64_t column) const {
    const std::int64_t line = image * h.output + h.first + row * h.spacing;
    return (line * w.output + w.first + column * w.spacing) * out_channels();
  }
  /// Terms of the sum behind one output number.
  std::int64_t terms() const { return static_cast<std::int64_t>(h.taps.size() * w.taps.size()) * group_in; }
  std::int64_t macs_per_row() const { return w.count * out_channels() * terms(); }
};

namespace detail {

inline AxisPlan forward_axis(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                             std::int64_t pad, std::int64_t dilation) {
  AxisPlan axis{{}, stride, 1, out, 0, 1, in, out};
  for (std::int64_t k = 0; k < kernel; ++k) axis.taps.push_back({k * dilation - pad, k});
  return axis;
}

inline AxisPlan backward_axis(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                              std::int64_t pad, std::int64_t dilation, std::int64_t phase) {
  AxisPlan axis{{}, 1, 1, (in - phase + stride - 1) / stride, phase, stride, out, in};
  for (std::int64_t k = kernel - 1; k >= 0; --k) {
    const std::int64_t distance = phase + pad - k * dilation;
    if (distance % stride == 0) axis.taps.push_back({distance / stride, k});
  }
  return axis;
}

}  // namespace detail

/// y from x.
inline ConvPlan plan_forward(const ConvGeometry& g) {
  const Window2d& w = g.window;
  return {detail::forward_axis(g.in_h, g.out_h(), w.kernel_h, w.stride_h, w.pad_h, w.dilation_h),
          detail::forward_axis(g.in_w, g.out_w(), w.kernel_w, w.stride_w, w.pad_w, w.dilation_w),
          g.batch,
          g.groups,
          g.group_in(),
          g.group_out()};
}

/// The elements dx[phase_h + i stride_h, phase_w + j stride_w] from dy.
inline ConvPlan plan_backward_data(const ConvGeometry& g, std::int64_t phase_h, std::int64_t phase_w) {
  const Window2d& w = g.window;
  return {detail::backward_axis(g.in_h, g.out_h(), w.kernel_h, w.stride_h, w.pad_h, w.dilation_h, phase_h),
          detail::backward_axis(g.in_w, g.out_w(), w.kernel_w, w.stride_w, w.pad_w, w.dilation_w, phase_w),
          g.batch,
          g.groups,
          g.group_out(),
          g.group_in()};
}

/// Whether the phases of the columns can be taken together.
inline bool columns_merge(const ConvGeometry& g) {
  const Window2d& w = g.window;
  return w.kernel_w == 3 && w.stride_w == 2 && w.pad_w == 1 && w.dilation_w == 1;
}

/// All phases of dx, or, with `merge_columns`, those of its rows.
inline std::vector<ConvPlan> plan_backward_data(const ConvGeometry& g, bool merge_columns) {
  std::vector<ConvPlan> plans;
  for (std::int64_t h = 0; h < g.window.stride_h; ++h) {
    for (std::int64_t w = 0; w < (merge_columns ? 1 : g.window.stride_w); ++w)
      plans.push_back(plan_backward_data(g, h, w));
    if (merge_columns) plans.back().w = {{{0, 2}, {0, 1}, {1, 0}}, 1, 2, g.in_w, 0, 1, g.out_w(), g.in_w};
  }
  return plans;
}

/// A plan that reads whatever any of `plans` reads for the same output position, and counts as many positions and at
/// least as many terms as any of them: for dividing the work. Its taps are the outermost ones. All of `plans` belong
/// to one geometry; there is at least one.
inline ConvPlan hull_of(const std::vector<ConvPlan>& plans) {
  const auto add = [](AxisPlan& hull, const AxisPlan& axis) {
    hull.count = std::max(hull.count, axis.count);
    if (axis.taps.empty()) return;
    const std::int64_t low = hull.taps.empty() ? axis.low(0) : std::min(hull.low(0), axis.low(0));
    const std::int64_t high = hull.taps.empty() ? axis.high(0) : std::max(hull.high(0), axis.high(0));
    hull.taps.clear();
    for (std::int64_t offset = low; offset < high; ++offset) hull.taps.push_back({offset, 0});
  };
  ConvPlan hull = plans.front();
  for (const ConvPlan& plan : plans) {
    add(hull.h, plan.h);
    add(hull.w, plan.w);
  }
  return hull;
}

/// Whether weights should be packed a chunk at a time, while they are used (conv2d_streamed_lines.hpp), and not all
/// of them before: where the pixels are taken in one block, so that nothing is packed twice, and the weights are more
/// than a second-level cache of 1 MB holds twice, as w and packed. Takes a tenth to a third off the time for 7x7
/// images of 300 to 500 channels.
inline bool should_stream_weights(const std::vector<ConvPlan>& plans, std::int64_t blocks, std::size_t element_size) {
  std::int64_t weights = 0;
  for (const ConvPlan& plan : plans) weights += plan.terms() * plan.out_channels();
  return blocks == 1 && weights * static_cast<std::int64_t>(element_size) > (1 << 19);
}

}  // namespace bitgrain::kernels
