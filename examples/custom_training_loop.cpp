// A training loop of one's own: batches, forward, backward, update. No Trainer, no hooks.
#include <cstdio>

#include "bitgrain/bitgrain.hpp"
#include "bitgrain/data/data.hpp"

using namespace bitgrain;

int main() {
  const DatasetSplits mnist = load_dataset("mnist-sample", "examples/data/mnist");
  const InputEncoding encoding = InputEncoding::unsigned_bytes(1);

  LeNet5<QuantLayers<Lsq, Lsq>> net({}, {.weight_bits = 2, .activation_bits = 2});
  initialize(net, /*seed=*/1);
  Adam<float> adam(net.parameters(), {.learning_rate = 1e-3});
  BatchLoader loader(mnist.train, encoding, LoaderOptions::training(/*batch_size=*/100, /*seed=*/1));

  for (std::int64_t step = 0; step < loader.steps(); ++step) {
    const Batch batch = loader.batch(step);
    adam.zero_grad();
    const Var<float> loss = cross_entropy(net(batch_input(batch, encoding)), batch.labels);
    loss.backward();
    adam.step();
    if (step % 10 == 0) std::printf("step %3d  loss %.3f\n", int(step), double(loss.item()));
  }
  const Evaluation result = evaluate(net, mnist.test, encoding);
  std::printf("test accuracy %.2f %% (%s)\n", 100 * result.accuracy(), result.arithmetic.c_str());
}
