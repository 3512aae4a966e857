#pragma once

/// Batches of a data set, by (epoch, step): shuffled, augmented, through the input table.
///
/// A batch is a pure function of (seed, epoch, step), so a resumed run asks for the step it needs and goes on
/// exactly as if it had never stopped. Batches are made when they are asked for, by parallel_for on the training
/// threads: a loader thread of its own would compete with them for a core, to save the millisecond that a batch of
/// 128 CIFAR images takes. Memory comes from the pool, so after the first batches no allocation reaches the system.

#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/base/random.hpp"
#include "bitgrain/data/augment.hpp"
#include "bitgrain/data/dataset.hpp"
#include "bitgrain/data/input_table.hpp"

namespace bitgrain {

/// One batch of B images.
struct Batch {
  Tensor<float> images;               ///< [B,H,W,C], real values: what the network is trained on
  Tensor<std::uint8_t> bytes;         ///< [B,H,W,C], the same images after augmentation and before the table
  std::vector<std::int32_t> labels;   ///< B
  std::vector<std::int64_t> indices;  ///< B: where the images stand in the data set

  std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
};

/// How a BatchLoader goes through its data set. The defaults are for evaluation: in order, everything, untouched.
struct LoaderOptions {
  std::int64_t batch_size = 128;
  bool shuffle = false;       ///< a new order every epoch
  bool drop_last = false;     ///< leave out the last batch of an epoch when it is not full
  Augmentation augmentation;  ///< default: none
  std::uint64_t seed = 0;     ///< of the order and the augmentation

  /// For training: shuffled, only full batches.
  static LoaderOptions training(std::int64_t batch_size, std::uint64_t seed, Augmentation augmentation = {}) {
    return {batch_size, true, true, augmentation, seed};
  }
};

/// Makes the batches of one data set. Not thread-safe: one thread asks, all training threads work.
class BatchLoader {
 public:
  /// Starts at epoch 0. Throws Error if the data set is not valid, the encoding has other channels than the images,
  /// or no batch could be made.
  BatchLoader(ImageDataset dataset, InputEncoding encoding, const LoaderOptions& options)
      : dataset_(std::move(dataset)), encoding_(std::move(encoding)), options_(options) {
    dataset_.validate();
    encoding_.validate();
    BITGRAIN_CHECK(encoding_.channels() == dataset_.channels(), "the input table is for ", encoding_.channels(),
                   " channels, the images of '", dataset_.name, "' are ", dataset_.images.shape());
    BITGRAIN_CHECK(options_.batch_size >= 1, "the batch size must be at least 1, got ", options_.batch_size);
    BITGRAIN_CHECK(options_.augmentation.pad >= 0 && options_.augmentation.pad <= 4096,
                   "augmentation pads 0..4096 pixels, got ", options_.augmentation.pad);
    BITGRAIN_CHECK(dataset_.size() < (std::int64_t{1} << 32), "a data set has less than 2^32 images");
    BITGRAIN_CHECK(steps() >= 1, "data set '", dataset_.name, "' has ", dataset_.size(), " images, not one batch of ",
                   options_.batch_size);
    table_ = encoding_.real_table<float>();
    order_.resize(static_cast<std::size_t>(dataset_.size()));
    begin_epoch(0);
  }

  const ImageDataset& dataset() const { return dataset_; }
  const InputEncoding& encoding() const { return encoding_; }
  const LoaderOptions& options() const { return options_; }
  std::int64_t epoch() const { return epoch_; }

  /// Batches per epoch.
  std::int64_t steps() const {
    const std::int64_t full = dataset_.size() / options_.batch_size;
    return full + (!options_.drop_last && full * options_.batch_size < dataset_.size() ? 1 : 0);
  }

  /// Goes to `epoch` (any, in any order): fixes the order of the images, a uniform permutation of its own per epoch.
  void begin_epoch(std::int64_t epoch) {
    BITGRAIN_CHECK(epoch >= 0 && epoch < (std::int64_t{1} << 30), "epochs count 0..2^30 - 1, got ", epoch);
    epoch_ = epoch;
    for (std::size_t i = 0; i < order_.size(); ++i) order_[i] = static_cast<std::uint32_t>(i);
    if (!options_.shuffle) return;
    RandomStream random(options_.seed, "data.shuffle");
    random.set_position(static_cast<std::uint64_t>(epoch) << 32);  // an epoch takes size - 1 < 2^32 numbers
    for (std::size_t i = order_.size(); i > 1; --i)
      std::swap(order_[i - 1], order_[random.below(static_cast<std::uint32_t>(i))]);
  }

  /// Batch `step` of the current epoch, 0 <= step < steps(). The last one may be smaller.
  Batch batch(std::int64_t step) const {
    Batch result;
    fill(step, result);
    return result;
  }

  /// The same into `batch`, whose vectors keep their memory. Its old tensors are let go, not overwritten.
  void fill(std::int64_t step, Batch& batch) const {
    BITGRAIN_CHECK(step >= 0 && step < steps(), "an epoch has batches 0..", steps() - 1, ", asked for ", step);
    const std::int64_t first = step * options_.batch_size;
    const std::int64_t count = std::min(options_.batch_size, dataset_.size() - first);
    batch.labels.resize(static_cast<std::size_t>(count));
    batch.indices.resize(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) {
      const std::uint32_t index = order_[static_cast<std::size_t>(first + i)];
      batch.indices[static_cast<std::size_t>(i)] = index;
      batch.labels[static_cast<std::size_t>(i)] = dataset_.labels[index];
    }
    const Shape shape{count, dataset_.height(), dataset_.width(), dataset_.channels()};
    batch.bytes = {};
    batch.images = {};
    batch.bytes = Tensor<std::uint8_t>(shape);
    batch.images = Tensor<float>(shape);
    make_images(batch.indices, batch.bytes.mutable_data(), batch.images.mutable_data());
  }

 private:
  void make_images(std::span<const std::int64_t> indices, std::uint8_t* bytes, float* reals) const {
    const std::int64_t height = dataset_.height(), width = dataset_.width(), channels = dataset_.channels();
    const std::int64_t image = height * width * channels;
    const std::uint8_t* source = dataset_.images.data();
    constexpr std::int64_t kImagesPerChunk = 8;
    parallel_for(static_cast<std::int64_t>(indices.size()), kImagesPerChunk,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t i = begin; i < end; ++i) {
                     const std::int64_t index = indices[static_cast<std::size_t>(i)];
                     const std::uint8_t* from = source + index * image;
                     std::uint8_t* to = bytes + i * image;
                     if (options_.augmentation.active()) {
                       const auto draw =
                           draw_augmentation(options_.augmentation, options_.seed, static_cast<std::uint64_t>(epoch_),
                                             static_cast<std::uint64_t>(index));
                       augment_image(draw, height, width, channels, from, to);
                     } else {
                       std::memcpy(to, from, static_cast<std::size_t>(image));
                     }
                     InputEncoding::map_pixels(table_.data(), channels, to, height * width, reals + i * image);
                   }
                 });
  }

  ImageDataset dataset_;
  InputEncoding encoding_;
  LoaderOptions options_;
  std::vector<float> table_;          // real values of (channel, byte)
  std::vector<std::uint32_t> order_;  // image at each place of the epoch
  std::int64_t epoch_ = 0;
};

}  // namespace bitgrain
