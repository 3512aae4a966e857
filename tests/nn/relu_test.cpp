#include "bitgrain/nn/relu.hpp"

#include <doctest/doctest.h>

namespace bitgrain {
namespace {

TEST_CASE("ReLU cuts negative values and their gradients") {
  ReLU<float> act;
  const Var<float> x(Tensor<float>(Shape{3}, {-1.0F, 0.5F, 9.0F}), true);
  const auto y = act(x);
  CHECK(y.value()[0] == 0.0F);
  CHECK(y.value()[1] == 0.5F);
  CHECK(y.value()[2] == 9.0F);
  y.backward(Tensor<float>(Shape{3}, 1.0F));
  CHECK(x.grad()[0] == 0.0F);
  CHECK(x.grad()[2] == 1.0F);
  CHECK(act.describe() == "ReLU");
}

}  // namespace
}  // namespace bitgrain
