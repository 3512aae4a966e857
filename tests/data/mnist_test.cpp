#include "bitgrain/data/mnist.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "data/idx_bytes.hpp"
#include "data/temporary_folder.hpp"
#include "error_of.hpp"

using namespace bitgrain;
using idx_bytes::gzipped;

TEST_CASE("the four MNIST files are found under both spellings, raw or .gz") {
  for (const std::string separator : {"-", "."}) {
    for (const bool packed : {false, true}) {
      const TemporaryFolder folder;
      const auto put = [&](const std::string& stem, const std::string& kind, const idx_bytes::Bytes& bytes) {
        folder.write(stem + separator + kind + (packed ? ".gz" : ""), packed ? gzipped(bytes) : bytes);
      };
      put("train-images", "idx3-ubyte", idx_bytes::images(20, 4, 4));
      put("train-labels", "idx1-ubyte", idx_bytes::labels(20));
      put("t10k-images", "idx3-ubyte", idx_bytes::images(10, 4, 4));
      put("t10k-labels", "idx1-ubyte", idx_bytes::labels(10));
      const DatasetSplits mnist = load_mnist(folder.path());
      CHECK(mnist.train.size() == 20);
      CHECK(mnist.test.size() == 10);
      CHECK(mnist.train.name == "mnist");
      CHECK(mnist.test.classes[9] == "9");
      CHECK(load_fashion_mnist(folder.path()).train.classes[9] == "Ankle boot");
    }
  }
}

TEST_CASE("a folder without one of the files says which") {
  const TemporaryFolder folder;
  folder.write("train-images-idx3-ubyte", idx_bytes::images(20, 4, 4));
  CHECK(error_of([&] { load_mnist(folder.path()); }) ==
        "folder '" + folder.path() +
            "': expected a file train-labels-idx1-ubyte (or train-labels.idx1-ubyte, raw or .gz), there is none");
}

TEST_CASE("the full MNIST, where it was fetched, has its published statistics") {
  const std::string full = std::string(BITGRAIN_SOURCE_DIR) + "/build/data/mnist";
  if (!std::filesystem::exists(full + "/t10k-labels-idx1-ubyte")) {
    MESSAGE("skipped: examples/data/fetch.sh mnist has not been run");
    return;
  }
  const DatasetSplits mnist = load_mnist(full);
  CHECK(mnist.train.images.shape() == Shape{60000, 28, 28, 1});
  CHECK(mnist.test.images.shape() == Shape{10000, 28, 28, 1});
  const ChannelStatistics statistics = channel_statistics(mnist.train);
  CHECK(statistics.mean[0] * 255 == doctest::Approx(33.318).epsilon(2e-5));
  CHECK(statistics.std[0] * 255 == doctest::Approx(78.567).epsilon(2e-5));
}
