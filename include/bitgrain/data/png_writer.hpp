#pragma once

/// Writes PNG files: sheets of small images, pictures for people. Grey or RGB, 8 bits, strongest deflate, no row
/// filter (neighbouring rows of a sheet are different images, so a filter would only add noise).

#include <zlib.h>

#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "bitgrain/base/atomic_file.hpp"
#include "bitgrain/data/image_container.hpp"
#include "bitgrain/tensor/tensor.hpp"

namespace bitgrain {

namespace detail {
inline void append_u32_big_endian(std::vector<std::uint8_t>& to, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<std::uint8_t>(value >> shift));
}

inline void append_png_chunk(std::vector<std::uint8_t>& to, const char (&type)[5],
                             std::span<const std::uint8_t> data) {
  append_u32_big_endian(to, static_cast<std::uint32_t>(data.size()));
  const std::size_t begin = to.size();
  to.insert(to.end(), type, type + 4);
  to.insert(to.end(), data.begin(), data.end());
  append_u32_big_endian(to, static_cast<std::uint32_t>(crc32(0, &to[begin], static_cast<uInt>(to.size() - begin))));
}
}  // namespace detail

/// The bytes of a PNG file of `image` [H,W,1 or 3].
inline std::vector<std::uint8_t> encode_png(const Tensor<std::uint8_t>& image) {
  BITGRAIN_CHECK(image.defined() && image.shape().rank() == 3 && image.numel() > 0 &&
                     (image.shape()[2] == 1 || image.shape()[2] == 3) && image.numel() < (std::int64_t{1} << 30),
                 "a PNG is written from an image [H,W,1 or 3], got ", image.shape());
  const std::int64_t height = image.shape()[0], row = image.shape()[1] * image.shape()[2];
  std::vector<std::uint8_t> raw;
  raw.reserve(static_cast<std::size_t>(height * (row + 1)));
  for (std::int64_t y = 0; y < height; ++y) {
    raw.push_back(0);  // filter: none
    raw.insert(raw.end(), image.data() + y * row, image.data() + (y + 1) * row);
  }
  uLongf packed_size = compressBound(raw.size());
  std::vector<std::uint8_t> packed(packed_size);
  BITGRAIN_CHECK(compress2(packed.data(), &packed_size, raw.data(), raw.size(), Z_BEST_COMPRESSION) == Z_OK,
                 "zlib could not compress a PNG of ", raw.size(), " bytes");

  std::vector<std::uint8_t> header;
  detail::append_u32_big_endian(header, static_cast<std::uint32_t>(image.shape()[1]));
  detail::append_u32_big_endian(header, static_cast<std::uint32_t>(height));
  const std::uint8_t color = image.shape()[2] == 1 ? 0 : 2;
  header.insert(header.end(), {8, color, 0, 0, 0});  // bits, colour type, deflate, adaptive filters, not interlaced

  std::vector<std::uint8_t> file(std::begin(detail::kPngSignature), std::end(detail::kPngSignature));
  detail::append_png_chunk(file, "IHDR", header);
  detail::append_png_chunk(file, "IDAT", std::span(packed).first(packed_size));
  detail::append_png_chunk(file, "IEND", {});
  return file;
}

/// Writes `image` [H,W,1 or 3] to a PNG file, whole or not at all.
inline void write_png(const std::string& path, const Tensor<std::uint8_t>& image) {
  write_file_atomically(path, encode_png(image));
}

}  // namespace bitgrain
