#pragma once

#include <string>

#include "bitgrain/nn/module.hpp"
#include "bitgrain/nn/window_text.hpp"
#include "bitgrain/ops/relu_max_pool2d.hpp"

namespace bitgrain {

/// Largest value of each window, per channel. Padding never wins. Codes pass on.
template <class T>
class MaxPool2d : public Module<T> {
 public:
  explicit MaxPool2d(const Window2d& window) : window_(window) {}
  /// The usual case: square windows that touch without overlapping.
  explicit MaxPool2d(std::int64_t kernel) : MaxPool2d(Window2d::square(kernel, kernel)) {}

  Var<T> forward(const Var<T>& x) override { return max_pool2d(x, window_); }
  /// The pooled ReLU of x, as one op.
  Var<T> with_relu(const Var<T>& x) {
    const NameScope scope(this->name());
    return relu_max_pool2d(x, window_);
  }
  std::string describe() const override { return "MaxPool2d(" + window_text(window_) + ")"; }

  const Window2d& window() const { return window_; }

 private:
  Window2d window_;
};

}  // namespace bitgrain
