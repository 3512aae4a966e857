#include "bitgrain/nn/initialize.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "bitgrain/nn/batch_norm2d.hpp"
#include "bitgrain/nn/conv2d.hpp"
#include "bitgrain/nn/dropout.hpp"
#include "bitgrain/nn/linear.hpp"
#include "bitgrain/nn/sequential.hpp"

namespace bitgrain {
namespace {

template <class T>
void build(Sequential<T>& net) {
  net.template emplace<Conv2d<T>>("conv", 3, 16, Window2d::square(3));
  net.template emplace<BatchNorm2d<T>>("bn", 16);
  net.template emplace<Linear<T>>("fc", 16, 10);
}
template <class T>
std::map<std::string, Tensor<T>> values(const Module<T>& net) {
  std::map<std::string, Tensor<T>> all;
  for (const auto& p : net.parameters()) all[p.name] = p.var.value();
  return all;
}
template <class T>
bool equal(const Tensor<T>& a, const Tensor<T>& b) {
  return a.shape() == b.shape() && std::equal(a.values().begin(), a.values().end(), b.values().begin());
}

TEST_CASE("one seed gives one model, another seed another") {
  Sequential<float> a, b, c;
  build(a);
  build(b);
  build(c);
  initialize(a, 11);
  initialize(b, 11);
  initialize(c, 12);
  const auto va = values(a), vb = values(b), vc = values(c);
  for (const auto& [name, tensor] : va) CHECK(equal(tensor, vb.at(name)));
  CHECK_FALSE(equal(va.at("conv.weight"), vc.at("conv.weight")));
  CHECK_FALSE(equal(va.at("fc.bias"), vc.at("fc.bias")));
}

TEST_CASE("a layer's weights depend on its name alone: other layers and their order change nothing") {
  Sequential<float> a, b;
  build(a);
  b.emplace<Linear<float>>("another", 7, 7);
  b.emplace<Linear<float>>("fc", 16, 10);
  b.emplace<Conv2d<float>>("conv", 3, 16, Window2d::square(3));
  initialize(a, 3);
  initialize(b, 3);
  CHECK(equal(values(a).at("conv.weight"), values(b).at("conv.weight")));
  CHECK(equal(values(a).at("fc.bias"), values(b).at("fc.bias")));
}

TEST_CASE("two layers of one shape get different weights, a weight and its bias too") {
  Sequential<float> net;
  net.emplace<Linear<float>>("one", 4, 4);
  net.emplace<Linear<float>>("two", 4, 4);
  initialize(net, 3);
  CHECK_FALSE(equal(values(net).at("one.weight"), values(net).at("two.weight")));
  CHECK(values(net).at("one.weight")[0] != values(net).at("one.bias")[0]);
}

TEST_CASE("a float model is the double model of the same seed, rounded") {
  Sequential<float> f;
  Sequential<double> d;
  build(f);
  build(d);
  initialize(f, 5);
  initialize(d, 5);
  for (const auto& [name, tensor] : values(f)) CHECK(equal(tensor, values(d).at(name).cast<float>()));
}

TEST_CASE("weights follow the rules asked for; biases lie within 1 / sqrt(fan_in) of their layer or are zero") {
  Sequential<double> net;
  net.emplace<Conv2d<double>>("conv", 32, 64, Window2d::square(3));
  net.emplace<Linear<double>>("fc", 400, 300);
  const auto deviation = [&net](const char* name) {
    const auto tensor = values(net).at(name);
    double squares = 0;
    for (const double v : tensor.values()) squares += v * v;
    return std::sqrt(squares / static_cast<double>(tensor.numel()));
  };
  const auto largest = [&net](const char* name) {
    const auto tensor = values(net).at(name);
    double most = 0;
    for (const double v : tensor.values()) most = std::max(most, std::abs(v));
    return most;
  };
  initialize(net, 1);
  CHECK(deviation("conv.weight") == doctest::Approx(std::sqrt(2.0 / 288)).epsilon(0.02));
  CHECK(deviation("fc.weight") == doctest::Approx(std::sqrt(1.0 / 3 / 400)).epsilon(0.02));
  CHECK(largest("conv.bias") < 1 / std::sqrt(288.0));
  CHECK(largest("conv.bias") > 0.8 / std::sqrt(288.0));
  CHECK(largest("fc.bias") < 1 / std::sqrt(400.0));
  CHECK(largest("fc.bias") > 0.8 / std::sqrt(400.0));
  initialize(net, 1,
             {.convolution = WeightInit::kKaimingUniform,
              .linear = WeightInit::kXavierNormal,
              .fan = FanMode::kOut,
              .zero_bias = true});
  CHECK(deviation("conv.weight") == doctest::Approx(std::sqrt(2.0 / 576)).epsilon(0.02));
  CHECK(deviation("fc.weight") == doctest::Approx(std::sqrt(2.0 / 700)).epsilon(0.02));
  CHECK(largest("conv.bias") == 0);
  CHECK(largest("fc.bias") == 0);
}

struct WithStep : Linear<float> {
  WithStep() : Linear<float>(2, 2) { this->register_parameter("weight_quantizer.step", step, false); }
  Var<float> step{Tensor<float>(Shape{1}, 0.25F), true};
};

TEST_CASE("batch norm starts as the identity again, every copy of it, and parameters of quantizers are left alone") {
  Sequential<float> net;
  auto& bn = net.emplace<BatchNorm2d<float>>("bn", 3);
  auto& layer = net.emplace<WithStep>("fc");
  bn.use_copies(2);
  for (auto& p : net.parameters())
    if (p.name.starts_with("bn")) p.var.mutable_value().fill(9.0F);
  for (auto& b : net.buffers()) b.tensor.fill(9.0F);
  initialize(net, 1);
  for (int copy = 0; copy < 2; ++copy) {
    bn.select_copy(copy);
    CHECK(bn.weight().value()[2] == 1.0F);
    CHECK(bn.bias().value()[2] == 0.0F);
    CHECK(bn.running_mean()[2] == 0.0F);
    CHECK(bn.running_var()[2] == 1.0F);
  }
  CHECK(layer.step.value()[0] == 0.25F);
}

TEST_CASE("random streams start again at the seed under the module's name") {
  Sequential<float> net;
  auto& dropout = net.emplace<Dropout<float>>("drop", 0.5);
  dropout.stream().set_position(100);
  initialize(net, 42);
  CHECK(dropout.stream().seed() == 42);
  CHECK(dropout.stream().stream() == RandomStream::hash("drop"));
  CHECK(dropout.stream().position() == 0);
}

TEST_CASE("a single layer without a parent initialises like any other model") {
  Linear<float> layer(400, 300);
  initialize(layer, 1);
  double squares = 0;
  for (const float v : layer.weight().value().values()) squares += static_cast<double>(v) * static_cast<double>(v);
  CHECK(std::sqrt(squares / 120000) == doctest::Approx(std::sqrt(1.0 / 3 / 400)).epsilon(0.02));
}

}  // namespace
}  // namespace bitgrain
