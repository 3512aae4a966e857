#pragma once

/// Finding the layer in which a step stops being made of numbers.
///
/// While a FaultFinder lives it looks at every op of this thread: at the result as soon as the op has run, and at the
/// gradients that its backward hands on. That costs more than the step itself, so a trainer watches only the step
/// that is known to be bad, when it runs it again.

#include <string>
#include <utility>

#include "bitgrain/train/finite.hpp"

namespace bitgrain {

/// Remembers the first place where finite values became infinite or NaN, in the order of computation.
class FaultFinder final : public Trace<float> {
 public:
  /// `model` is about to run forward and backward. What it holds already is looked at first.
  explicit FaultFinder(const Module<float>& model) : model_(model) {
    for (const auto& p : model.parameters())
      if (!all_finite(p.var.value())) found("The parameter '" + p.name + "' was bad before: ", p.var.value());
  }

  /// A sentence without its full stop, to be called after backward.
  std::string finding() const {
    if (!finding_.empty()) return finding_;
    const std::string gradient = first_bad_gradient(model_.parameters());
    if (!gradient.empty()) return "It began in the backward pass, in the gradient of '" + gradient + "'";
    return "When the step was computed again, every layer's values and gradients were finite";
  }

  void add(TraceRecord<float> record) override {
    if (!finding_.empty()) return;
    const std::string place = place_of(record);
    float largest = 0;
    for (const Var<float>& input : record.inputs) {
      if (!input.defined()) continue;
      if (!all_finite(input.value())) return found("It began in what enters " + place + ": ", input.value());
      largest = std::max(largest, largest_finite(input.value()));
    }
    if (!all_finite(record.output.value())) {
      found("It began in the forward pass, in the output of " + place + ": ", record.output.value());
      finding_ += detail::concat("; its inputs reach ", largest);
      return;
    }
    if (const auto& node = record.output.slot().state()->producer) watch(*node, place);
  }

 private:
  static std::string place_of(const TraceRecord<float>& record) {
    return record.layer.empty() ? record.op : "layer '" + record.layer + "' (" + record.op + ")";
  }
  void found(const std::string& where, const Tensor<float>& values) {
    if (finding_.empty()) finding_ = where + not_finite_text(values) + " are not finite";
  }
  // Puts a look at both sides around the node's backward.
  void watch(detail::Node<float>& node, const std::string& place) {
    node.backward = [this, &node, place, backward = std::move(node.backward)](const Tensor<float>& gradient) {
      if (!all_finite(gradient)) found("It began in the gradient that reaches " + place + ": ", gradient);
      backward(gradient);
      for (const GradSlot<float>& input : node.inputs)
        if (input.grad().defined() && !all_finite(input.grad()))
          found("It began in the backward pass, in the gradients that " + place + " hands on: ", input.grad());
    };
  }

  const Module<float>& model_;
  std::string finding_;
};

}  // namespace bitgrain
