#include "bitgrain/quant/qrelu.hpp"

#include <doctest/doctest.h>

#include "bitgrain/quant/float.hpp"
#include "bitgrain/quant/lsq.hpp"

using namespace bitgrain;

namespace {
const QuantizerSpec kActivation{QuantRole::kActivations, 2, 1, Grid::kUnsigned, false, {}};
}  // namespace

TEST_CASE("QReLU is the ReLU: negative values become code 0 and get no gradient") {
  QReLU<Lsq> act(kActivation);
  const Var<float> x(Tensor<float>({4}, {-3.0f, -0.1f, 1.0f, 2.0f}), true);
  const Var<float> y = act(x);
  CHECK(y.value()[0] == 0.0f);
  CHECK(y.value()[1] == 0.0f);
  CHECK(y.value()[3] > 0.0f);
  REQUIRE(y.quant() != nullptr);
  CHECK(y.quant()->grid == Grid::kUnsigned);
  y.backward(Tensor<float>({4}, 1.0f));
  CHECK(x.grad()[0] == 0.0f);
  CHECK(x.grad()[2] == 1.0f);
}

TEST_CASE("a quantized activation is traced as 'quantize', a float one as what it is") {
  QReLU<Lsq> lsq(kActivation);
  QReLU<Float> plain(kActivation);
  const Var<float> x(Tensor<float>({2}, {1.0f, 2.0f}));
  Trace<float> trace;
  lsq(x);
  REQUIRE(trace.records.size() == 1);
  CHECK(trace.records[0].op == "quantize");
  plain(x);
  REQUIRE(trace.records.size() == 2);
  CHECK(trace.records[1].op == "relu");
}
