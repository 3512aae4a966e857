#include "bitgrain/kernels/bf16/conv2d_weight_pairs.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "bitgrain/kernels/f32/conv2d_weights.hpp"

using namespace bitgrain;

TEST_CASE("pairs of pixels fit channels that fill vectors and tiles, and taps that are neighbours") {
  const auto fits = [](std::int64_t in, std::int64_t out, std::int64_t dilation, std::int64_t groups = 1) {
    return kernels::fits_weight_pairs<kernels::DefaultArch>(
        kernels::plan_forward({1, 9, 9, in, out, Window2d::square(3, 1, 1, dilation), groups}));
  };
  const std::int64_t vector = kernels::kLanes<float, kernels::DefaultArch>;
  CHECK(fits(2 * vector, 16, 1));
  CHECK(fits(2 * vector, 16, 1, 2));
  CHECK_FALSE(fits(2 * vector, 17, 1));
  CHECK_FALSE(fits(2 * vector, 16, 2));
  if (vector > 1) CHECK_FALSE(fits(vector + 1, 16, 1));
}

TEST_CASE("the last pixel of an odd line has no partner, although its taps would find one") {
  // Three output pixels from five, one channel, eight filters of 1x3: dw[o, t] = sum over p of dy[p, o] x[p + t].
  const kernels::ConvPlan plan = kernels::plan_forward({1, 1, 5, 1, 8, {1, 3, 1, 1, 0, 0, 1, 1}, 1});
  const std::vector<float> x{1, 2, 3, 4, 5};
  std::vector<float> dy(24, 0.0F), dw(24, -1.0F);
  for (std::size_t p = 0; p < 3; ++p) dy[8 * p] = 1;  // filter 0 sums all pixels
  dy[8 * 2 + 1] = 1;                                  // filter 1 has the last one alone
  dy.resize(32, 100.0F);                              // what stands behind dy
  std::vector<float> expected(24, 0.0F);
  std::copy_n(std::vector<float>{6, 9, 12, 3, 4, 5}.begin(), 6, expected.begin());
  const kernels::PixelBlocks blocks(1, 1, 1);
  kernels::detail::sum_weight_gradient<float, kernels::ScalarArch>(
      plan, blocks, false, x.data(), dy.data(), dw.data(), [&](std::int64_t first, std::int64_t last) {
        return kernels::detail::WeightPairs<kernels::ScalarArch>(plan, blocks, first, last);
      });
  CHECK(dw == expected);
}
