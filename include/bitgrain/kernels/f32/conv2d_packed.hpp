#pragma once

/// The weights of a convolution, packed for a plan (conv2d_plan.hpp):
///
///     [group][panel][kernel row][kernel column][input channel][vectors of the panel]

#include <algorithm>
#include <cstdint>
#include <vector>

#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/kernels/f32/conv2d_plan.hpp"
#include "bitgrain/kernels/f32/pack.hpp"

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

/// The weights of a plan in panels of up to `max_vectors` vectors, and the bias with the filling of the panels.
template <class T, class Arch>
class PackedWeights {
 public:
  PackedWeights(const ConvPlan& plan, const WeightSteps& steps, const T* w, const Sum<T>* bias, int max_vectors)
      : width_(Panels<T, Arch>(plan.group_out).width()),
        terms_(plan.terms()),
        weights_(static_cast<std::size_t>(plan.groups * terms_ * width_)),
        bias_(static_cast<std::size_t>(bias ? plan.groups * width_ : 0)),
        has_bias_(bias != nullptr) {
    Panels<T, Arch>(plan.group_out, max_vectors).for_each([&](const Panel& panel) { panels_.push_back(panel); });
    const auto count = static_cast<std::int64_t>(panels_.size());
    parallel_for(plan.groups * count, std::max<std::int64_t>(1, (1 << 15) * count / (terms_ * width_ + 1)),
                 [&](std::int64_t i, std::int64_t last) {
                   for (; i < last; ++i)
                     pack(plan, steps, w, i / count, panels_[static_cast<std::size_t>(i % count)]);
                 });
    for (std::int64_t g = 0; bias && g < plan.groups; ++g)
      pack_panel<Sum<T>, Arch>(1, plan.group_out, bias + g * plan.group_out, 0, 1, width_, bias_.data() + g * width_);
  }

  /// The panels of a group.
  const std::vector<Panel>& panels() const { return panels_; }
  const T* weights(std::int64_t group, const Panel& panel) const {
    return weights_.data() + (group * width_ + panel.first) * terms_;
  }
  /// What the sums of the panel start with, or null: zeros.
  const Sum<T>* bias(std::int64_t group, const Panel& panel) const {
    return has_bias_ ? bias_.data() + group * width_ + panel.first : nullptr;
  }

 private:
  void pack(const ConvPlan& plan, const WeightSteps& steps, const T* w, std::int64_t group, const Panel& panel) {
    const std::int64_t width = panel.vectors * kLanes<T, Arch>;
    T* to = weights_.data() + (group * width_ + panel.first) * terms_;
    for (const Tap& h : plan.h.taps)
      for (const Tap& v : plan.w.taps) {
        const T* from = w + group * steps.group + h.kernel * steps.kernel_h + v.kernel * steps.kernel_w;
        pack_panel<T, Arch>(plan.group_in, panel.columns, from + panel.first * steps.column, steps.row, steps.column,
                            width, to);
        to += plan.group_in * width;
      }
  }

  std::int64_t width_, terms_;  // of a group's packed matrix
  std::vector<Panel> panels_;
  Scratch<T> weights_;
  Scratch<Sum<T>> bias_;
  bool has_bias_;
};

}  // namespace bitgrain::kernels
