#pragma once

/// What the tests of the float convolution share: comparison of all three directions with the reference, and random
/// geometries.

#include <cmath>
#include <cstdint>
#include <string>
#include <type_traits>

#include "bitgrain/base/check.hpp"
#include "bitgrain/kernels/f32/conv2d.hpp"
#include "bitgrain/kernels/reference/conv2d.hpp"
#include "bitgrain/tensor/geometry.hpp"
#include "kernels/float_case.hpp"

#if defined(BITGRAIN_EXTERN_KERNELS) && !defined(XSIMD_NO_SUPPORTED_ARCHITECTURE)
// Vectors of one lane are compiled once, in conv2d_test.cpp.
namespace bitgrain::kernels {
BITGRAIN_CONV2D_INSTANCES(extern, float, ScalarArch)
}  // namespace bitgrain::kernels
#endif

inline std::string describe(const bitgrain::ConvGeometry& g) {
  const bitgrain::Window2d& w = g.window;
  return bitgrain::detail::concat("[", g.batch, ",", g.in_h, ",", g.in_w, ",", g.in_channels, "] to ", g.out_channels,
                                  " channels, groups ", g.groups, ", kernel ", w.kernel_h, "x", w.kernel_w,
                                  " stride ", w.stride_h, "x", w.stride_w, " padding ", w.pad_h, "x", w.pad_w,
                                  " dilation ", w.dilation_h, "x", w.dilation_w);
}

/// A convolution of NHWC images, square window.
inline bitgrain::ConvGeometry conv(std::int64_t batch, std::int64_t h, std::int64_t w, std::int64_t in,
                                   std::int64_t out, std::int64_t kernel, std::int64_t stride = 1,
                                   std::int64_t pad = 0, std::int64_t dilation = 1, std::int64_t groups = 1) {
  return {batch, h, w, in, out, bitgrain::Window2d::square(kernel, stride, pad, dilation), groups};
}

/// Compares the three directions with the reference. Operands lie in [-1, 1], so a sum of K terms is bounded by K,
/// and its error by K roundings of numbers up to K; in practice far less: the bound is K epsilon, K the terms, plus
/// bias. The transforms of Winograd's method, where it is chosen, add up to 64 roundings more, 256 with their larger
/// numbers for 5x5 kernels (winograd_growth).
template <class Case>
void compare_conv(const bitgrain::ConvGeometry& g, bitgrain::RandomStream& random) {
  namespace kernels = bitgrain::kernels;
  using T = typename Case::T;
  using A = typename Case::Arch;
  const std::string name = describe(g);
  Guarded<T> x(g.input_size(), 1), w(g.weight_size(), 1), bias(g.out_channels, 1), dy(g.output_size(), 1);
  for (Guarded<T>* a : {&x, &w, &bias, &dy}) fill_random(*a, random);
  const T nan = std::numeric_limits<T>::quiet_NaN();
  const double extra =
      std::is_same_v<T, float> && kernels::winograd_weights_win(g) ? (g.window.kernel_h == 3 ? 64 : 256) : 2;
  const double taps = static_cast<double>(g.window.kernel_h * g.window.kernel_w);

  const T* b = random.bernoulli(0.5) ? bias.data() : nullptr;
  Guarded<T> y(g.output_size(), 3), y2(g.output_size());
  std::fill_n(y.data(), y.size(), nan);
  kernels::conv2d_forward<T, A>(g, x.data(), w.data(), b, y.data());
  kernels::reference::conv2d_forward(g, x.data(), w.data(), b, y2.data());
  check_close(y, y2, taps * static_cast<double>(g.group_in()) + extra, "forward " + name);

  Guarded<T> dx(g.input_size(), 3), dx2(g.input_size());
  std::fill_n(dx.data(), dx.size(), nan);
  kernels::conv2d_backward_data<T, A>(g, dy.data(), w.data(), dx.data());
  kernels::reference::conv2d_backward_data(g, dy.data(), w.data(), dx2.data());
  check_close(dx, dx2, taps * static_cast<double>(g.group_out()) + extra, "data " + name);

  const double pixels = static_cast<double>(g.batch * g.out_h() * g.out_w());
  Guarded<T> dw(g.weight_size(), 3), dw2(g.weight_size()), db(g.out_channels, 3), db2(g.out_channels);
  std::fill_n(dw.data(), dw.size(), nan);
  kernels::conv2d_backward_weights<T, A>(g, x.data(), dy.data(), dw.data(), b ? db.data() : nullptr);
  kernels::reference::conv2d_backward_weights(g, x.data(), dy.data(), dw2.data(), b ? db2.data() : nullptr);
  check_close(dw, dw2, pixels + extra, "weights " + name);
  check_close(db, db2, pixels + 2, "bias " + name);
}

/// A small random convolution with everything odd: sizes, strides, padding, dilation, groups.
inline bitgrain::ConvGeometry random_conv(bitgrain::RandomStream& random) {
  const auto pick = [&](std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random.below(static_cast<std::uint32_t>(high - low + 1)));
  };
  for (;;) {
    bitgrain::ConvGeometry g;
    g.batch = pick(1, 3);
    g.in_h = pick(1, 11);
    g.in_w = pick(1, 13);
    g.groups = random.bernoulli(0.25) ? pick(2, 4) : 1;
    g.in_channels = g.groups * pick(1, 17);
    g.out_channels = g.groups * pick(1, random.bernoulli(0.2) ? 50 : 17);
    g.window = {pick(1, 5), pick(1, 5), pick(1, 3), pick(1, 3), pick(0, 3), pick(0, 3), pick(1, 2), pick(1, 2)};
    if (g.out_h() >= 1 && g.out_w() >= 1) return g;
  }
}
