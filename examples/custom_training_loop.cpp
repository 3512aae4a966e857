// A training loop of one's own: batches, forward, backward, update. No Trainer, no hooks.
//
//   custom_training_loop [DIR of the MNIST sample]

#include <cstdio>

#include "bitgrain/bitgrain.hpp"
#include "bitgrain/data/data.hpp"

using namespace bitgrain;

int main(int argc, char** argv) try {
  const DatasetSplits mnist = load_dataset("mnist-sample", argc > 1 ? argv[1] : "examples/data/mnist");
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
    if (step % 10 == 0)
      std::printf("step %3ld  loss %.3f\n", static_cast<long>(step), static_cast<double>(loss.item()));
  }
  const Evaluation result = evaluate(net, mnist.test, encoding);
  std::printf("test accuracy %.2f %% (%s)\n", 100 * result.accuracy(), result.arithmetic.c_str());
} catch (const Error& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 1;
}
