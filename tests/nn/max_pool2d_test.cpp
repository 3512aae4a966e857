#include "bitgrain/nn/max_pool2d.hpp"

#include <doctest/doctest.h>

#include "bitgrain/ops/mul.hpp"

namespace bitgrain {
namespace {

TEST_CASE("a kernel alone means windows that touch; a full window is taken as given") {
  const Var<float> x(Tensor<float>(Shape{1, 4, 4, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}));
  MaxPool2d<float> pool(2);
  const auto y = pool(x);
  REQUIRE(y.shape() == Shape{1, 2, 2, 1});
  CHECK(y.value()[0] == 6.0F);
  CHECK(y.value()[3] == 16.0F);
  MaxPool2d<float> sliding(Window2d::square(3, 1));
  CHECK(sliding(x).shape() == Shape{1, 2, 2, 1});
  CHECK(sliding(x).value()[0] == 11.0F);
  CHECK(pool.with_relu(-1 * x).value()[0] == 0.0F);
  CHECK(pool.describe() == "MaxPool2d(2x2, stride 2, padding 0)");
}

}  // namespace
}  // namespace bitgrain
