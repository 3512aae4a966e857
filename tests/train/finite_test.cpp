#include "bitgrain/train/finite.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "bitgrain/nn/linear.hpp"

using namespace bitgrain;

TEST_CASE("a single bad value is found wherever it stands, and large or tiny numbers are not bad") {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  for (const std::int64_t n : {1, 7, 64, 1000, 65536, 65537, 200003}) {
    Tensor<float> t(Shape{n}, std::numeric_limits<float>::max());
    t.mutable_data()[n / 2] = -std::numeric_limits<float>::denorm_min();
    CHECK(all_finite(t));
    CHECK(largest_finite(t) > 0);
    for (const std::int64_t at : {std::int64_t{0}, n / 3, n - 1})
      for (const float bad : {inf, -inf, nan, -nan}) {
        Tensor<float> spoilt = t.clone();
        spoilt.mutable_data()[at] = bad;
        CHECK_FALSE(all_finite(spoilt));
      }
  }
  CHECK(all_finite(Tensor<float>(Shape{0})));
  Tensor<float> some(Shape{4}, 2.0F);
  some.mutable_data()[1] = inf;
  some.mutable_data()[3] = nan;
  CHECK(not_finite_text(some) == "2 of 4 values");
  CHECK(largest_finite(some) == 2.0F);
}

TEST_CASE("the first parameter with a bad gradient is named; parameters without one are passed over") {
  Linear<float> layer(3, 2);
  auto parameters = layer.parameters();
  CHECK(first_bad_gradient(parameters).empty());
  parameters[1].var.add_grad(Tensor<float>(Shape{2}, std::numeric_limits<float>::infinity()));
  CHECK(first_bad_gradient(parameters) == "bias");
}
