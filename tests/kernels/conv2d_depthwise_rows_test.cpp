#include "bitgrain/kernels/f32/conv2d_depthwise_rows.hpp"

#include <doctest/doctest.h>

#include "kernels/conv_case.hpp"

namespace kernels = bitgrain::kernels;
using bitgrain::RandomStream;

TEST_CASE_TEMPLATE("3 x 3 depthwise convolution is right at every height and width, where rows are left over", Case,
                   BITGRAIN_FLOAT_CASES) {
  RandomStream random(1, "heights and widths");
  for (std::int64_t height = 1; height <= 11; ++height)
    for (std::int64_t width = 1; width <= 7; ++width)
      for (const std::int64_t pad : {0, 1, 2})
        if (height + 2 * pad >= 3 && width + 2 * (2 - pad) >= 3)
          compare_conv<Case>({2, height, width, 18, 18, {3, 3, 1, 1, pad, 2 - pad, 1, 1}, 18}, random);
}

TEST_CASE_TEMPLATE("depthwise rows are the same bits, one at a time or together", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using A = typename Case::Arch;
  RandomStream random(2, "together");
  const bitgrain::ConvGeometry g = conv(1, 11, 9, 21, 21, 3, 1, 1, 1, 21);
  const kernels::ConvPlan plan = kernels::plan_forward(g);
  Guarded<T> x(g.input_size(), 1), w(g.weight_size(), 1), bias(g.out_channels, 1), alone(g.output_size()),
      together(g.output_size());
  for (Guarded<T>* a : {&x, &w, &bias}) fill_random(*a, random);
  kernels::detail::run_depthwise_rows<T, A>(plan, x.data(), w.data(), bias.data(), 0, 11, false, together.data());
  for (std::int64_t row = 0; row < 11; ++row)
    kernels::detail::run_depthwise_rows<T, A>(plan, x.data(), w.data(), bias.data(), row, row + 1, false,
                                              alone.data());
  CHECK(std::equal(alone.data(), alone.data() + g.output_size(), together.data()));
}

TEST_CASE("which depthwise convolutions have kernels that take several rows") {
  const auto has = [](const bitgrain::Window2d& window) {
    return kernels::detail::has_depthwise_rows(kernels::plan_forward({1, 12, 13, 4, 4, window, 4}));
  };
  for (const std::int64_t pad : {0, 1, 2}) {
    CHECK(has(bitgrain::Window2d::square(3, 1, pad)));
    CHECK(kernels::detail::has_depthwise_rows(
        kernels::plan_backward_data({1, 12, 13, 4, 4, bitgrain::Window2d::square(3, 1, pad), 4}, 0, 0)));
  }
  CHECK_FALSE(has(bitgrain::Window2d::square(3, 1, 3)));  // some columns would read nothing
  CHECK_FALSE(has(bitgrain::Window2d::square(3, 2, 1)));
  CHECK_FALSE(has(bitgrain::Window2d::square(3, 1, 2, 2)));
  CHECK_FALSE(has(bitgrain::Window2d::square(5, 1, 2)));
  CHECK_FALSE(has({5, 3, 1, 1, 2, 1, 1, 1}));
  CHECK_FALSE(has({3, 3, 2, 1, 1, 1, 1, 1}));
}
