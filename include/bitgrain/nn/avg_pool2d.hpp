#pragma once

#include <string>

#include "bitgrain/nn/module.hpp"
#include "bitgrain/nn/window_text.hpp"
#include "bitgrain/ops/avg_pool2d.hpp"

namespace bitgrain {

/// Average of each window, per channel; padding counts as zeros (PyTorch's count_include_pad).
template <class T>
class AvgPool2d : public Module<T> {
 public:
  explicit AvgPool2d(const Window2d& window) : window_(window) {}
  /// The usual case: square windows that touch without overlapping.
  explicit AvgPool2d(std::int64_t kernel) : AvgPool2d(Window2d::square(kernel, kernel)) {}

  Var<T> forward(const Var<T>& x) override { return avg_pool2d(x, window_); }
  std::string describe() const override { return "AvgPool2d(" + window_text(window_) + ")"; }

  const Window2d& window() const { return window_; }

 private:
  Window2d window_;
};

}  // namespace bitgrain
