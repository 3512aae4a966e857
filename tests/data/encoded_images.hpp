#pragma once

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#endif
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#include <stb/stb_image_write.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#include <cstdint>
#include <vector>

#include "bitgrain/tensor/tensor.hpp"

/// Image files in memory, by stb_image_write: an encoder that is not ours.
namespace encoded_images {

using Bytes = std::vector<std::uint8_t>;

inline void append(void* to, void* data, int size) {
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  static_cast<Bytes*>(to)->insert(static_cast<Bytes*>(to)->end(), bytes, bytes + size);
}

/// `image` is [H,W,C].
inline Bytes png(const bitgrain::Tensor<std::uint8_t>& image) {
  const auto h = static_cast<int>(image.shape()[0]), w = static_cast<int>(image.shape()[1]);
  const auto c = static_cast<int>(image.shape()[2]);
  Bytes bytes;
  stbi_write_png_to_func(append, &bytes, w, h, c, image.data(), w * c);
  return bytes;
}
inline Bytes jpeg(const bitgrain::Tensor<std::uint8_t>& image) {
  Bytes bytes;
  stbi_write_jpg_to_func(append, &bytes, static_cast<int>(image.shape()[1]), static_cast<int>(image.shape()[0]),
                         static_cast<int>(image.shape()[2]), image.data(), 95);
  return bytes;
}
inline Bytes bmp(const bitgrain::Tensor<std::uint8_t>& image) {
  Bytes bytes;
  stbi_write_bmp_to_func(append, &bytes, static_cast<int>(image.shape()[1]), static_cast<int>(image.shape()[0]),
                         static_cast<int>(image.shape()[2]), image.data());
  return bytes;
}

/// [height, width, channels] of bytes that differ from place to place.
inline bitgrain::Tensor<std::uint8_t> pattern(std::int64_t height, std::int64_t width, std::int64_t channels) {
  bitgrain::Tensor<std::uint8_t> image(bitgrain::Shape{height, width, channels});
  for (std::int64_t i = 0; i < image.numel(); ++i)
    image.mutable_data()[i] = static_cast<std::uint8_t>(i * 29 + i / 7);
  return image;
}

}  // namespace encoded_images
