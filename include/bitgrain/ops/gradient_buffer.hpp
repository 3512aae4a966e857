#pragma once

#include "bitgrain/tensor/tensor.hpp"

namespace bitgrain::detail {

/// Where an op may write the gradient of an input of the output's shape: the storage of `grad_output` itself when
/// nobody else holds it (backward frees it right after the op), else a new tensor. Saves an elementwise backward a
/// pass over fresh memory. The op must read element i of `grad_output` for the last time when it writes element i,
/// and must not use `grad_output` afterwards.
template <class T>
Tensor<T> gradient_buffer(const Tensor<T>& grad_output) {
  return grad_output.unique() ? grad_output : Tensor<T>(grad_output.shape());
}

}  // namespace bitgrain::detail
