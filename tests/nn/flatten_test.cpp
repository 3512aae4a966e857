#include "bitgrain/nn/flatten.hpp"

#include <doctest/doctest.h>

namespace bitgrain {
namespace {

TEST_CASE("flatten keeps the batch and the order of elements") {
  Flatten<float> flatten;
  const auto y = flatten(Var<float>(Tensor<float>(Shape{2, 1, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8})));
  REQUIRE(y.shape() == Shape{2, 4});
  CHECK(y.value()[1] == 2.0F);
  CHECK(y.value()[4] == 5.0F);
  CHECK(flatten.describe() == "Flatten");
}

}  // namespace
}  // namespace bitgrain
