#include "bitgrain/kernels/f32/conv2d_lines.hpp"

#include <doctest/doctest.h>

#include "kernels/conv_case.hpp"

namespace kernels = bitgrain::kernels;
using bitgrain::RandomStream;

TEST_CASE_TEMPLATE("lines are right at every width, whole or with an overlap, and any number of channels", Case,
                   BITGRAIN_FLOAT_CASES) {
  RandomStream random(6, "lines");
  for (const std::int64_t w : {7, 8, 12, 14, 16, 17, 28, 32, 33})
    for (const std::int64_t kernel : {2, 3, 5})
      for (const std::int64_t out : {1, 16, 24, 40}) {
        compare_conv<Case>(conv(2, 4, w, 3, out, kernel, 1, kernel / 2), random);
        compare_conv<Case>(conv(1, 5, w, 4, 2 * out, kernel, 1, kernel, 1, 2), random);
      }
}

TEST_CASE_TEMPLATE("the gradient of a stride of 2 takes even and odd columns together, or apart where it must", Case,
                   BITGRAIN_FLOAT_CASES) {
  RandomStream random(7, "columns");
  for (const std::int64_t w : {7, 8, 15, 16, 17, 18, 32, 38})
    for (const std::int64_t in : {1, 16, 17, 33})
      for (const std::int64_t h : {1, 4, 5}) {
        compare_conv<Case>(conv(2, h, w, in, 3, 3, 2, 1), random);
        compare_conv<Case>({2, h, w, 2 * in, 6, {1, 3, 1, 2, 0, 1, 1, 1}, 2}, random);
      }
}

TEST_CASE("lines are used where they fit: neighbouring taps, little padding, whole tiles") {
  using kernels::plan_forward;
  const auto fits = [](const bitgrain::ConvGeometry& g) {
    return kernels::fits_lines<float, kernels::DefaultArch>(plan_forward(g));
  };
  constexpr std::int64_t kL = kernels::kLanes<float>;  // one vector
  CHECK(fits(conv(1, 8, 8, 4, kL, 3, 1, 1)));
  CHECK(fits(conv(1, 32, 16, 4, kL, 5, 1, 2)));
  CHECK(fits(conv(1, 32, 16, 4, kL, 3, 2, 1)));
  CHECK_FALSE(fits(conv(1, 8, 8, 4, kL, 3, 1, 1, 2)));  // taps are no neighbours
  CHECK_FALSE(fits(conv(1, 12, 12, 4, kL, 3, 1, 3)));   // too much padding
  CHECK_FALSE(fits(conv(1, 10, 10, 4, kL, 3, 1, 1)));   // tiles would overlap a lot
  CHECK_FALSE(fits(conv(1, 8, 8, 4, kL, 1)));           // nothing to share
}
