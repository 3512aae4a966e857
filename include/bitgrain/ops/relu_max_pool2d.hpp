#pragma once

#include "bitgrain/ops/max_pool2d.hpp"
#include "bitgrain/ops/relu.hpp"

namespace bitgrain {

/// max_pool2d(relu(x), window), with values and gradients that are the same bit for bit. Windows of 2x2 that touch
/// run as one op: x is read once and its gradient written once, relu(x) is never stored, and backward needs a byte
/// per result, neither x nor the result. Other windows run as the two ops, and so does everything under a Trace,
/// which sees "relu" and "max_pool2d". Throws Error when shapes do not fit.
template <class T>
Var<T> relu_max_pool2d(const Var<T>& x, const Window2d& window) {
  const PoolGeometry g = pool2d_geometry("relu_max_pool2d", x, window);
  if (!kernels::is_max_pool2x2(g) || Trace<T>::current() != nullptr) return max_pool2d(relu(x), window);
  return detail::max_pool2x2("relu_max_pool2d", x, g, /*relu=*/true);
}

}  // namespace bitgrain
