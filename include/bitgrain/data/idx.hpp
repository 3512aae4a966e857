#pragma once

/// IDX, the format of MNIST and Fashion-MNIST, raw or .gz. All numbers are big-endian:
///
///     images  0x00000803 | count | rows | columns | count * rows * columns bytes
///     labels  0x00000801 | count | count bytes

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bitgrain/data/byte_source.hpp"
#include "bitgrain/data/dataset.hpp"

namespace bitgrain {

namespace detail {
inline void expect_idx_magic(ByteSource& source, std::uint32_t expected, std::string_view what) {
  const std::string where = source.where();
  const std::uint32_t magic = source.read_u32_big_endian("the IDX magic number");
  BITGRAIN_CHECK(magic == expected, where, ": expected the magic number ", expected, " of IDX ", what, ", got ",
                 magic);
}
inline std::uint32_t read_idx_extent(ByteSource& source, std::uint32_t largest, std::string_view what) {
  const std::string where = source.where();
  const std::uint32_t extent = source.read_u32_big_endian(what);
  BITGRAIN_CHECK(extent >= 1 && extent <= largest, where, ": expected ", what, " in 1..", largest, ", got ", extent);
  return extent;
}
inline constexpr std::uint32_t kMostIdxItems = 0x7FFFFFFF;
inline constexpr std::uint32_t kMostIdxPixels = 65535;  // rows, columns
}  // namespace detail

/// The images of an IDX file, [N,rows,columns,1]. Nothing is allocated before the file is known to be able to hold
/// what its header claims: count * rows * columns < 2^31 * 2^16 * 2^16, so the product cannot overflow.
inline Tensor<std::uint8_t> read_idx_images(const std::string& path) {
  ByteSource source(path);
  detail::expect_idx_magic(source, 0x803, "images");
  const std::uint32_t count = detail::read_idx_extent(source, detail::kMostIdxItems, "the number of images");
  const std::uint32_t rows = detail::read_idx_extent(source, detail::kMostIdxPixels, "the number of rows");
  const std::uint32_t columns = detail::read_idx_extent(source, detail::kMostIdxPixels, "the number of columns");
  const std::uint64_t bytes = std::uint64_t{count} * rows * columns;
  source.expect_rest(bytes, "pixels");
  Tensor<std::uint8_t> images(Shape{count, rows, columns, 1});
  source.read(images.mutable_data(), bytes, "pixels");
  source.expect_end("the pixels");
  return images;
}

/// The labels of an IDX file. Throws Error, with the offset, if one is not in 0..classes-1.
inline std::vector<std::int32_t> read_idx_labels(const std::string& path, std::int64_t classes) {
  ByteSource source(path);
  detail::expect_idx_magic(source, 0x801, "labels");
  const std::uint32_t count = detail::read_idx_extent(source, detail::kMostIdxItems, "the number of labels");
  source.expect_rest(count, "labels");
  std::vector<std::uint8_t> bytes(count);
  const std::uint64_t begin = source.offset();
  source.read(bytes.data(), count, "labels");
  source.expect_end("the labels");
  for (std::size_t i = 0; i < bytes.size(); ++i)
    BITGRAIN_CHECK(bytes[i] < classes, source.where(begin + i), ": expected a label in 0..", classes - 1, ", got ",
                   int{bytes[i]});
  return {bytes.begin(), bytes.end()};
}

/// A data set of an image and a label file. Throws Error if they do not have equally many entries.
inline ImageDataset load_idx(const std::string& images_path, const std::string& labels_path,
                             std::vector<std::string> classes, std::string name) {
  ImageDataset dataset;
  dataset.images = read_idx_images(images_path);
  dataset.labels = read_idx_labels(labels_path, static_cast<std::int64_t>(classes.size()));
  BITGRAIN_CHECK(static_cast<std::int64_t>(dataset.labels.size()) == dataset.size(), "file '", images_path, "' has ",
                 dataset.size(), " images, but file '", labels_path, "' has ", dataset.labels.size(), " labels");
  dataset.classes = std::move(classes);
  dataset.name = std::move(name);
  return dataset;
}

}  // namespace bitgrain
