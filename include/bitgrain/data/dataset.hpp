#pragma once

/// Labelled images in memory, as bytes. What every reader of this folder returns and every loader takes.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "bitgrain/tensor/tensor.hpp"

namespace bitgrain {

/// Images as bytes with one label each. Copies share the images.
struct ImageDataset {
  Tensor<std::uint8_t> images;       ///< [N,H,W,C], 0..255
  std::vector<std::int32_t> labels;  ///< N, each an index into `classes`
  std::vector<std::string> classes;  ///< names for people, in label order
  std::string name;                  ///< "mnist", "cifar10", ...; appears in messages and reports

  std::int64_t size() const { return images.defined() ? images.shape()[0] : 0; }
  std::int64_t height() const { return images.shape()[1]; }
  std::int64_t width() const { return images.shape()[2]; }
  std::int64_t channels() const { return images.shape()[3]; }
  std::int64_t num_classes() const { return static_cast<std::int64_t>(classes.size()); }

  /// Throws Error unless images are [N,H,W,C] with N >= 1, there is one label per image, and every label names a
  /// class.
  void validate() const {
    BITGRAIN_CHECK(images.defined() && images.shape().rank() == 4 && images.numel() > 0, "data set '", name,
                   "': images must be [N,H,W,C] with at least one image, got ", images.shape());
    BITGRAIN_CHECK(static_cast<std::int64_t>(labels.size()) == size(), "data set '", name, "': ", size(),
                   " images need as many labels, got ", labels.size());
    for (std::size_t i = 0; i < labels.size(); ++i)
      BITGRAIN_CHECK(labels[i] >= 0 && labels[i] < num_classes(), "data set '", name, "': label ", labels[i],
                     " of image ", i, " is not in 0..", num_classes() - 1);
  }

  /// The images at `indices`, in that order (repeats allowed), with storage of their own.
  ImageDataset subset(std::span<const std::int64_t> indices) const {
    BITGRAIN_CHECK(!indices.empty(), "a subset of data set '", name, "' needs at least one image, got none");
    const std::int64_t bytes = height() * width() * channels();
    const auto count = static_cast<std::int64_t>(indices.size());
    ImageDataset result{Tensor<std::uint8_t>(Shape{count, height(), width(), channels()}), {}, classes, name};
    result.labels.reserve(indices.size());
    std::uint8_t* to = result.images.mutable_data();
    for (const std::int64_t index : indices) {
      BITGRAIN_CHECK(index >= 0 && index < size(), "data set '", name, "' has images 0..", size() - 1, ", asked for ",
                     index);
      std::memcpy(to, images.data() + index * bytes, static_cast<std::size_t>(bytes));
      to += bytes;
      result.labels.push_back(labels[static_cast<std::size_t>(index)]);
    }
    return result;
  }

  /// The first `count` images; shares storage. Throws Error if there are fewer.
  ImageDataset head(std::int64_t count) const {
    BITGRAIN_CHECK(count >= 1 && count <= size(), "data set '", name, "' has ", size(),
                   " images, asked for the first ", count);
    return {
        images.slice(0, count), {labels.begin(), labels.begin() + static_cast<std::ptrdiff_t>(count)}, classes, name};
  }

  /// How many images each class has.
  std::vector<std::int64_t> class_counts() const {
    std::vector<std::int64_t> counts(classes.size(), 0);
    for (const std::int32_t label : labels) ++counts[static_cast<std::size_t>(label)];
    return counts;
  }

  /// The first `per_class` images of every class, in file order. Throws Error if a class has fewer.
  ImageDataset stratified(std::int64_t per_class) const { return subset(stratified_indices(per_class, true)); }

  /// What `stratified(per_class)` leaves behind, in file order: hold one out, train on the other.
  ImageDataset without_stratified(std::int64_t per_class) const {
    return subset(stratified_indices(per_class, false));
  }

 private:
  std::vector<std::int64_t> stratified_indices(std::int64_t per_class, bool taken) const {
    BITGRAIN_CHECK(per_class >= 1, "a stratified subset needs at least 1 image per class, asked for ", per_class);
    std::vector<std::int64_t> seen(classes.size(), 0), indices;
    for (std::int64_t i = 0; i < size(); ++i) {
      std::int64_t& count = seen[static_cast<std::size_t>(labels[static_cast<std::size_t>(i)])];
      if ((count++ < per_class) == taken) indices.push_back(i);
    }
    for (std::size_t c = 0; c < classes.size(); ++c)
      BITGRAIN_CHECK(seen[c] >= per_class, "data set '", name, "': class '", classes[c], "' has ", seen[c],
                     " images, asked for ", per_class);
    return indices;
  }
};

/// A data set that comes in two parts.
struct DatasetSplits {
  ImageDataset train, test;
};

/// Mean and standard deviation of each channel, of pixel / 255.
struct ChannelStatistics {
  std::vector<double> mean, std;
};

/// Statistics over all pixels of all images, from a histogram of the bytes of each channel: sums of integers, exact
/// before the last divisions. (sum v^2 <= 2^16 * pixels stays below 2^64 for 2^48 pixels.)
inline ChannelStatistics channel_statistics(const ImageDataset& dataset) {
  dataset.validate();
  const auto channels = static_cast<std::size_t>(dataset.channels());
  const auto pixels = static_cast<std::size_t>(dataset.images.numel()) / channels;
  std::vector<std::uint64_t> histogram(256 * channels);
  const std::uint8_t* byte = dataset.images.data();
  for (std::size_t p = 0; p < pixels; ++p)
    for (std::size_t c = 0; c < channels; ++c) ++histogram[256 * c + *byte++];
  ChannelStatistics result;
  for (std::size_t c = 0; c < channels; ++c) {
    std::uint64_t sum = 0, squares = 0;
    for (std::uint64_t v = 0; v < 256; ++v) {
      sum += histogram[256 * c + v] * v;
      squares += histogram[256 * c + v] * v * v;
    }
    const double mean = static_cast<double>(sum) / static_cast<double>(pixels);
    const double mean_square = static_cast<double>(squares) / static_cast<double>(pixels);
    result.mean.push_back(mean / 255.0);
    result.std.push_back(std::sqrt(std::max(0.0, mean_square - mean * mean)) / 255.0);
  }
  return result;
}

}  // namespace bitgrain
