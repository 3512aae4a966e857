#pragma once

/// Sheets: many small images in one PNG, one row of the sheet = one image of H * W * C bytes (RGB sheets have W' = H
/// * W pixels per row). Labels stand beside in a text file, one number per line. Small, and any image viewer opens
/// it.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bitgrain/data/class_names.hpp"
#include "bitgrain/data/dataset.hpp"
#include "bitgrain/data/image.hpp"

namespace bitgrain {

/// The images of a sheet, [rows of the sheet, height, width, channels]. Throws Error if its rows have another length.
inline Tensor<std::uint8_t> read_sheet(const std::string& path, std::int64_t height, std::int64_t width,
                                       int channels) {
  const Tensor<std::uint8_t> sheet = decode_image(path, channels);
  BITGRAIN_CHECK(sheet.shape()[1] == height * width, "file '", path, "': expected a sheet with rows of ", height,
                 " x ", width, " = ", height * width, " pixels, got rows of ", sheet.shape()[1]);
  return sheet.reshape({-1, height, width, channels});
}

/// Numbers in 0..classes-1, one per line. Throws Error with the offset of what is not one.
inline std::vector<std::int32_t> read_label_text(const std::string& path, std::int64_t classes) {
  const std::vector<std::uint8_t> text = read_file_bytes(path, std::uint64_t{1} << 30);
  std::vector<std::int32_t> labels;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    std::int64_t label = 0;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9' && at - begin < 9)
      label = 10 * label + (text[at++] - '0');
    const bool number = at > begin;
    if (at < text.size() && text[at] == '\r') ++at;
    BITGRAIN_CHECK(
        number && (at == text.size() || text[at] == '\n') && label < classes, "file '", path, "', offset ", begin,
        ": expected a label in 0..", classes - 1, " on a line of its own, got '",
        std::string_view(reinterpret_cast<const char*>(&text[begin]), std::min<std::size_t>(text.size() - begin, 12)),
        "'");
    ++at;
    labels.push_back(static_cast<std::int32_t>(label));
  }
  return labels;
}

/// A data set of a sheet and a label file.
inline ImageDataset load_sheet(const std::string& sheet_path, const std::string& labels_path, std::int64_t height,
                               std::int64_t width, int channels, std::vector<std::string> classes, std::string name) {
  ImageDataset dataset;
  dataset.images = read_sheet(sheet_path, height, width, channels);
  dataset.labels = read_label_text(labels_path, static_cast<std::int64_t>(classes.size()));
  BITGRAIN_CHECK(static_cast<std::int64_t>(dataset.labels.size()) == dataset.size(), "file '", sheet_path, "' has ",
                 dataset.size(), " images, but file '", labels_path, "' has ", dataset.labels.size(), " labels");
  dataset.classes = std::move(classes);
  dataset.name = std::move(name);
  return dataset;
}

/// The MNIST subset that ships with bitgrain in examples/data/mnist: 10000 training and 2000 test images,
/// [N,28,28,1], equally many of every digit.
inline DatasetSplits load_mnist_sample(const std::string& folder) {
  const std::filesystem::path root(folder);
  const auto part = [&](const std::string& stem) {
    return load_sheet((root / (stem + ".png")).string(), (root / (stem + "_labels.txt")).string(), 28, 28, 1,
                      mnist_classes(), "mnist-sample");
  };
  return {part("train"), part("test")};
}

}  // namespace bitgrain
