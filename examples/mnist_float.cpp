// Trains LeNet-5 in float on the MNIST sample that ships with the repository.
//
//   mnist_float [DIR of the MNIST sample] [EPOCHS]

#include <cstdio>
#include <cstdlib>

#include "bitgrain/bitgrain.hpp"
#include "bitgrain/data/data.hpp"

using namespace bitgrain;

namespace {
struct PrintEpochs final : TrainHook {
  void on_epoch_end(TrainState& state) override {
    std::printf("epoch %d/%d  loss %.4f  train %.2f %%  test %.2f %%  %.0f images/s\n", state.epoch + 1, state.epochs,
                state.loss, 100 * state.accuracy, 100 * state.evaluation->accuracy(), state.images_per_second);
  }
};
}  // namespace

int main(int argc, char** argv) try {
  const DatasetSplits mnist = load_dataset("mnist-sample", argc > 1 ? argv[1] : "examples/data/mnist");
  const int epochs = argc > 2 ? std::atoi(argv[2]) : 5;
  const InputEncoding encoding = InputEncoding::unsigned_bytes(1);

  LeNet5<> net;  // LeNet5<FloatLayers<float>>
  initialize(net, /*seed=*/1);
  BatchLoader loader(mnist.train, encoding, LoaderOptions::training(/*batch_size=*/128, /*seed=*/1));
  AdamW<float> optimizer(net.parameters(), {.learning_rate = 2e-3, .weight_decay = 0.01});
  const OneCycle schedule{.max_rate = 2e-3, .steps = epochs * loader.steps()};

  TrainOptions options;
  options.epochs = epochs;
  options.validation = &mnist.test;
  Trainer trainer(net, optimizer, schedule, loader, options);
  PrintEpochs print;
  trainer.add_hook(print);
  std::printf("%s\nthreads %d, compiled for %s\n", net.describe().c_str(), num_threads(), compiled_for());
  trainer.fit();
} catch (const Error& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 1;
}
