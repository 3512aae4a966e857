// The whole path on the MNIST sample: train ResNet-8 in float, let LIMPQ decide how many bits each layer gets under a
// budget, fine-tune, lower to integers, pack. examples/run.sh runs it and then verify_model on what it packed.
//
//   mnist_limpq [DIR of the MNIST sample] [DIR for the results]

#include <chrono>
#include <cstdio>
#include <filesystem>

#include "bitgrain/bitgrain.hpp"
#include "bitgrain/data/data.hpp"
#include "bitgrain/run/allocation_json.hpp"
#include "bitgrain/run/console.hpp"
#include "bitgrain/run/json_file.hpp"
#include "bitgrain/run/progress.hpp"

using namespace bitgrain;

namespace {

constexpr double kAverageWeightBits = 3.0;
constexpr int kActivationBits = 4;

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

void train_float(Module<float>& net, const SearchData& data, TrainHook& progress) {
  constexpr int kEpochs = 12;
  BatchLoader loader(data.train, data.encoding, LoaderOptions::training(32, /*seed=*/1, {.pad = 2, .flip = false}));
  Sgd<float> sgd(net.parameters(),
                 {.learning_rate = 0.2, .momentum = 0.9, .nesterov = true, .weight_decay = 5e-4, .groups = {}});
  TrainOptions options;
  options.epochs = kEpochs;
  Trainer trainer(net, sgd, OneCycle{.max_rate = 0.2, .steps = kEpochs * loader.steps()}, loader, options);
  trainer.add_hook(progress);
  trainer.fit();
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string data_dir = argc > 1 ? argv[1] : "examples/data/mnist";
  const std::filesystem::path out = argc > 2 ? argv[2] : "runs/quickstart";
  std::filesystem::create_directories(out);
  const DatasetSplits mnist = load_dataset("mnist-sample", data_dir);
  const ChannelStatistics statistics = channel_statistics(mnist.train);
  const InputEncoding encoding = InputEncoding::normalised(statistics.mean, statistics.std);
  const SearchData data{mnist.train, encoding, &mnist.test};

  const ResNetCifarConfig config{.depth = 8, .image = {28, 28, 1}};
  ResNetCifar<AnyLayers<>> net(config);
  initialize(net, /*seed=*/1);
  say(net.describe() + ", " + std::to_string(net.parameter_count()) + " parameters; " +
      std::to_string(num_threads()) + " threads, compiled for " + compiled_for());

  say("\n1. Training in float");
  Console console(stdout);
  ProgressHook progress(console);
  train_float(net, data, progress);
  const Evaluation in_float = evaluate(net, mnist.test, encoding);

  say("\n2. Searching bits with LIMPQ: at most 3 weight bits on average, activations at 4");
  LimpqOptions limpq_options;
  limpq_options.epochs = 1;
  limpq_options.batch_size = 128;
  LimpqSearch limpq(limpq_options);
  SearchOptions options;
  options.activation_level = kActivationBits;
  options.finetune.epochs = 8;
  options.finetune.learning_rate = 0.03;
  options.finetune.batch_size = 32;
  options.hooks = {&progress};
  options.log = say;
  Budget budget;
  budget.average_weight_bits = kAverageWeightBits;
  const SearchResult found = search(limpq, net, data, budget, options);

  say("\n3. Lowering to integers and packing");
  const Evaluation fake_quantized = evaluate_graph(net, mnist.test, encoding);
  const deploy::IntegerNetwork network =
      lower_model(net, encoding, mnist.test.height(), mnist.test.width(), {"resnet8-mnist", mnist.test.classes});
  const Evaluation in_integers = evaluate_engine(deploy::Engine(network), mnist.test);
  deploy::save_packed_model(network, (out / "model.bgm").string());

  // The double twin: the same training graph, evaluated in double on the engine's own codes.
  ResNetCifar<AnyLayers<double>> twin(config);
  install_quantizers(twin, quantizer_factory<double>("lsq"), quantizer_factory<double>("lsq"), found.allocation);
  copy_state(net, twin);
  const WitnessReport witness = compare_with_double(twin, network, encoding, mnist.test.images);

  write_allocation((out / "allocation.json").string(), found.allocation);
  write_json_file((out / "summary.json").string(), Json{{"float_accuracy", in_float.accuracy()},
                                                        {"quantized_accuracy", fake_quantized.accuracy()},
                                                        {"integer_accuracy", in_integers.accuracy()},
                                                        {"float_code_flips", witness.worst_share()},
                                                        {"largest_code_difference", witness.largest_difference()},
                                                        {"average_weight_bits", found.costs.average_weight_bits},
                                                        {"distinct_weight_bits", found.costs.distinct_weight_bits},
                                                        {"payload_bytes", found.costs.payload_bytes}});
  say("results in " + out.string());
} catch (const Error& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 1;
}
