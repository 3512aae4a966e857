#include "bitgrain/kernels/f32/conv2d_depthwise.hpp"

#include <doctest/doctest.h>

#include "kernels/conv_case.hpp"

namespace kernels = bitgrain::kernels;
using bitgrain::RandomStream;

TEST_CASE_TEMPLATE("depthwise convolution is right at every number of channels", Case, BITGRAIN_FLOAT_CASES) {
  RandomStream random(1, "channels");
  for (std::int64_t channels = 1; channels <= 17; ++channels)
    compare_conv<Case>(conv(2, 5, 6, channels, channels, 3, 1, 1, 1, channels), random);
  for (const std::int64_t channels : {31, 33, 64, 70})
    compare_conv<Case>(conv(1, 4, 9, channels, channels, 3, 2, 1, 1, channels), random);
}

TEST_CASE_TEMPLATE("depthwise convolution is right for large, dilated and strided kernels", Case,
                   BITGRAIN_FLOAT_CASES) {
  RandomStream random(2, "kernels");
  for (const std::int64_t stride : {1, 2, 3}) {
    compare_conv<Case>(conv(1, 13, 19, 5, 5, 5, stride, 2, 1, 5), random);
    compare_conv<Case>(conv(1, 13, 12, 5, 5, 3, stride, 2, 2, 5), random);
    compare_conv<Case>({2, 6, 7, 9, 9, {1, 4, stride, 1, 0, 3, 1, 1}, 9}, random);
  }
}

TEST_CASE("a depthwise gradient over several blocks and chunks is right") {
  RandomStream random(4, "blocks");
  const bitgrain::ConvGeometry g = conv(8, 32, 32, 48, 48, 3, 1, 1, 1, 48);
  REQUIRE(kernels::GradientBlocks(kernels::plan_forward(g), sizeof(float)).count() == 16);
  compare_conv<FloatCase<float, kernels::DefaultArch>>(g, random);
}

TEST_CASE("several filters per channel go through the grouped path and are right") {
  RandomStream random(3, "multiplier");
  const bitgrain::ConvGeometry g = conv(2, 5, 6, 4, 12, 3, 1, 1, 1, 4);
  CHECK_FALSE(kernels::is_depthwise(g));
  compare_conv<FloatCase<float, kernels::DefaultArch>>(g, random);
}
