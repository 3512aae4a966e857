// Loading the images that the options ask for.

#include <filesystem>

#include "bitgrain/data/load_dataset.hpp"
#include "shared_options.hpp"

namespace cli {

namespace {

namespace fs = std::filesystem;

// Where a data set is if nobody says: the shipped sample beside this source, the others where fetch.sh puts them.
std::string default_folder(const std::string& data) {
  const std::string below = data == "mnist-sample" ? "examples/data/mnist" : "build/data/" + data;
  for (const fs::path& root : {fs::path("."), fs::path(BITGRAIN_SOURCE_DIR)})
    if (fs::is_directory(root / below)) return (root / below).lexically_normal().string();
  bitgrain::fail("--data ", data, ": there is no folder ", below, "; give --data-dir",
                 data == "mnist" || data == "fashion-mnist" || data == "cifar10"
                     ? ", or fetch it: examples/data/fetch.sh " + data
                     : "");
}

bitgrain::ImageDataset cut(const bitgrain::ImageDataset& images, std::int64_t count, const char* option) {
  if (count == 0) return images;
  const std::int64_t per_class = count / images.num_classes();
  if (per_class < 1)
    throw UsageError(bitgrain::detail::concat(option, ": needs at least one image for each of the ",
                                              images.num_classes(), " classes, got ", count));
  return images.stratified(per_class);
}

}  // namespace

bitgrain::DatasetSplits DataOptions::load() const {
  if (data == "folder" && dir.empty()) throw UsageError("--data folder: say where with --data-dir");
  bitgrain::DatasetSplits splits = bitgrain::load_dataset(data, dir.empty() ? default_folder(data) : dir, channels);
  splits.train = cut(splits.train, train_images, "--train-images");
  splits.test = cut(splits.test, test_images, "--test-images");
  return splits;
}

bitgrain::InputEncoding DataOptions::encoding(const bitgrain::ImageDataset& train) const {
  if (input == "bytes") return bitgrain::InputEncoding::unsigned_bytes(train.channels());
  const bitgrain::ChannelStatistics statistics = bitgrain::channel_statistics(train);
  return bitgrain::InputEncoding::normalised(statistics.mean, statistics.std);
}

}  // namespace cli
