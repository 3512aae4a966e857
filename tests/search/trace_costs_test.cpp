#include "bitgrain/search/trace_costs.hpp"

#include <doctest/doctest.h>

#include "bitgrain/models/lenet5.hpp"
#include "bitgrain/models/resnet_cifar.hpp"
#include "bitgrain/nn/initialize.hpp"
#include "bitgrain/quant/install.hpp"
#include "bitgrain/quant/quant_layers.hpp"
#include "bitgrain/train/lower_model.hpp"

using namespace bitgrain;

namespace {
Var<float> blank(const Shape& image) {
  return encode_images<float>(Tensor<std::uint8_t>({1, image[0], image[1], image[2]}, std::uint8_t{0}),
                              InputEncoding::unsigned_bytes(image[2]));
}
}  // namespace

TEST_CASE("ResNet-20's published volumes: 268,336 weights, 40.55 M MACs, 188,416 activations, largest map 16,384") {
  ResNetCifar<AnyLayers<>> net;
  initialize<float>(net, 1);
  const NetworkCosts costs = trace_costs(net, blank({32, 32, 3}));
  CHECK(costs.layers.size() == 20);
  std::int64_t weights = 0, macs = 0, activations = 0, largest = 0;
  for (const auto& layer : costs.layers) {
    weights += layer.weights;
    macs += layer.macs;
  }
  for (const auto& tensor : costs.tensors) {
    if (tensor.name == "input" || tensor.name == "pool.act") continue;
    activations += tensor.elements;
    largest = std::max(largest, tensor.elements);
  }
  CHECK(weights == 268336);
  CHECK(macs == 40551040);
  CHECK(activations == 188416);
  CHECK(largest == 16384);
  CHECK(costs.tensors.front().fixed_bits == 8);
  for (const auto& layer : costs.layers) {  // what is measured is what is counted
    CHECK(layer.geometry.macs() == layer.macs);
    CHECK(layer.geometry.weight_size() == layer.weights);
    CHECK(layer.latency.empty());
  }
  for (const auto& tensor : costs.tensors) CHECK_FALSE(tensor.is_signed);
  CHECK(costs.tensors.back().name == "pool.act");
  CHECK(costs.tensors.back().fixed_bits == 8);
}

TEST_CASE("layers read the tensors that their inputs come from, through pools and flatten, in float and quantized") {
  LeNet5<AnyLayers<>> net({{16, 16, 1}, 10});
  initialize<float>(net, 1);
  NetworkCosts seen[2];
  for (int k = 0; k < 2; ++k) {
    const auto quantizer = quantizer_factory<float>(k == 0 ? "float" : "lsq");
    install_quantizers<float>(net, quantizer, quantizer);
    seen[k] = trace_costs(net, blank({16, 16, 1}));
    REQUIRE(seen[k].layers.size() == 4);
    CHECK(seen[k].layers[0].input_tensor == "input");
    CHECK(seen[k].layers[1].input_tensor == "act1");
    CHECK(seen[k].layers[2].input_tensor == "act2");
    CHECK(seen[k].layers[3].input_tensor == "act3");
    CHECK(seen[k].tensors.size() == 4);
  }
  CHECK(seen[0].layers[1].macs == seen[1].layers[1].macs);
  // act1 is alive until the second convolution has read it, and no longer
  CHECK(seen[0].tensors[1].last_step < seen[0].tensors[3].first_step);
}
