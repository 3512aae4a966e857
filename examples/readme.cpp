#include <cstdio>

#include "bitgrain/bitgrain.hpp"
#include "bitgrain/data/data.hpp"

using namespace bitgrain;

int main() {
  const DatasetSplits mnist = load_dataset("mnist-sample", "examples/data/mnist");
  const InputEncoding encoding = InputEncoding::unsigned_bytes(1);

  LeNet5<QuantLayers<Lsq, Lsq>> net({}, {.weight_bits = 2, .activation_bits = 4});
  initialize(net, /*seed=*/1);
  Adam<float> adam(net.parameters());
  BatchLoader loader(mnist.train, encoding, LoaderOptions::training(/*batch_size=*/64, /*seed=*/1));
  Trainer(net, adam, OneCycle{.max_rate = 2e-3, .steps = 3 * loader.steps()}, loader, {.epochs = 3}).fit();

  const auto integers = lower_model(net, encoding, 28, 28);  // the network that ships
  deploy::save_packed_model(integers, "lenet5.bgm");
  const Evaluation result = evaluate_engine(deploy::Engine(integers), mnist.test);
  std::printf("%.2f %% with %lld bytes of weights\n", 100 * result.accuracy(), (long long)integers.payload_bytes());
}
