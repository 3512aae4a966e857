#include "bitgrain/nn/global_avg_pool.hpp"

#include <doctest/doctest.h>

namespace bitgrain {
namespace {

TEST_CASE("every channel is averaged over the image, whatever its size") {
  GlobalAvgPool<float> pool;
  const auto y = pool(Var<float>(Tensor<float>(Shape{1, 1, 3, 2}, {1, 10, 2, 20, 6, 60})));
  REQUIRE(y.shape() == Shape{1, 2});
  CHECK(y.value()[0] == doctest::Approx(3.0));
  CHECK(y.value()[1] == doctest::Approx(30.0));
  CHECK(pool.describe() == "GlobalAvgPool");
}

}  // namespace
}  // namespace bitgrain
