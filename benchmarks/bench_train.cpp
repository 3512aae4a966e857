// Whole training steps (forward, cross-entropy, backward, SGD with momentum and weight decay) and engine inference,
// in images/s: the figures a user feels.
//
//   bench_train [--threads=N] [Google Benchmark's options]

#include <benchmark/benchmark.h>

#include <string>

#include "bitgrain/bitgrain.hpp"
#include "threads_flag.hpp"

using namespace bitgrain;

namespace {

constexpr std::int64_t kBatch = 128;

Tensor<std::uint8_t> random_bytes(const Shape& shape) {
  Tensor<std::uint8_t> bytes(shape);
  RandomStream random(1, "bench");
  for (auto& b : bytes.mutable_values()) b = static_cast<std::uint8_t>(random.below(256));
  return bytes;
}

template <class Model>
void train_step(benchmark::State& state, Model& net, const Shape& image, const std::string& quantizer) {
  initialize<float>(net, 1);
  install_quantizers<float>(net, quantizer_factory<float>(quantizer), quantizer_factory<float>(quantizer));
  const auto encoding = InputEncoding::unsigned_bytes(image[2]);
  const auto bytes = random_bytes({kBatch, image[0], image[1], image[2]});
  const std::vector<std::int32_t> labels(kBatch, 3);
  Sgd<float> sgd(net.parameters(),
                 {.learning_rate = 1e-3, .momentum = 0.9, .nesterov = false, .weight_decay = 1e-4, .groups = {}});
  for (auto _ : state) {
    sgd.zero_grad();
    const Var<float> loss = cross_entropy(net(encode_images<float>(bytes, encoding)), labels);
    loss.backward();
    sgd.step();
  }
  state.SetItemsProcessed(state.iterations() * kBatch);
}

AnyLayers<>::Options four_bits() {
  AnyLayers<>::Options options;
  options.weight_bits = options.activation_bits = 4;
  return options;
}

void resnet20_step(benchmark::State& state, const std::string& quantizer) {
  ResNetCifar<AnyLayers<>> net({}, four_bits());
  train_step(state, net, {32, 32, 3}, quantizer);
}
void lenet5_step(benchmark::State& state, const std::string& quantizer) {
  LeNet5<AnyLayers<>> net({}, four_bits());
  train_step(state, net, {28, 28, 1}, quantizer);
}
void resnet20_engine(benchmark::State& state) {
  ResNetCifar<QuantLayers<Lsq, Lsq>> net({}, {.weight_bits = 4, .activation_bits = 4});
  initialize<float>(net, 1);
  const deploy::Engine engine(lower_model(net, InputEncoding::unsigned_bytes(3), 32, 32));
  const auto images = random_bytes({kBatch, 32, 32, 3});
  std::vector<std::int32_t> logits(static_cast<std::size_t>(kBatch * engine.outputs()));
  for (auto _ : state) engine.run(images.data(), kBatch, logits.data());
  state.SetItemsProcessed(state.iterations() * kBatch);
}

}  // namespace

int main(int argc, char** argv) {
  const auto add = [](const char* name, auto body) {
    benchmark::RegisterBenchmark(name, body)->UseRealTime()->Unit(benchmark::kMillisecond);
  };
  add("train_step/bitgrain/resnet20_float", [](benchmark::State& s) { resnet20_step(s, "float"); });
  add("train_step/bitgrain/resnet20_lsq_w4a4", [](benchmark::State& s) { resnet20_step(s, "lsq"); });
  add("train_step/bitgrain/lenet5_float", [](benchmark::State& s) { lenet5_step(s, "float"); });
  add("train_step/bitgrain/lenet5_lsq_w4a4", [](benchmark::State& s) { lenet5_step(s, "lsq"); });
  add("inference/bitgrain/resnet20_w4a4", [](benchmark::State& s) { resnet20_engine(s); });
  return run_benchmarks(argc, argv);
}
