// The message of a run that went bad must name the layer in which that began, forward or backward.
#include "bitgrain/train/fault_finder.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "bitgrain/models/resnet_cifar.hpp"
#include "bitgrain/nn/initialize.hpp"
#include "bitgrain/ops/cross_entropy.hpp"
#include "bitgrain/ops/mul.hpp"
#include "bitgrain/ops/sum.hpp"
#include "error_of.hpp"

using namespace bitgrain;

namespace {

using Net = ResNetCifar<FloatLayers<>>;

struct Step {
  Step() : net({.depth = 8, .image = {8, 8, 1}, .classes = 4, .base_width = 4}) { initialize(net, 3); }
  Tensor<float>& parameter(const std::string& name) {
    for (auto& p : net.parameters())
      if (p.name == name) return (held = p.var).mutable_value();
    FAIL("no parameter " << name);
    return held.mutable_value();
  }
  std::string finding(float pixel = 0.5F) {
    const FaultFinder finder(net);
    const Var<float> x(Tensor<float>(Shape{2, 8, 8, 1}, pixel));
    cross_entropy(net(x), std::vector<std::int32_t>{0, 1}).backward();
    return finder.finding();
  }
  Net net;
  Var<float> held;
};

}  // namespace

TEST_CASE("a good step has nothing to find") {
  CHECK(contains(Step().finding(), "every layer's values and gradients were finite"));
}

TEST_CASE("a parameter that is bad already is named first") {
  Step step;
  step.parameter("stage2.0.first.conv.weight").mutable_data()[5] = std::numeric_limits<float>::quiet_NaN();
  CHECK(contains(step.finding(), "The parameter 'stage2.0.first.conv.weight' was bad before: 1 of "));
}

TEST_CASE("an overflow in the forward pass is found in the layer whose output it is, not in those behind it") {
  Step step;
  step.parameter("stage2.0.second.bn.weight").fill(3e38F);
  step.parameter("stage2.0.second.bn.bias").fill(3e38F);
  const std::string finding = step.finding();
  INFO(finding);
  CHECK(contains(finding, "in the forward pass, in the output of layer 'stage2.0.second"));
  CHECK(contains(finding, "values are not finite; its inputs reach 3e+38"));
}

TEST_CASE("a bad batch is told from a bad layer") {
  Step step;
  CHECK(contains(step.finding(std::numeric_limits<float>::infinity()), "in what enters layer 'stem.conv' (conv2d)"));
}

TEST_CASE("a gradient that overflows while the loss is finite is found in the layer that hands it on") {
  // y = a * 1e-30 * 1e30 * ... : values stay small, gradients of the first factor grow to 1e60.
  class Steep final : public Module<float> {
   public:
    Steep() { register_parameter("w", w_); }
    Var<float> forward(const Var<float>&) override {
      const Var<float> steep(Tensor<float>(Shape{1}, 1e30F));
      return sum(mul(mul(w_, steep), steep));
    }

   private:
    Var<float> w_{Tensor<float>(Shape{1}, 0.0F), true};
  } net;
  const FaultFinder finder(net);
  net(Var<float>()).backward();
  INFO(finder.finding());
  CHECK(contains(finder.finding(), "in the backward pass, in the gradients that mul hands on: 1 of 1 values"));
}
