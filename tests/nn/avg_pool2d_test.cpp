#include "bitgrain/nn/avg_pool2d.hpp"

#include <doctest/doctest.h>

namespace bitgrain {
namespace {

TEST_CASE("averages of touching windows; padding counts as zeros") {
  const Var<float> x(Tensor<float>(Shape{1, 2, 2, 1}, {1, 2, 3, 6}));
  AvgPool2d<float> pool(2);
  CHECK(pool(x).value()[0] == 3.0F);
  AvgPool2d<float> padded(Window2d::square(2, 2, 1));
  REQUIRE(padded(x).shape() == Shape{1, 2, 2, 1});
  CHECK(padded(x).value()[3] == 1.5F);
  CHECK(pool.describe() == "AvgPool2d(2x2, stride 2, padding 0)");
}

}  // namespace
}  // namespace bitgrain
