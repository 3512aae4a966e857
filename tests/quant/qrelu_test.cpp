#include "bitgrain/quant/qrelu.hpp"

#include <doctest/doctest.h>

#include "bitgrain/nn/float_layers.hpp"
#include "bitgrain/ops/sum.hpp"
#include "bitgrain/quant/float.hpp"
#include "bitgrain/quant/lsq.hpp"
#include "bitgrain/quant/quant_layers.hpp"

using namespace bitgrain;

namespace {
const QuantizerSpec kUnsignedTwoBits{QuantRole::kActivations, 2, 1, Grid::kUnsigned, false, {}};
}  // namespace

TEST_CASE("QReLU is the ReLU: negative values become code 0 and get no gradient") {
  QReLU<Lsq> act(kUnsignedTwoBits);
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
  QReLU<Lsq> lsq(kUnsignedTwoBits);
  QReLU<Float> plain(kUnsignedTwoBits);
  const Var<float> x(Tensor<float>({2}, {1.0f, 2.0f}));
  Trace<float> trace;
  lsq(x);
  REQUIRE(trace.records.size() == 1);
  CHECK(trace.records[0].op == "quantize");
  plain(x);
  REQUIRE(trace.records.size() == 2);
  CHECK(trace.records[1].op == "relu");
}

TEST_CASE("only a nonlinearity in full precision that nobody observes is a plain ReLU") {
  QReLU<Float> plain(kUnsignedTwoBits);
  QReLU<Lsq> lsq(kUnsignedTwoBits);
  QReLU<AnyQuantizer> any(kUnsignedTwoBits);
  CHECK(plain.is_plain_relu());
  CHECK_FALSE(lsq.is_plain_relu());
  CHECK(any.is_plain_relu());
  *any.any() = AnyQuantizer<float>(Lsq<float>(kUnsignedTwoBits));
  CHECK_FALSE(any.is_plain_relu());
  struct Observer final : QuantObserver<float> {
    Var<float> observe(const QuantSite<float>&, const Var<float>&, const Var<float>& y) override { return y; }
  };
  const Observer observer;
  CHECK_FALSE(plain.is_plain_relu());
}

TEST_CASE("a block of an erased family trains like the float family while its quantizers are in full precision") {
  const Tensor<float> images({2, 4, 4, 1}, 0.5f);
  AnyLayers<>::ConvBnAct any(AnyLayers<>::Options{}, 1, 3, Window2d::square(3, 1, 1));
  FloatLayers<>::ConvBnAct plain(FloatLayers<>::Options{}, 1, 3, Window2d::square(3, 1, 1));
  const auto train = [&](auto& block) {
    for (auto& p : block.parameters())
      if (p.name == "conv.weight")
        for (std::int64_t i = 0; i < p.var.numel(); ++i)
          p.var.mutable_value().mutable_data()[i] = 0.1f * static_cast<float>(i % 7) - 0.2f;
    sum(block(Var<float>(images))).backward();
    std::vector<float> gradients;
    for (auto& p : block.parameters())
      gradients.insert(gradients.end(), p.var.grad().data(), p.var.grad().data() + p.var.numel());
    return gradients;
  };
  CHECK(train(any) == train(plain));
}
