#include "bitgrain/kernels/winograd_setting.hpp"

#include <doctest/doctest.h>

#include "kernels/conv_case.hpp"

namespace kernels = bitgrain::kernels;

TEST_CASE("Winograd's method is on by default; off, convolutions are direct sums again") {
  CHECK(kernels::winograd_enabled());
  const bitgrain::ConvGeometry g = conv(16, 16, 16, 32, 32, 3, 1, 1);
  REQUIRE(kernels::winograd_wins(g));
  bitgrain::RandomStream random(1, "setting");
  Guarded<float> x(g.input_size()), w(g.weight_size()), on(g.output_size()), off(g.output_size());
  for (Guarded<float>* a : {&x, &w}) fill_random(*a, random);
  kernels::conv2d_forward(g, x.data(), w.data(), nullptr, on.data());
  kernels::set_winograd(false);
  CHECK_FALSE(kernels::winograd_enabled());
  kernels::conv2d_forward(g, x.data(), w.data(), nullptr, off.data());
  kernels::set_winograd(true);
  CHECK_FALSE(on == off);  // rounded differently
  check_close(on, off, 9 * 32, "with and without");
}
