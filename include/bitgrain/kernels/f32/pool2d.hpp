#pragma once

#include <cstdint>

#include "bitgrain/kernels/reference/pool2d.hpp"
#include "bitgrain/kernels/simd.hpp"
#include "bitgrain/tensor/geometry.hpp"

namespace bitgrain::kernels {

/// Max pooling of x [N,H,W,C] to y [N,Ho,Wo,C]. Padding never wins; of equal elements the first in row-major order
/// wins. `argmax` (or null) [N,Ho,Wo,C] receives the place h * W + w of the winner within its image.
template <class T, class Arch = DefaultArch>
void max_pool2d_forward(const PoolGeometry& g, const T* x, T* y, std::int32_t* argmax) {
  reference::max_pool2d_forward(g, x, y, argmax);
}

/// Gradient of max pooling: dy goes to the winners. Overwrites dx.
template <class T, class Arch = DefaultArch>
void max_pool2d_backward(const PoolGeometry& g, const T* dy, const std::int32_t* argmax, T* dx) {
  reference::max_pool2d_backward(g, dy, argmax, dx);
}

/// Average pooling: the sum over the window, padding counted as zeros, divided by kernel_h * kernel_w (PyTorch's
/// count_include_pad = true). A window of the whole image is global average pooling.
template <class T, class Arch = DefaultArch>
void avg_pool2d_forward(const PoolGeometry& g, const T* x, T* y) {
  reference::avg_pool2d_forward(g, x, y);
}

/// Gradient of average pooling. Overwrites dx.
template <class T, class Arch = DefaultArch>
void avg_pool2d_backward(const PoolGeometry& g, const T* dy, T* dx) {
  reference::avg_pool2d_backward(g, dy, dx);
}

}  // namespace bitgrain::kernels
