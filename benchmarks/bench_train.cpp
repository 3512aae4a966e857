// Whole training steps (forward, cross-entropy, backward, SGD with momentum and weight decay) in images/s: the
// figures a user feels.
//
//   bench_train [--threads=N] [Google Benchmark's options]
//
// Rows: train_step/bitgrain/<resnet20 | lenet5 | vgg7>_<fp32 | bf16 | lsq_w4a4 | lsq_w4a4_bf16 | lsq_w8a8 |
// lsq_w8a8_bf16>. bf16: the precision of the backward passes of convolutions. They also say how much resident memory
// the training added (peak_MiB: peak minus before the model was built; of the first row of a process only), and how
// many page faults a step takes once it has settled (faults_per_step).

#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <utility>

#include "bitgrain/bitgrain.hpp"
#include "resident_memory.hpp"
#include "threads_flag.hpp"

using namespace bitgrain;

namespace {

Tensor<std::uint8_t> random_bytes(const Shape& shape) {
  Tensor<std::uint8_t> bytes(shape);
  RandomStream random(1, "bench");
  for (auto& b : bytes.mutable_values()) b = static_cast<std::uint8_t>(random.below(256));
  return bytes;
}

struct Problem {
  const char* name;
  std::int64_t batch;
  Shape image;  // [H,W,C]
};
const Problem kResNet20{"resnet20", 128, {32, 32, 3}};
const Problem kLeNet5{"lenet5", 128, {28, 28, 1}};
const Problem kVgg7{"vgg7", 100, {32, 32, 3}};

template <class MakeModel>
void train_step(benchmark::State& state, const std::string& row, const Problem& problem, GradPrecision precision,
                MakeModel make_model) {
  set_grad_precision(precision);
  // Later runs find memory that the system's allocator keeps, so only the first one of a process counts; Google
  // Benchmark repeats it with more steps for a better time.
  static std::string measured_row;
  static double measured_mib = 0;
  const bool first_run = measured_row.empty();
  if (first_run) measured_row = row;
  const double before = resident_kib("VmRSS");
  const auto model = make_model();
  const auto encoding = InputEncoding::unsigned_bytes(problem.image[2]);
  const auto bytes = random_bytes({problem.batch, problem.image[0], problem.image[1], problem.image[2]});
  const std::vector<std::int32_t> labels(static_cast<std::size_t>(problem.batch), 3);
  Sgd<float> sgd(model->parameters(),
                 {.learning_rate = 1e-3, .momentum = 0.9, .nesterov = false, .weight_decay = 1e-4, .groups = {}});
  const auto step = [&] {
    sgd.zero_grad();
    const Var<float> loss = cross_entropy((*model)(encode_images<float>(bytes, encoding)), labels);
    loss.backward();
    sgd.step();
  };
  for (int i = 0; i < 2; ++i) step();  // the memory pool settles
  const double faults = page_faults();
  for (auto _ : state) step();
  state.SetItemsProcessed(state.iterations() * problem.batch);
  state.counters["faults_per_step"] = (page_faults() - faults) / static_cast<double>(state.iterations());
  if (first_run) measured_mib = (resident_kib("VmHWM") - before) / 1024;
  if (row == measured_row) state.counters["peak_MiB"] = measured_mib;
}

// A network of plain layers, and the same one with LSQ quantizers of 4 and 8 bits, in both precisions of backward.
template <template <class> class Model>
void add_training(const Problem& problem) {
  const auto add = [&](const char* mode, const char* mode_in_bf16, auto make_model) {
    for (const auto& [name, precision] :
         {std::pair{mode, GradPrecision::fp32}, std::pair{mode_in_bf16, GradPrecision::bf16}}) {
      const std::string row = "train_step/bitgrain/" + std::string(problem.name) + "_" + name;
      benchmark::RegisterBenchmark(row.c_str(),
                                   [=, precision = precision](benchmark::State& state) {
                                     train_step(state, row, problem, precision, make_model);
                                   })
          ->UseRealTime()
          ->Unit(benchmark::kMillisecond);
    }
  };
  add("fp32", "bf16", [] {
    auto model = std::make_unique<Model<FloatLayers<>>>();
    initialize<float>(*model, 1);
    return model;
  });
  const auto quantized = [](int bits) {
    typename QuantLayers<Lsq, Lsq>::Options options;
    options.weight_bits = options.activation_bits = bits;
    using Config = std::remove_cvref_t<decltype(std::declval<Model<FloatLayers<>>&>().config())>;
    auto model = std::make_unique<Model<QuantLayers<Lsq, Lsq>>>(Config{}, options);
    initialize<float>(*model, 1);
    return model;
  };
  add("lsq_w4a4", "lsq_w4a4_bf16", [=] { return quantized(4); });
  add("lsq_w8a8", "lsq_w8a8_bf16", [=] { return quantized(8); });
}

}  // namespace

int main(int argc, char** argv) {
  add_training<ResNetCifar>(kResNet20);
  add_training<LeNet5>(kLeNet5);
  add_training<Vgg7>(kVgg7);
  return run_benchmarks(argc, argv);
}
