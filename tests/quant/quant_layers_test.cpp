#include "bitgrain/quant/quant_layers.hpp"

#include <doctest/doctest.h>

#include "bitgrain/autograd/gradcheck.hpp"
#include "bitgrain/models/lenet5.hpp"
#include "bitgrain/models/resnet_cifar.hpp"
#include "bitgrain/models/vgg7.hpp"
#include "bitgrain/nn/copy_state.hpp"
#include "bitgrain/nn/initialize.hpp"
#include "bitgrain/ops/sum.hpp"
#include "bitgrain/quant/install.hpp"
#include "bitgrain/quant/lsq.hpp"

using namespace bitgrain;

namespace {
template <class T>
Var<T> images(const Shape& shape, std::uint64_t seed, bool with_codes = true) {
  Tensor<T> t(shape);
  RandomStream random(seed, "images");
  for (T& v : t.mutable_values()) v = static_cast<T>(random.below(256)) * static_cast<T>(1.0 / 256);
  Var<T> x(t);
  if (with_codes) x.set_quant(std::make_shared<const QuantInfo>(QuantInfo{Grid::kUnsigned, 8, {1.0 / 256}, 0}));
  return x;
}
ResNetCifarConfig tiny() {
  ResNetCifarConfig config;
  config.depth = 8;
  config.image = {8, 8, 1};
  config.base_width = 4;
  return config;
}
using LsqNet = ResNetCifar<QuantLayers<Lsq, Lsq>>;
}  // namespace

TEST_CASE("a quantized ResNet runs on codes on every edge: strict mode accepts it, shortcut A and B") {
  for (const ResNetShortcut shortcut : {ResNetShortcut::kA, ResNetShortcut::kB}) {
    QuantLayers<Lsq, Lsq>::Options options;
    options.weight_bits = 3;
    options.activation_bits = 4;
    options.strict = true;
    ResNetCifarConfig config = tiny();
    config.shortcut = shortcut;
    LsqNet net(config, options);
    initialize<float>(net, 1);
    CHECK(net(images<float>({2, 8, 8, 1}, 1)).shape() == Shape{2, 10});
    CHECK_THROWS_WITH_AS(net(images<float>({2, 8, 8, 1}, 1, false)),
                         doctest::Contains("'stem.conv' received no integer codes"), Error);
  }
}

TEST_CASE("sites carry the names of their layers and tensors, with the bits of the options") {
  QuantLayers<Lsq, Lsq>::Options options;
  options.weight_bits = 3;
  options.activation_bits = 4;
  LsqNet net(tiny(), options);
  const auto sites = quant_sites<float>(net);
  REQUIRE(sites.size() == 16);
  CHECK(sites[0]->site_name() == "stem.conv");
  CHECK(sites[0]->is_weight());
  CHECK(sites[0]->weight_count() == 36);
  CHECK(sites[0]->bits() == 3);
  CHECK(sites[1]->site_name() == "stem.act");
  CHECK(sites[1]->bits() == 4);
  CHECK(sites[14]->site_name() == "pool.act");
  CHECK(sites[14]->bits() == 8);
  CHECK(sites[14]->spec().fixed);
  CHECK(sites[15]->site_name() == "head");
}

TEST_CASE("step sizes are parameters with names, and take no weight decay") {
  LsqNet net(tiny());
  int steps = 0;
  for (const auto& p : net.parameters()) {
    if (!p.name.ends_with(".step")) continue;
    ++steps;
    CHECK_FALSE(p.decay);
  }
  CHECK(steps == 16);
}

TEST_CASE("per-channel weights hold one step per output channel") {
  QuantLayers<Lsq, Lsq>::Options options;
  options.per_channel = true;
  LsqNet net(tiny(), options);
  for (const auto& p : net.parameters())
    if (p.name == "stage3.0.first.conv.weight_quantizer.step") CHECK(p.var.shape() == Shape{16});
}

TEST_CASE("gradcheck through a quantized convolution block: weights, batch norm, both steps, input") {
  QuantLayers<Lsq, Lsq, double>::Options options;
  options.weight_bits = 3;
  options.activation_bits = 3;
  const LsqOptions no_scale{LsqGradientScale::kNone};
  options.make_weight = [&](const QuantizerSpec& s) { return Lsq<double>(s, no_scale); };
  options.make_activation = options.make_weight;
  QuantLayers<Lsq, Lsq, double>::ConvBnAddAct block(options, 2, 2, Window2d::square(3, 1, 1));
  initialize<double>(block, 3);
  RandomStream random(1, "block");
  Tensor<double> x({2, 4, 4, 2}), shortcut({2, 4, 4, 2});
  for (double& v : x.mutable_values()) v = random.normal();
  for (double& v : shortcut.mutable_values()) v = random.normal();
  std::vector<Var<double>> inputs = {Var<double>(x, true), Var<double>(shortcut, true)};
  block(inputs[0], inputs[1]);  // initialises the steps
  for (auto& p : block.parameters()) inputs.push_back(p.var);
  const auto report = gradcheck([&block](const std::vector<Var<double>>& in) { return block(in[0], in[1]); }, inputs);
  CHECK_MESSAGE(report.ok, report.text());
}

TEST_CASE("one definition, any quantizer: float weights flow into AnyLayers, whose methods are chosen later") {
  ResNetCifar<FloatLayers<>> plain(tiny());
  initialize<float>(plain, 5);
  ResNetCifar<AnyLayers<>> any(tiny());
  copy_state(plain, any);
  plain.set_training(false);
  any.set_training(false);
  const Var<float> x = images<float>({2, 8, 8, 1}, 2);
  const Var<float> a = plain(x), b = any(x);
  for (std::int64_t i = 0; i < a.numel(); ++i) CHECK(a.value()[i] == b.value()[i]);
}

TEST_CASE("LeNet-5 and VGG-7 run on codes everywhere, through pools and linear layers: strict mode accepts them") {
  QuantLayers<Lsq, Lsq>::Options options;
  options.weight_bits = options.activation_bits = 4;
  options.strict = true;
  LeNet5<QuantLayers<Lsq, Lsq>> lenet({}, options);
  initialize<float>(lenet, 1);
  const Var<float> digits = images<float>({2, 28, 28, 1}, 1);
  for (int run = 0; run < 2; ++run) {  // the first chooses the steps
    sum(lenet(digits)).backward();
    for (const auto& p : lenet.parameters()) CHECK(p.var.grad().defined());
  }
  Vgg7Config config;
  config.base_width = 16;
  Vgg7<QuantLayers<Lsq, Lsq>> vgg(config, options);
  initialize<float>(vgg, 1);
  sum(vgg(images<float>({2, 32, 32, 3}, 1))).backward();
}
