#pragma once

/// What the tests of Adam and AdamW share: parameters of one number.

#include "bitgrain/autograd/var.hpp"

namespace bitgrain {

inline Var<double> parameter(double value) { return Var<double>(Tensor<double>(Shape{1}, value), true); }
inline void set_gradient(Var<double>& var, double value) {
  var.zero_grad();
  var.add_grad(Tensor<double>(var.shape(), value));
}

}  // namespace bitgrain
