#pragma once

/// Data sets by name, for programs that take the name from the user.

#include <filesystem>
#include <string>
#include <string_view>

#include "bitgrain/data/cifar.hpp"
#include "bitgrain/data/image_folder.hpp"
#include "bitgrain/data/mnist.hpp"
#include "bitgrain/data/sheet.hpp"

namespace bitgrain {

/// The names that load_dataset knows, for help texts.
inline constexpr std::string_view kDatasetNames = "mnist-sample, mnist, fashion-mnist, cifar10, cifar100, folder";

/// Loads the training and the test part of a data set from the folder `dir`:
///
///     mnist-sample          examples/data/mnist of the bitgrain repository
///     mnist, fashion-mnist  the four IDX files, raw or .gz
///     cifar10, cifar100     the official binary files (CIFAR-100 with its 100 fine labels)
///     folder                dir/train/<class>/<image> and dir/test/<class>/<image>, `channels` 1 or 3
///
/// Throws Error for any other name, and if something is wrong with the files.
inline DatasetSplits load_dataset(std::string_view name, const std::string& dir, int channels = 3) {
  if (name == "mnist-sample") return load_mnist_sample(dir);
  if (name == "mnist") return load_mnist(dir);
  if (name == "fashion-mnist") return load_fashion_mnist(dir);
  if (name == "cifar10") return load_cifar10(dir);
  if (name == "cifar100") return load_cifar100(dir);
  if (name == "folder") {
    const std::filesystem::path root(dir);
    DatasetSplits splits{load_image_folder((root / "train").string(), channels),
                         load_image_folder((root / "test").string(), channels)};
    BITGRAIN_CHECK(splits.train.classes == splits.test.classes, "folder '", dir,
                   "': train and test must have subfolders of the same names");
    BITGRAIN_CHECK(splits.train.height() == splits.test.height() && splits.train.width() == splits.test.width(),
                   "folder '", dir, "': train images are ", splits.train.height(), " x ", splits.train.width(),
                   ", test images ", splits.test.height(), " x ", splits.test.width());
    return splits;
  }
  fail("data set '", name, "' is not known; expected one of ", kDatasetNames);
}

}  // namespace bitgrain
