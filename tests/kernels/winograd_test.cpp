#include "bitgrain/kernels/f32/winograd.hpp"

#include <doctest/doctest.h>

#include "kernels/winograd_case.hpp"

namespace kernels = bitgrain::kernels;
using bitgrain::ConvGeometry;
using bitgrain::RandomStream;

namespace {
// Both directions against the reference. Random data stays within the bound of a direct sum, plus 64 roundings.
template <class Arch>
void compare(const ConvGeometry& g, RandomStream& random) {
  Guarded<float> x(g.input_size(), 1), w(g.weight_size(), 1), bias(g.out_channels, 1), dy(g.output_size(), 1);
  for (Guarded<float>* a : {&x, &w, &bias, &dy}) fill_random(*a, random);
  const float* b = random.bernoulli(0.5) ? bias.data() : nullptr;
  Guarded<float> y(g.output_size(), 3), y2(g.output_size()), dx(g.input_size(), 3), dx2(g.input_size());
  kernels::winograd_forward<Arch>(g, x.data(), w.data(), b, y.data());
  kernels::reference::conv2d_forward(g, x.data(), w.data(), b, y2.data());
  const auto taps = static_cast<double>(g.window.kernel_h * g.window.kernel_w);
  check_close(y, y2, taps * static_cast<double>(g.in_channels) + 64, "forward " + describe(g));
  kernels::winograd_backward_data<Arch>(g, dy.data(), w.data(), dx.data());
  kernels::reference::conv2d_backward_data(g, dy.data(), w.data(), dx2.data());
  check_close(dx, dx2, taps * static_cast<double>(g.out_channels) + 64, "data " + describe(g));
}
}  // namespace

TEST_CASE("Winograd's convolution and its gradient by the input equal the reference") {
  RandomStream random(5, "winograd");
  compare<kernels::DefaultArch>(conv(2, 7, 6, 5, 270, 3, 1, 1), random);  // so many filters that tiles come first
  compare<kernels::DefaultArch>(conv(2, 7, 6, 270, 5, 3, 1, 1), random);
  for (const ConvGeometry& g : winograd_geometries()) {
    compare<kernels::DefaultArch>(g, random);
    if (g.output_size() < 5000) compare<kernels::ScalarArch>(g, random);
  }
}

TEST_CASE("the error bound holds for numbers that make the transforms large and the sums cancel") {
  for (const int taps : {3, 5}) {
    const ConvGeometry g = conv(1, 14, 14, 32, 6, taps, 1, 1);
    Guarded<float> x(g.input_size()), w(g.weight_size()), y(g.output_size()), y2(g.output_size());
    RandomStream random(6, "winograd");
    for (int i = 0; i < 6; ++i)
      for (int j = 0; j < 6; ++j) {
        fill_adversarial(x, g.in_w, g.in_channels, i, j);
        for (std::int64_t k = 0; k < w.size(); ++k) w[k] = random.bernoulli(0.5) ? 1.0F : -1.0F;
        kernels::winograd_forward(g, x.data(), w.data(), nullptr, y.data());
        kernels::reference::conv2d_forward(g, x.data(), w.data(), nullptr, y2.data());
        check_close(y, y2, winograd_units(taps, g.in_channels), "adversarial");
      }
  }
}

TEST_CASE("Winograd's method is chosen for large stacks of 3x3 and 5x5 filters only") {
  CHECK(kernels::winograd_wins(conv(128, 8, 8, 64, 64, 3, 1, 1)));
  CHECK(kernels::winograd_wins(conv(128, 16, 16, 32, 32, 3, 1, 1)));
  CHECK(kernels::winograd_wins(conv(32, 16, 16, 16, 16, 3, 1, 1)));
  CHECK(kernels::winograd_wins(conv(8, 7, 7, 512, 512, 3, 1, 1)));
  CHECK_FALSE(kernels::winograd_wins(conv(32, 5, 5, 16, 16, 3, 1, 1)));     // 25 of 64 outputs used
  CHECK_FALSE(kernels::winograd_wins(conv(128, 16, 16, 32, 32, 3, 2, 1)));  // stride
  CHECK(kernels::winograd_wins(conv(128, 12, 12, 32, 64, 5, 1, 0)));
  CHECK(kernels::winograd_wins(conv(64, 12, 12, 16, 16, 5, 1, 2)));
  CHECK_FALSE(kernels::winograd_wins(conv(128, 16, 16, 32, 32, 7, 1, 3)));        // kernel
  CHECK_FALSE(kernels::winograd_wins(conv(128, 16, 16, 32, 32, 1, 1, 0)));        // kernel
  CHECK_FALSE(kernels::winograd_wins(conv(128, 16, 16, 32, 32, 3, 1, 1, 2)));     // dilation
  CHECK_FALSE(kernels::winograd_wins(conv(128, 16, 16, 32, 32, 3, 1, 1, 1, 2)));  // groups
  CHECK_FALSE(kernels::winograd_wins(conv(1, 4, 4, 64, 64, 3, 1, 1)));            // one tile does not pay for filters
  CHECK_FALSE(kernels::winograd_wins(conv(128, 32, 32, 3, 16, 3, 1, 1)));         // few channels
}

TEST_CASE("Winograd's method is chosen for the gradient by the input, but not if that image is much the larger") {
  CHECK(kernels::winograd_data_wins(conv(128, 8, 8, 64, 64, 3, 1, 1)));
  CHECK(kernels::winograd_data_wins(conv(128, 24, 24, 32, 32, 5, 1, 2)));
  CHECK_FALSE(kernels::winograd_data_wins(conv(128, 12, 12, 32, 64, 5, 1, 0)));  // 36 tiles instead of 16
  CHECK_FALSE(kernels::winograd_data_wins(conv(128, 16, 16, 32, 32, 3, 2, 1)));
}

TEST_CASE("Winograd's convolution gives the same bits at 1, 2 and 3 threads") {
  RandomStream random(7, "winograd");
  for (const ConvGeometry& g :
       {conv(20, 9, 10, 24, 40, 3, 1, 1), conv(2, 9, 10, 270, 280, 3, 1, 1), conv(20, 9, 10, 24, 40, 5, 1, 2)}) {
    Guarded<float> x(g.input_size()), w(g.weight_size()), dy(g.output_size());
    for (Guarded<float>* a : {&x, &w, &dy}) fill_random(*a, random);
    const auto results = at_threads([&] {
      Guarded<float> y(g.output_size()), dx(g.input_size());
      kernels::winograd_forward(g, x.data(), w.data(), nullptr, y.data());
      kernels::winograd_backward_data(g, dy.data(), w.data(), dx.data());
      return std::vector{y.values(), dx.values()};
    });
    CHECK(results[0] == results[1]);
    CHECK(results[0] == results[2]);
  }
}
