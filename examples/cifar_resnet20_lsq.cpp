// ResNet-20 on CIFAR-10 with LSQ at 4 bits, from scratch in one cycle. First fetch the data:
//
//   examples/data/fetch.sh cifar10
//   cifar_resnet20_lsq [--float] [DIR of CIFAR-10] [EPOCHS]

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "bitgrain/bitgrain.hpp"
#include "bitgrain/data/data.hpp"

using namespace bitgrain;

namespace {
struct Print final : TrainHook {
  void on_step_end(TrainState& s) override {
    if (s.step % 50 == 0) {
      std::printf("\rstep %ld/%ld  loss %.3f  train %.2f %%  %.0f images/s ", static_cast<long>(s.step),
                  static_cast<long>(s.total_steps()), s.loss, 100 * s.accuracy, s.images_per_second);
      std::fflush(stdout);
    }
  }
  void on_epoch_end(TrainState& s) override {
    std::printf("\repoch %d/%d  loss %.4f  train %.2f %%  test %.2f %% (%s)  %.0f images/s\n", s.epoch + 1, s.epochs,
                s.loss, 100 * s.accuracy, 100 * s.evaluation->accuracy(), s.evaluation->arithmetic.c_str(),
                s.images_per_second);
  }
};
}  // namespace

int main(int argc, char** argv) try {
  const bool in_float = argc > 1 && std::strcmp(argv[1], "--float") == 0;
  if (in_float) --argc, ++argv;
  const DatasetSplits cifar = load_dataset("cifar10", argc > 1 ? argv[1] : "build/data/cifar10");
  const int epochs = argc > 2 ? std::atoi(argv[2]) : 2;
  const ChannelStatistics statistics = channel_statistics(cifar.train);
  const InputEncoding encoding = InputEncoding::normalised(statistics.mean, statistics.std);

  AnyLayers<>::Options options;
  options.weight_bits = options.activation_bits = 4;
  ResNetCifar<AnyLayers<>> net({}, options);  // depth 20, shortcut A
  initialize(net, /*seed=*/1);
  const auto quantizer = quantizer_factory<float>(in_float ? "float" : "lsq");
  install_quantizers(net, quantizer, quantizer);

  BatchLoader loader(cifar.train, encoding, LoaderOptions::training(128, /*seed=*/1, {.pad = 4, .flip = true}));
  Sgd<float> sgd(net.parameters(),
                 {.learning_rate = 0.2, .momentum = 0.9, .nesterov = true, .weight_decay = 5e-4, .groups = {}});
  TrainOptions train;
  train.epochs = epochs;
  train.validation = &cifar.test;
  Trainer trainer(net, sgd, OneCycle{.max_rate = 0.2, .steps = epochs * loader.steps(), .rise = 0.2}, loader, train);
  Print print;
  trainer.add_hook(print);
  std::printf("%s, %s, threads %d, compiled for %s\n", net.describe().c_str(), in_float ? "float" : "LSQ W4A4",
              num_threads(), compiled_for());
  trainer.fit();
} catch (const Error& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 1;
}
