#pragma once

/// MNIST and Fashion-MNIST: a folder with the four IDX files under their usual names.

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "bitgrain/data/class_names.hpp"
#include "bitgrain/data/idx.hpp"

namespace bitgrain {

namespace detail {
// `stem` is "train-images"; the file may be train-images-idx3-ubyte or train-images.idx3-ubyte, raw or .gz.
inline std::string find_idx_file(const std::string& folder, const std::string& stem, const std::string& kind) {
  for (const char* separator : {"-", "."}) {
    for (const char* suffix : {"", ".gz"}) {
      const auto path = (std::filesystem::path(folder) / (stem + separator + kind + suffix)).string();
      std::error_code error;
      if (std::filesystem::is_regular_file(path, error)) return path;
    }
  }
  fail("folder '", folder, "': expected a file ", stem, "-", kind, " (or ", stem, ".", kind,
       ", raw or .gz), there is none");
}

inline DatasetSplits load_mnist_files(const std::string& folder, const std::vector<std::string>& classes,
                                      const std::string& name) {
  const auto part = [&](const std::string& stem) {
    const std::string images = find_idx_file(folder, stem + "-images", "idx3-ubyte");
    const std::string labels = find_idx_file(folder, stem + "-labels", "idx1-ubyte");
    return load_idx(images, labels, classes, name);
  };
  return {part("train"), part("t10k")};
}
}  // namespace detail

/// MNIST from `folder`: images [N,28,28,1], digits 0..9.
inline DatasetSplits load_mnist(const std::string& folder) {
  return detail::load_mnist_files(folder, mnist_classes(), "mnist");
}

/// Fashion-MNIST from `folder`: images [N,28,28,1], ten kinds of clothes.
inline DatasetSplits load_fashion_mnist(const std::string& folder) {
  return detail::load_mnist_files(folder, fashion_mnist_classes(), "fashion-mnist");
}

}  // namespace bitgrain
