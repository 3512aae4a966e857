#pragma once

/// Pad, crop, flip: the augmentation of every CIFAR recipe, on bytes, before the input table.
///
/// What happens to an image is a pure function of (seed, epoch, index of the image in the data set): neither threads,
/// nor batch size, nor where a run was resumed matter.

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "bitgrain/base/check.hpp"
#include "bitgrain/base/random.hpp"

namespace bitgrain {

/// What may happen to a training image. The default does nothing.
struct Augmentation {
  int pad = 0;        ///< pixels of byte 0 put around the image before a crop of the original size is drawn
  bool flip = false;  ///< mirror left to right with probability 1/2

  bool active() const { return pad > 0 || flip; }
  static Augmentation none() { return {}; }
  /// Pad 4, random crop, random flip.
  static Augmentation pad_crop_flip(int pad = 4) { return {pad, true}; }
};

/// What happens to one image: output(y, x) = padded(y + down, x + right), mirrored if `flip`.
struct AugmentationDraw {
  int down = 0;   ///< -pad..pad: rows the window moved down
  int right = 0;  ///< -pad..pad: columns the window moved right
  bool flip = false;

  friend bool operator==(const AugmentationDraw&, const AugmentationDraw&) = default;
};

/// The draw for image `index` in `epoch`. Each image has four numbers of its own in the stream "data.augment";
/// index < 2^32, epoch < 2^30.
inline AugmentationDraw draw_augmentation(const Augmentation& augmentation, std::uint64_t seed, std::uint64_t epoch,
                                          std::uint64_t index) {
  static constexpr std::uint64_t kStream = RandomStream::hash("data.augment");
  RandomStream random(seed, kStream);
  random.set_position((epoch << 34) + (index << 2));
  AugmentationDraw draw;
  const auto places = static_cast<std::uint32_t>(2 * augmentation.pad + 1);
  draw.down = static_cast<int>(random.below(places)) - augmentation.pad;
  draw.right = static_cast<int>(random.below(places)) - augmentation.pad;
  draw.flip = random.bernoulli(0.5) && augmentation.flip;
  return draw;
}

/// Applies `draw` to one image [height, width, channels]; `to` must not overlap `from`. Bytes from outside are 0.
inline void augment_image(const AugmentationDraw& draw, std::int64_t height, std::int64_t width,
                          std::int64_t channels, const std::uint8_t* from, std::uint8_t* to) {
  // Columns [first, last) of the window lie inside the image; the rest is padding.
  const std::int64_t first = std::clamp<std::int64_t>(-draw.right, 0, width);
  const std::int64_t last = std::clamp<std::int64_t>(width - draw.right, first, width);
  const auto row_bytes = static_cast<std::size_t>(width * channels);
  for (std::int64_t y = 0; y < height; ++y, to += row_bytes) {
    const std::int64_t source = y + draw.down;
    if (source < 0 || source >= height || first == last) {
      std::memset(to, 0, row_bytes);
      continue;
    }
    const std::uint8_t* row = from + (source * width + first + draw.right) * channels;
    if (!draw.flip) {
      std::memset(to, 0, static_cast<std::size_t>(first * channels));
      std::memcpy(to + first * channels, row, static_cast<std::size_t>((last - first) * channels));
      std::memset(to + last * channels, 0, static_cast<std::size_t>((width - last) * channels));
    } else {
      // Column x of the window goes to column width - 1 - x.
      std::memset(to, 0, static_cast<std::size_t>((width - last) * channels));
      std::memset(to + (width - first) * channels, 0, static_cast<std::size_t>(first * channels));
      for (std::int64_t x = first; x < last; ++x, row += channels)
        std::memcpy(to + (width - 1 - x) * channels, row, static_cast<std::size_t>(channels));
    }
  }
}

}  // namespace bitgrain
