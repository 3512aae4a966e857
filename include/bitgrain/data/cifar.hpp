#pragma once

/// CIFAR-10 and CIFAR-100 in their binary format. A record is one label byte (CIFAR-100: coarse, then fine) and 3072
/// bytes: the red, green and blue plane of 32 x 32 pixels, row by row. The planes are interleaved to NHWC on reading.

#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "bitgrain/data/byte_source.hpp"
#include "bitgrain/data/class_names.hpp"
#include "bitgrain/data/dataset.hpp"

namespace bitgrain {

/// Which labels a CIFAR file has, and which are wanted.
enum class CifarLabels { kCifar10, kCifar100Fine, kCifar100Coarse };

namespace detail {
inline constexpr std::int64_t kCifarSide = 32, kCifarPlane = 1024, kCifarImage = 3072;

inline std::vector<std::string> cifar_classes(CifarLabels kind) {
  return kind == CifarLabels::kCifar10        ? cifar10_classes()
         : kind == CifarLabels::kCifar100Fine ? cifar100_fine_classes()
                                              : cifar100_coarse_classes();
}

// Number of records, from the size of the file alone.
inline std::int64_t cifar_records(const ByteSource& source, std::int64_t record) {
  BITGRAIN_CHECK(!source.compressed(), "file '", source.path(),
                 "', offset 0: expected raw CIFAR records, got gzip data (unpack it first)");
  const auto size = static_cast<std::int64_t>(source.file_size());
  BITGRAIN_CHECK(size > 0 && size % record == 0, "file '", source.path(), "', offset ", size - size % record,
                 ": expected whole records of ", record, " bytes, got ", size % record, " of the last (file size ",
                 size, ")");
  return size / record;
}
}  // namespace detail

/// Reads CIFAR files, one after the other, into one data set [N,32,32,3].
inline ImageDataset load_cifar_files(const std::vector<std::string>& paths, CifarLabels kind, std::string name) {
  const std::int64_t label_bytes = kind == CifarLabels::kCifar10 ? 1 : 2;
  const std::int64_t record = label_bytes + detail::kCifarImage;
  std::int64_t total = 0;
  for (const std::string& path : paths) total += detail::cifar_records(ByteSource(path), record);
  BITGRAIN_CHECK(total > 0, "expected at least one CIFAR file, got none");

  ImageDataset dataset{Tensor<std::uint8_t>(Shape{total, detail::kCifarSide, detail::kCifarSide, 3}),
                       {},
                       detail::cifar_classes(kind),
                       std::move(name)};
  std::uint8_t* to = dataset.images.mutable_data();
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(record));
  const std::uint8_t* planes = bytes.data() + label_bytes;
  for (const std::string& path : paths) {
    ByteSource source(path);
    const std::int64_t records = detail::cifar_records(source, record);
    BITGRAIN_CHECK(static_cast<std::int64_t>(dataset.labels.size()) + records <= total, "file '", path,
                   "' grew while it was read");
    for (std::int64_t r = 0; r < records; ++r) {
      source.read(bytes.data(), bytes.size(), "a CIFAR record");
      // Both labels of CIFAR-100 are checked, whichever is wanted: a wrong one means a wrong file.
      for (std::int64_t b = 0; b < label_bytes; ++b) {
        const int classes = kind == CifarLabels::kCifar10 ? 10 : (b == 0 ? 20 : 100);
        BITGRAIN_CHECK(bytes[static_cast<std::size_t>(b)] < classes,
                       source.where(static_cast<std::uint64_t>(r * record + b)), ": expected a ",
                       kind == CifarLabels::kCifar10 ? "" : (b == 0 ? "coarse " : "fine "), "label in 0..",
                       classes - 1, ", got ", int{bytes[static_cast<std::size_t>(b)]});
      }
      dataset.labels.push_back(bytes[kind == CifarLabels::kCifar100Fine ? 1 : 0]);
      for (std::int64_t p = 0; p < detail::kCifarPlane; ++p)
        for (std::int64_t c = 0; c < 3; ++c) *to++ = planes[c * detail::kCifarPlane + p];
    }
  }
  return dataset;
}

namespace detail {
// The official archives unpack to a folder of their own, which may be given or contain what is given.
inline std::string cifar_folder(const std::string& folder, const std::string& official, const std::string& file) {
  for (const auto& candidate : {std::filesystem::path(folder), std::filesystem::path(folder) / official}) {
    std::error_code error;
    if (std::filesystem::is_regular_file(candidate / file, error)) return candidate.string();
  }
  fail("folder '", folder, "': expected the file ", file, " (here or in ", official, "), there is none");
}
}  // namespace detail

/// CIFAR-10 from the official binary files: data_batch_1..5.bin and test_batch.bin in `folder` (or in its subfolder
/// cifar-10-batches-bin). Throws Error if the five batches do not have equally many images (one is cut short).
inline DatasetSplits load_cifar10(const std::string& folder) {
  const std::filesystem::path root = detail::cifar_folder(folder, "cifar-10-batches-bin", "data_batch_1.bin");
  std::vector<std::string> train;
  for (int b = 1; b <= 5; ++b) train.push_back((root / ("data_batch_" + std::to_string(b) + ".bin")).string());
  const std::uint64_t size = regular_file_size(train[0]);
  for (const std::string& path : train)
    BITGRAIN_CHECK(regular_file_size(path) == size, "file '", path, "': expected ", size, " bytes, as in '", train[0],
                   "', got ", regular_file_size(path));
  return {load_cifar_files(train, CifarLabels::kCifar10, "cifar10"),
          load_cifar_files({(root / "test_batch.bin").string()}, CifarLabels::kCifar10, "cifar10")};
}

/// CIFAR-100 from train.bin and test.bin in `folder` (or in its subfolder cifar-100-binary). `labels` says which of
/// its labels are wanted: the 100 classes or the 20 superclasses.
inline DatasetSplits load_cifar100(const std::string& folder, CifarLabels labels = CifarLabels::kCifar100Fine) {
  BITGRAIN_CHECK(labels != CifarLabels::kCifar10, "CIFAR-100 has fine and coarse labels, not those of CIFAR-10");
  const std::filesystem::path root = detail::cifar_folder(folder, "cifar-100-binary", "train.bin");
  return {load_cifar_files({(root / "train.bin").string()}, labels, "cifar100"),
          load_cifar_files({(root / "test.bin").string()}, labels, "cifar100")};
}

}  // namespace bitgrain
