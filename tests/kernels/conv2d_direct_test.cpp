#include "bitgrain/kernels/f32/conv2d_direct.hpp"

#include <doctest/doctest.h>

#include "kernels/conv_case.hpp"

namespace kernels = bitgrain::kernels;
using bitgrain::RandomStream;

TEST_CASE_TEMPLATE("a 3x3 convolution is right at every number of channels around a vector", Case,
                   BITGRAIN_FLOAT_CASES) {
  RandomStream random(1, "channels");
  for (const std::int64_t in : {1, 2, 3, 5, 7, 8, 9, 15, 16, 17})
    for (const std::int64_t out : {1, 4, 6, 8, 10, 16, 17, 31, 33, 48, 50, 65})
      compare_conv<Case>(conv(1, 4, 5, in, out, 3, 1, 1), random);
}

TEST_CASE_TEMPLATE("every image size is right: tiles run over line ends and end anywhere", Case,
                   BITGRAIN_FLOAT_CASES) {
  RandomStream random(2, "sizes");
  for (std::int64_t h = 1; h <= 5; ++h)
    for (std::int64_t w = 1; w <= 17; ++w) compare_conv<Case>(conv(2, h, w, 3, 5, 3, 1, 1), random);
}

TEST_CASE_TEMPLATE("kernels of 1x1, 5x5, 7x7 and one row or column are right at strides 1 to 3", Case,
                   BITGRAIN_FLOAT_CASES) {
  RandomStream random(3, "kernels");
  for (const std::int64_t stride : {1, 2, 3}) {
    compare_conv<Case>(conv(2, 7, 9, 16, 20, 1, stride), random);
    compare_conv<Case>(conv(1, 12, 12, 4, 18, 5, stride), random);
    compare_conv<Case>(conv(1, 15, 14, 3, 16, 7, stride, 3), random);
    compare_conv<Case>({1, 8, 9, 6, 7, {1, 5, stride, stride, 0, 2, 1, 1}, 1}, random);
    compare_conv<Case>({1, 9, 8, 6, 7, {4, 1, stride, 1, 3, 0, 1, 1}, 1}, random);
  }
}

TEST_CASE_TEMPLATE("padding beyond the kernel, and images smaller than it, are right", Case, BITGRAIN_FLOAT_CASES) {
  RandomStream random(4, "padding");
  compare_conv<Case>(conv(2, 1, 1, 5, 6, 3, 1, 4), random);
  compare_conv<Case>(conv(1, 2, 3, 4, 4, 5, 2, 6), random);
  compare_conv<Case>(conv(1, 3, 2, 2, 3, 1, 2, 3), random);
}

TEST_CASE_TEMPLATE("grouped convolutions see their own channels only", Case, BITGRAIN_FLOAT_CASES) {
  RandomStream random(5, "groups");
  for (const std::int64_t groups : {2, 3, 8})
    for (const std::int64_t in : {1, 2, 5, 16})
      for (const std::int64_t out : {1, 3, 16, 17})
        compare_conv<Case>(conv(2, 4, 5, groups * in, groups * out, 3, 2, 1, 1, groups), random);
}

TEST_CASE("images that make several blocks, and blocks of several images, are right") {
  using Case = FloatCase<float, kernels::DefaultArch>;
  RandomStream random(8, "blocks");
  const bitgrain::ConvGeometry tall = conv(1, 160, 50, 50, 30, 4, 1, 1), small = conv(9, 5, 5, 40, 40, 3, 1, 1);
  REQUIRE(kernels::OutputBlocks(kernels::plan_forward(tall), sizeof(float)).count() > 1);
  REQUIRE(kernels::OutputBlocks(kernels::plan_forward(small), sizeof(float)).max_images() > 1);
  compare_conv<Case>(tall, random);
  compare_conv<Case>(small, random);
}
