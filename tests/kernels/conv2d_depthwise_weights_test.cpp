#include "bitgrain/kernels/f32/conv2d_depthwise_weights.hpp"

#include <doctest/doctest.h>

#include "kernels/conv_case.hpp"

namespace kernels = bitgrain::kernels;
using bitgrain::RandomStream;

TEST_CASE("a depthwise gradient over many blocks of rows and chunks of blocks is right") {
  RandomStream random(4, "blocks");
  using Case = FloatCase<float, kernels::DefaultArch>;
  compare_conv<Case>(conv(8, 32, 32, 48, 48, 3, 1, 1, 1, 48), random);
  compare_conv<Case>(conv(1, 70, 64, 40, 40, 5, 2, 2, 1, 40), random);
}

TEST_CASE_TEMPLATE(
    "kernel rows outside the image, above, below and on both sides, add nothing to a depthwise gradient", Case,
    BITGRAIN_FLOAT_CASES) {
  RandomStream random(5, "rows");
  for (std::int64_t height = 1; height <= 5; ++height)
    for (const std::int64_t pad : {1, 2, 4})
      for (const std::int64_t dilation : {1, 2, 3})
        compare_conv<Case>({2, height, 9, 6, 6, {3, 3, 1, 1, dilation * pad, 1, dilation, 1}, 6}, random);
}

TEST_CASE_TEMPLATE("columns outside the image add nothing to a depthwise gradient", Case, BITGRAIN_FLOAT_CASES) {
  RandomStream random(6, "columns");
  for (std::int64_t width = 1; width <= 9; ++width)
    for (const std::int64_t pad : {0, 1, 2, 5})
      for (const std::int64_t stride : {1, 2})
        for (const std::int64_t kernel : {3, 5})
          if (width + 2 * pad >= kernel)
            compare_conv<Case>({1, 6, width, 3, 3, {3, kernel, 1, stride, 1, pad, 1, 1}, 3}, random);
}
