#include "bitgrain/kernels/f32/conv2d_pointwise.hpp"

#include <doctest/doctest.h>

#include "kernels/conv_case.hpp"

namespace kernels = bitgrain::kernels;

TEST_CASE_TEMPLATE("1x1 convolutions are right at any number of channels and pixels", Case, BITGRAIN_FLOAT_CASES) {
  bitgrain::RandomStream random(1, "pointwise");
  for (const std::int64_t in : {1, 3, 16, 33})
    for (const std::int64_t out : {1, 5, 16, 50})
      for (const std::int64_t size : {1, 4, 9})
        for (const std::int64_t stride : {1, 2, 3})
          compare_conv<Case>(conv(2, size, size + 1, in, out, 1, stride), random);
  compare_conv<Case>({2, 7, 8, 5, 6, {1, 1, 1, 3, 0, 0, 1, 2}, 1}, random);
  compare_conv<Case>(conv(9, 31, 31, 8, 24, 1), random);
  // Strided gradients of many channels go through a matrix, here in more than one block of lines.
  compare_conv<Case>(conv(2, 61, 63, 260, 2, 1, 2), random);
}

TEST_CASE("padding, groups and empty batches are not matrix products") {
  CHECK(kernels::is_pointwise(conv(1, 4, 4, 3, 5, 1)));
  CHECK(kernels::is_pointwise(conv(1, 4, 4, 3, 5, 1, 2)));
  CHECK_FALSE(kernels::is_pointwise(conv(1, 4, 4, 3, 5, 1, 1, 1)));
  CHECK_FALSE(kernels::is_pointwise(conv(1, 4, 4, 4, 4, 1, 1, 0, 1, 2)));
  CHECK_FALSE(kernels::is_pointwise(conv(1, 4, 4, 3, 5, 3)));
  CHECK_FALSE(kernels::is_pointwise(conv(0, 4, 4, 3, 5, 1)));
}
