#include "bitgrain/data/load_dataset.hpp"

#include <doctest/doctest.h>

#include <string>

#include "bitgrain/data/png_writer.hpp"
#include "data/idx_bytes.hpp"
#include "data/temporary_folder.hpp"
#include "error_of.hpp"

using namespace bitgrain;

TEST_CASE("every name in the help text is known: it looks for its own files") {
  const TemporaryFolder folder;
  std::string names(kDatasetNames);
  int count = 0;
  for (std::size_t begin = 0, end = 0; end != std::string::npos; begin = end + 2, ++count) {
    end = names.find(", ", begin);
    const std::string name = names.substr(begin, end == std::string::npos ? end : end - begin);
    const std::string message = error_of([&] { load_dataset(name, folder.path()); });
    CAPTURE(name);
    CHECK(contains(message, folder.path()));
    CHECK_FALSE(contains(message, "is not known"));
  }
  CHECK(count == 6);
  CHECK(error_of([&] { load_dataset("imagenet", folder.path()); }) ==
        "data set 'imagenet' is not known; expected one of " + names);
}

TEST_CASE("mnist and fashion-mnist read the same files under other class names") {
  const TemporaryFolder folder;
  for (const std::string stem : {"train", "t10k"}) {
    folder.write(stem + "-images-idx3-ubyte", idx_bytes::images(10, 4, 4));
    folder.write(stem + "-labels-idx1-ubyte", idx_bytes::labels(10));
  }
  CHECK(load_dataset("mnist", folder.path()).train.classes[0] == "0");
  CHECK(load_dataset("fashion-mnist", folder.path()).test.classes[0] == "T-shirt/top");
}

TEST_CASE("folder reads train and test, which must have the same classes and sizes") {
  const TemporaryFolder folder;
  const auto put = [&](const std::string& name, std::int64_t height) {
    write_png(folder / name, Tensor<std::uint8_t>(Shape{height, 4, 1}, 9));
  };
  put("train/a/1.png", 4);
  put("train/b/1.png", 4);
  put("test/a/1.png", 4);
  CHECK(contains(error_of([&] { load_dataset("folder", folder.path(), 1); }), "subfolders of the same names"));
  put("test/b/1.png", 4);
  const DatasetSplits splits = load_dataset("folder", folder.path(), 1);
  CHECK(splits.train.images.shape() == Shape{2, 4, 4, 1});
  CHECK(splits.test.size() == 2);
  put("test/a/1.png", 5);
  put("test/b/1.png", 5);
  CHECK(contains(error_of([&] { load_dataset("folder", folder.path(), 1); }),
                 "train images are 4 x 4, test images 5 x 4"));
}
