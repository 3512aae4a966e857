#pragma once

#include <string>

#include "bitgrain/base/random.hpp"
#include "bitgrain/data/dataset.hpp"

/// A small learnable task: each class lights another quarter of the image, under noise.
inline bitgrain::ImageDataset synthetic_images(std::int64_t count, std::uint64_t seed, std::int64_t side = 8) {
  bitgrain::ImageDataset data;
  data.name = "synthetic";
  data.classes = {"top left", "top right", "bottom left", "bottom right"};
  data.images = bitgrain::Tensor<std::uint8_t>({count, side, side, 1});
  bitgrain::RandomStream random(seed, "synthetic");
  std::uint8_t* byte = data.images.mutable_data();
  for (std::int64_t i = 0; i < count; ++i) {
    const auto label = static_cast<std::int32_t>(i % 4);
    data.labels.push_back(label);
    for (std::int64_t y = 0; y < side; ++y)
      for (std::int64_t x = 0; x < side; ++x) {
        const bool lit = (y >= side / 2) == (label >= 2) && (x >= side / 2) == (label % 2 == 1);
        *byte++ = static_cast<std::uint8_t>(random.below(120) + (lit ? 90 : 0));
      }
  }
  return data;
}
