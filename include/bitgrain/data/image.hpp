#pragma once

/// Image files (PNG, JPEG, BMP) as bytes [H,W,C], through stb_image.

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "bitgrain/data/byte_source.hpp"
#include "bitgrain/data/image_container.hpp"
#include "bitgrain/data/stb_decoder.hpp"
#include "bitgrain/tensor/tensor.hpp"

namespace bitgrain {

/// Size of an image file: what its header says.
struct ImageInfo {
  std::int64_t height = 0, width = 0;
  int channels = 0;  ///< in the file, 1..4 (2 and 4 with alpha)
};

namespace detail {
inline constexpr std::uint64_t kMostImageFile = std::uint64_t{1} << 30;

inline ImageInfo image_info(std::span<const std::uint8_t> file, const std::string& path) {
  static constexpr std::uint8_t kJpegStart[] = {0xFF, 0xD8}, kBmpStart[] = {'B', 'M'};
  const bool png = starts_with(file, kPngSignature);
  const bool jpeg = starts_with(file, kJpegStart), bmp = starts_with(file, kBmpStart);
  BITGRAIN_CHECK(png || jpeg || bmp, "file '", path,
                 "', offset 0: expected an image (PNG, JPEG or BMP), got something else (", file.size(), " bytes)");
  if (png) check_png(file, path);
  if (jpeg) check_jpeg(file, path);
  int width = 0, height = 0, channels = 0;
  const int ok = stb::stbi_info_from_memory(file.data(), static_cast<int>(file.size()), &width, &height, &channels);
  BITGRAIN_CHECK(ok && width > 0 && height > 0, "file '", path,
                 "', offset 0: expected an image header, got a broken one (", stb::stbi_failure_reason(), ")");
  if (bmp) check_bmp(file, path, static_cast<std::uint64_t>(width), static_cast<std::uint64_t>(height));
  // Before memory is made for the pixels: deflate packs at most 1032 to 1, JPEG less.
  const std::uint64_t pixels = static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height);
  BITGRAIN_CHECK(pixels / (8 * 1032) <= file.size(), "file '", path, "', offset 0: the header promises ", height,
                 " x ", width, " pixels, which ", file.size(), " bytes cannot hold");
  return {height, width, channels};
}
}  // namespace detail

/// Reads the header of an image file. Throws Error if it is no image or damaged.
inline ImageInfo image_info(const std::string& path) {
  return detail::image_info(read_file_bytes(path, detail::kMostImageFile), path);
}

/// Decodes an image file to bytes [H,W,channels]; `channels` 1 (grey: luma of colour images) or 3 (grey is repeated).
/// Alpha is dropped. Throws Error, naming the file, if it is missing, damaged or cannot be decoded.
inline Tensor<std::uint8_t> decode_image(const std::string& path, int channels) {
  BITGRAIN_CHECK(channels == 1 || channels == 3, "images are decoded to 1 or 3 channels, asked for ", channels);
  const std::vector<std::uint8_t> file = read_file_bytes(path, detail::kMostImageFile);
  detail::image_info(file, path);
  int width = 0, height = 0, in_file = 0;
  std::uint8_t* pixels = detail::stb::stbi_load_from_memory(file.data(), static_cast<int>(file.size()), &width,
                                                            &height, &in_file, channels);
  BITGRAIN_CHECK(pixels != nullptr, "file '", path, "': the image cannot be decoded (",
                 detail::stb::stbi_failure_reason(), ")");
  Tensor<std::uint8_t> image(Shape{height, width, channels});
  std::memcpy(image.mutable_data(), pixels, static_cast<std::size_t>(image.numel()));
  std::free(pixels);
  return image;
}

}  // namespace bitgrain
