#include "bitgrain/deploy/lower.hpp"

#include <doctest/doctest.h>

#include "bitgrain/deploy/verify.hpp"
#include "bitgrain/models/lenet5.hpp"
#include "bitgrain/models/resnet_cifar.hpp"
#include "bitgrain/models/vgg7.hpp"
#include "bitgrain/nn/copy_state.hpp"
#include "bitgrain/nn/initialize.hpp"
#include "bitgrain/ops/ops.hpp"
#include "bitgrain/quant/install.hpp"
#include "bitgrain/quant/quant_layers.hpp"
#include "bitgrain/train/evaluate.hpp"
#include "bitgrain/train/witness.hpp"

using namespace bitgrain;
using deploy::ConvOp;
using deploy::RequantizeOp;

namespace {

Tensor<std::uint8_t> random_images(const Shape& shape, std::uint64_t seed) {
  Tensor<std::uint8_t> images(shape);
  RandomStream random(seed, "images");
  for (auto& v : images.mutable_values()) v = static_cast<std::uint8_t>(random.below(256));
  return images;
}

// Batch norm as after some training: every parameter and statistic away from its start, some gammas negative, one
// zero.
template <class T>
void disturb(Module<T>& model, std::uint64_t seed) {
  RandomStream random(seed, "disturb");
  for (auto& p : model.parameters()) {
    if (!p.name.ends_with("bn.weight") && !p.name.ends_with("bias")) continue;
    for (T& v : p.var.mutable_value().mutable_values()) v += static_cast<T>(0.8 * random.normal());
    if (p.name.ends_with("bn.weight")) p.var.mutable_value().mutable_data()[0] = T{0};
  }
  for (auto& b : model.buffers())
    for (T& v : b.tensor.mutable_values())
      v = static_cast<T>(std::abs(static_cast<double>(v) + 0.3 * random.normal()));
}

ResNetCifarConfig tiny_resnet(ResNetShortcut shortcut, std::int64_t channels) {
  return {.depth = 8, .image = {12, 12, channels}, .classes = 10, .shortcut = shortcut, .base_width = 4};
}

// Builds a network and its double twin with the same state, lowers it, and checks every promise of lowering.
template <class Net, class Twin>
void check_lowering(Net& net, Twin& twin, const InputEncoding& encoding, const Shape& image,
                    const Allocation& allocation) {
  const auto lsq = quantizer_factory<float>("lsq");
  install_quantizers<float>(net, lsq, lsq, allocation);
  install_quantizers<double>(twin, quantizer_factory<double>("lsq"), quantizer_factory<double>("lsq"), allocation);
  initialize<float>(net, 3);
  disturb<float>(net, 4);
  constexpr std::int64_t kImages = 20;
  const auto images = random_images({kImages, image[0], image[1], image[2]}, 5);
  net.set_training(false);
  net(encode_images<float>(images, encoding));  // initialises the steps
  copy_state(static_cast<const Module<float>&>(net), static_cast<Module<double>&>(twin));

  const deploy::IntegerNetwork network = lower_model(net, encoding, image[0], image[1], {"net", {}});
  CHECK(network.arithmetic == deploy::Arithmetic::kInteger);
  const deploy::Verification verified = deploy::verify(network, images.data(), kImages);
  CHECK(verified.codes > 0);
  CHECK(verified.mismatched == 0);

  const WitnessReport report = compare_with_double(twin, network, encoding, images);
  CHECK(report.tensors.size() > 3);
  for (const auto& t : report.tensors) {
    CAPTURE(t.tensor);
    CHECK(t.codes > 0);
    CHECK(t.share() <= 1e-5);
    CHECK(t.largest_difference <= 1);
  }
}

}  // namespace

TEST_CASE(
    "a lowered ResNet gives the interpreter's codes and the double graph's: shortcut A and B, u8 and s8 inputs") {
  for (const ResNetShortcut shortcut : {ResNetShortcut::kA, ResNetShortcut::kB}) {
    for (const bool normalised : {false, true}) {
      CAPTURE(normalised);
      const double mean[] = {0.4, 0.5, 0.6}, std[] = {0.2, 0.25, 0.3};
      const InputEncoding encoding =
          normalised ? InputEncoding::normalised(mean, std) : InputEncoding::unsigned_bytes(3);
      const auto config = tiny_resnet(shortcut, 3);
      AnyLayers<>::Options options;
      options.weight_bits = 3;
      options.activation_bits = 4;
      options.per_channel = normalised;
      AnyLayers<double>::Options twin_options;
      twin_options.weight_bits = 3;
      twin_options.activation_bits = 4;
      twin_options.per_channel = normalised;
      ResNetCifar<AnyLayers<>> net(config, options);
      ResNetCifar<AnyLayers<double>> twin(config, twin_options);
      check_lowering(net, twin, encoding, config.image,
                     {{{"stem.conv", 8}, {"stage2.0.first.conv", 1}, {"head", 2}}, {{"stem.act", 2}}});
    }
  }
}

TEST_CASE("a lowered LeNet-5 with biases, max pools and a flatten keeps both promises at 1 to 8 bits") {
  for (int bits = 1; bits <= 8; ++bits) {
    AnyLayers<>::Options options;
    options.weight_bits = options.activation_bits = bits;
    AnyLayers<double>::Options twin_options;
    twin_options.weight_bits = twin_options.activation_bits = bits;
    const LeNet5Config config{{16, 16, 1}, 10};
    LeNet5<AnyLayers<>> net(config, options);
    LeNet5<AnyLayers<double>> twin(config, twin_options);
    check_lowering(net, twin, InputEncoding::unsigned_bytes(1), config.image, {});
  }
}

TEST_CASE("an add is requantized once: one requantization per activation tensor, the residual is a term of it") {
  const auto config = tiny_resnet(ResNetShortcut::kB, 1);
  ResNetCifar<QuantLayers<Lsq, Lsq>> net(config, {.strict = true});
  initialize<float>(net, 1);
  const auto network = lower_model(net, InputEncoding::unsigned_bytes(1), 12, 12);
  int requantizations = 0, convolutions = 0;
  std::vector<std::size_t> terms;
  for (const auto& op : network.ops) {
    convolutions += std::holds_alternative<ConvOp>(op);
    if (const auto* r = std::get_if<RequantizeOp>(&op)) {
      ++requantizations;
      terms.push_back(r->terms.size());
    }
  }
  CHECK(convolutions == 10);  // stem, 6 in blocks, 2 shortcuts, head
  // stem, first and second of three blocks, pool, logits
  CHECK(terms == std::vector<std::size_t>{1, 1, 2, 1, 2, 1, 2, 1, 1});
  CHECK(requantizations == 9);
}

TEST_CASE("a network with quantized weights alone is lowered to float arithmetic and agrees with the float graph") {
  const auto config = tiny_resnet(ResNetShortcut::kA, 1);
  ResNetCifar<QuantLayers<Lsq, Float>> net(config, {.weight_bits = 3});
  initialize<float>(net, 1);
  disturb<float>(net, 2);
  const InputEncoding encoding = InputEncoding::unsigned_bytes(1);
  const auto images = random_images({8, 12, 12, 1}, 3);
  net.set_training(false);
  const Var<float> expected = net(encode_images<float>(images, encoding));
  const auto network = lower_model(net, encoding, 12, 12);
  CHECK(network.arithmetic == deploy::Arithmetic::kFloat);
  const deploy::Engine engine(network);
  std::vector<float> logits(80);
  engine.run_real(images.data(), 8, logits.data());
  for (std::int64_t i = 0; i < 80; ++i)
    CHECK(logits[static_cast<std::size_t>(i)] == doctest::Approx(expected.value()[i]).epsilon(1e-4).scale(1.0));
}

TEST_CASE("evaluation of a quantized model runs the engine, of a float model the graph") {
  ImageDataset data;
  data.images = random_images({30, 16, 16, 1}, 9);
  for (int i = 0; i < 10; ++i) data.classes.push_back(std::to_string(i));
  for (int i = 0; i < 30; ++i) data.labels.push_back(i % 10);
  const InputEncoding encoding = InputEncoding::unsigned_bytes(1);
  const LeNet5Config config{{16, 16, 1}, 10};
  LeNet5<> plain(config);
  LeNet5<QuantLayers<Lsq, Lsq>> quantized(config);
  LeNet5<QuantLayers<Lsq, Float>> weights_only(config);
  initialize<float>(plain, 1);
  initialize<float>(quantized, 1);
  initialize<float>(weights_only, 1);
  CHECK(evaluate(plain, data, encoding).arithmetic == "float graph");
  CHECK(evaluate(quantized, data, encoding).arithmetic == "integer engine");
  CHECK(evaluate(weights_only, data, encoding).arithmetic == "float engine (weights only)");
}

TEST_CASE("what has no integer meaning is refused by op and layer") {
  struct SigmoidNet final : Module<float> {
    QuantLayers<Lsq, Lsq>::Linear first{{}, 4, 4}, second{{}, 4, 2};
    QuantLayers<Lsq, Lsq>::ReLU act{{}};
    SigmoidNet() {
      register_module("first", first);
      register_module("act", act);
      register_module("second", second);
    }
    Var<float> forward(const Var<float>& x) override { return second(sigmoid(act(first(flatten(x))))); }
  } net;
  initialize<float>(net, 1);
  CHECK_THROWS_WITH_AS(lower_model(net, InputEncoding::unsigned_bytes(1), 2, 2), doctest::Contains("'sigmoid'"),
                       Error);

  struct Forgotten final : Module<float> {
    QuantLayers<Lsq, Lsq>::Linear first{{}, 4, 4}, second{{}, 4, 2}, third{{}, 2, 2};
    QuantLayers<Lsq, Lsq>::ReLU act{{}};
    Forgotten() {
      register_module("first", first);
      register_module("second", second);
      register_module("act", act);
      register_module("third", third);
    }
    Var<float> forward(const Var<float>& x) override { return third(act(second(first(flatten(x))))); }
  } forgotten;
  initialize<float>(forgotten, 1);
  CHECK_THROWS_WITH_AS(lower_model(forgotten, InputEncoding::unsigned_bytes(1), 2, 2),
                       doctest::Contains("layer 'second'"), Error);

  LeNet5<> plain({{16, 16, 1}, 10});
  initialize<float>(plain, 1);
  CHECK_THROWS_WITH_AS(lower_model(plain, InputEncoding::unsigned_bytes(1), 16, 16),
                       doctest::Contains("'conv1': its weights carry no integer codes"), Error);
}
