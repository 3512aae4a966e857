#include "bitgrain/quant/float.hpp"

#include <doctest/doctest.h>

using namespace bitgrain;

TEST_CASE("Float passes weights, rectifies activations and emits no codes") {
  const Var<float> x(Tensor<float>({2}, {-1.0f, 2.0f}));
  Float<float> w({QuantRole::kWeights, 8, 1, Grid::kSigned, false, ""}),
      a({QuantRole::kActivations, 8, 1, Grid::kUnsigned, false, ""});
  CHECK(w(x).value()[0] == -1.0f);
  CHECK(a(x).value()[0] == 0.0f);
  CHECK(a(x).quant() == nullptr);
  CHECK(a.bits() == 32);
}
