#include "bitgrain/data/data.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace bitgrain;

TEST_CASE("from the shipped files to normalised training batches, with the umbrella header alone") {
  const DatasetSplits mnist = load_dataset("mnist-sample", std::string(BITGRAIN_SOURCE_DIR) + "/examples/data/mnist");
  const ChannelStatistics statistics = channel_statistics(mnist.train);
  BatchLoader loader(mnist.train, InputEncoding::normalised(statistics.mean, statistics.std),
                     LoaderOptions::training(100, 1, {2, false}));
  CHECK(loader.steps() == 100);
  loader.begin_epoch(1);
  double sum = 0;
  std::int64_t count = 0;
  std::vector<bool> seen(10000);
  for (std::int64_t s = 0; s < loader.steps(); ++s) {
    const Batch batch = loader.batch(s);
    for (const std::int64_t i : batch.indices) seen[static_cast<std::size_t>(i)] = true;
    for (const float v : batch.images.values()) sum += v;
    count += batch.images.numel();
  }
  CHECK(std::count(seen.begin(), seen.end(), true) == 10000);
  // Normalised: mean 0 up to the rounding to codes and the digits' rare losses at the border.
  CHECK(std::abs(sum / static_cast<double>(count)) < 0.02);
}
