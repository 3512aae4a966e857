#include "bitgrain/kernels/f32/conv2d_weight_lines.hpp"

#include <doctest/doctest.h>

#include "kernels/conv_case.hpp"

namespace kernels = bitgrain::kernels;
using bitgrain::RandomStream;

TEST_CASE("gradient tiles are used for neighbouring taps and whole vectors of channels") {
  const auto fits = [](const bitgrain::ConvGeometry& g) {
    return kernels::fits_weight_lines<float, kernels::DefaultArch>(kernels::plan_forward(g));
  };
  CHECK(fits(conv(1, 8, 8, 16, 16, 3, 1, 1)));
  CHECK(fits(conv(1, 8, 8, 64, 9, 5, 2, 2)));
  CHECK_FALSE(fits(conv(1, 8, 8, 16, 3, 3, 1, 1)));      // too few filters
  CHECK_FALSE(fits(conv(1, 8, 8, 16, 16, 1)));           // nothing to share
  CHECK_FALSE(fits(conv(1, 8, 8, 16, 16, 3, 1, 1, 2)));  // taps are no neighbours
  if (kernels::kLanes < float >> 1) CHECK_FALSE(fits(conv(1, 8, 8, 3, 16, 3, 1, 1)));
}

TEST_CASE_TEMPLATE("weight gradients of whole vectors are right at any kernel, stride, padding and number of filters",
                   Case, BITGRAIN_FLOAT_CASES) {
  RandomStream random(1, "weight lines");
  for (const std::int64_t in : {16, 32, 48})  // read in place, and sliced
    for (const std::int64_t out : {8, 9, 37, 40})
      for (const std::int64_t kernel : {2, 3, 5}) {
        compare_conv<Case>(conv(2, 6, 7, in, out, kernel, 1, kernel / 2), random);
        compare_conv<Case>(conv(2, 6, 7, in, out, kernel, 2, kernel), random);
      }
  compare_conv<Case>(conv(3, 9, 5, 64, 22, 3, 2, 1, 1, 2), random);
  compare_conv<Case>(conv(1, 2, 1, 16, 8, 3, 1, 3), random);
  compare_conv<Case>({2, 6, 8, 16, 12, {1, 4, 3, 1, 2, 1, 1, 1}, 1}, random);
}

TEST_CASE("weight gradients over many blocks, chunks and divided filters are right") {
  using Case = FloatCase<float, kernels::DefaultArch>;
  RandomStream random(2, "weight blocks");
  compare_conv<Case>(conv(20, 16, 16, 32, 40, 3, 1, 1), random);
  compare_conv<Case>(conv(1, 40, 150, 16, 48, 3, 2, 1), random);
  compare_conv<Case>(conv(3, 2, 2, 400, 410, 3, 1, 1), random);
}
