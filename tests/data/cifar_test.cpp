#include "bitgrain/data/cifar.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "data/idx_bytes.hpp"
#include "data/temporary_folder.hpp"
#include "error_of.hpp"

using namespace bitgrain;
using idx_bytes::Bytes;

namespace {
// Byte of channel c at pixel p of image i, different wherever it could be confused.
std::uint8_t pixel(int i, int c, int p) { return static_cast<std::uint8_t>(31 * i + 85 * c + p % 83 + p / 83); }

// Records with labels i % 10 (CIFAR-10), or i % 20 and 5 i % 100 (CIFAR-100).
Bytes records(int count, int label_bytes) {
  Bytes bytes;
  for (int i = 0; i < count; ++i) {
    if (label_bytes == 1) bytes.push_back(static_cast<std::uint8_t>(i % 10));
    if (label_bytes == 2)
      bytes.insert(bytes.end(), {static_cast<std::uint8_t>(i % 20), static_cast<std::uint8_t>(5 * i % 100)});
    for (int c = 0; c < 3; ++c)
      for (int p = 0; p < 1024; ++p) bytes.push_back(pixel(i, c, p));
  }
  return bytes;
}
}  // namespace

TEST_CASE("planes of red, green and blue become interleaved pixels, files in order") {
  const TemporaryFolder folder;
  Bytes second = records(5, 1);
  second.erase(second.begin(), second.begin() + 3 * 3073);  // images 3 and 4
  const ImageDataset set = load_cifar_files({folder.write("a.bin", records(3, 1)), folder.write("b.bin", second)},
                                            CifarLabels::kCifar10, "cifar10");
  set.validate();
  REQUIRE(set.images.shape() == Shape{5, 32, 32, 3});
  bool right = true;
  for (int i = 0; i < 5; ++i)
    for (int p = 0; p < 1024; ++p)
      for (int c = 0; c < 3; ++c) right = right && set.images[(i * 1024 + p) * 3 + c] == pixel(i, c, p);
  CHECK(right);
  CHECK(set.labels == std::vector<std::int32_t>{0, 1, 2, 3, 4});
}

TEST_CASE("CIFAR-100 gives fine or coarse labels of the same images") {
  const TemporaryFolder folder;
  folder.write("train.bin", records(3, 2));
  folder.write("test.bin", records(2, 2));
  const DatasetSplits fine = load_cifar100(folder.path());
  CHECK(fine.train.labels == std::vector<std::int32_t>{0, 5, 10});
  CHECK(fine.train.num_classes() == 100);
  CHECK(fine.test.size() == 2);
  const DatasetSplits coarse = load_cifar100(folder.path(), CifarLabels::kCifar100Coarse);
  CHECK(coarse.train.labels == std::vector<std::int32_t>{0, 1, 2});
  CHECK(coarse.train.num_classes() == 20);
  CHECK(int{coarse.train.images[3072]} == pixel(1, 0, 0));
  CHECK_THROWS_AS(load_cifar100(folder.path(), CifarLabels::kCifar10), Error);
}

TEST_CASE("CIFAR-10 is found in the folder and in the folder of the official archive") {
  const TemporaryFolder folder;
  for (const std::string sub : {"", "up/cifar-10-batches-bin/"}) {
    for (int b = 1; b <= 5; ++b) folder.write(sub + "data_batch_" + std::to_string(b) + ".bin", records(2, 1));
    folder.write(sub + "test_batch.bin", records(3, 1));
  }
  for (const std::string& path : {folder.path(), folder.path() + "/up"}) {
    const DatasetSplits set = load_cifar10(path);
    CHECK(set.train.size() == 10);
    CHECK(set.test.size() == 3);
    CHECK(set.train.name == "cifar10");
  }
  folder.write("data_batch_3.bin", records(1, 1));
  CHECK(contains(error_of([&] { load_cifar10(folder.path()); }), "data_batch_3.bin': expected 6146 bytes, as in"));
  std::filesystem::remove(folder / "data_batch_3.bin");
  CHECK(contains(error_of([&] { load_cifar10(folder.path()); }), "data_batch_3.bin' does not exist"));
}

TEST_CASE("bad CIFAR files name the file, the offset and what was expected") {
  const TemporaryFolder folder;
  const auto error = [&](const Bytes& bytes, CifarLabels kind) {
    return error_of([&] { load_cifar_files({folder.write("x.bin", bytes)}, kind, "x"); });
  };
  Bytes bytes = records(2, 1);
  bytes.pop_back();
  CHECK(contains(error(bytes, CifarLabels::kCifar10),
                 "x.bin', offset 3073: expected whole records of 3073 bytes, got 3072 of the last (file size 6145)"));
  CHECK(contains(error({}, CifarLabels::kCifar10), "offset 0: expected whole records of 3073 bytes"));
  bytes = records(2, 1);
  bytes[3073] = 10;
  CHECK(contains(error(bytes, CifarLabels::kCifar10), "x.bin', offset 3073: expected a label in 0..9, got 10"));
  bytes = records(2, 2);
  bytes[3074] = 20;
  CHECK(contains(error(bytes, CifarLabels::kCifar100Fine), "offset 3074: expected a coarse label in 0..19, got 20"));
  bytes = records(2, 2);
  bytes[3075] = 100;
  CHECK(contains(error(bytes, CifarLabels::kCifar100Coarse), "offset 3075: expected a fine label in 0..99, got 100"));
  CHECK(contains(error(idx_bytes::gzipped(records(1, 1)), CifarLabels::kCifar10),
                 "expected raw CIFAR records, got gzip data"));
  CHECK(contains(error_of([&] { load_cifar_files({}, CifarLabels::kCifar10, "x"); }), "at least one CIFAR file"));
  const TemporaryFolder empty;
  CHECK(error_of([&] { load_cifar10(empty.path()); }) ==
        "folder '" + empty.path() +
            "': expected the file data_batch_1.bin (here or in cifar-10-batches-bin), there is none");
  CHECK(contains(error_of([&] { load_cifar100(empty.path()); }), "train.bin (here or in cifar-100-binary)"));
}

TEST_CASE("the full CIFAR-10, where it was fetched, has its known labels and statistics") {
  const std::string full = std::string(BITGRAIN_SOURCE_DIR) + "/build/data/cifar10";
  if (!std::filesystem::exists(full + "/test_batch.bin")) {
    MESSAGE("skipped: examples/data/fetch.sh cifar10 has not been run");
    return;
  }
  const DatasetSplits cifar = load_cifar10(full);
  CHECK(cifar.train.images.shape() == Shape{50000, 32, 32, 3});
  CHECK(cifar.test.class_counts() == std::vector<std::int64_t>(10, 1000));
  CHECK(std::vector<std::int32_t>(cifar.train.labels.begin(), cifar.train.labels.begin() + 5) ==
        std::vector<std::int32_t>{6, 9, 9, 4, 1});
  const ChannelStatistics statistics = channel_statistics(cifar.train);
  const double mean[] = {125.307, 122.950, 113.865}, std[] = {62.993, 62.089, 66.705};
  for (std::size_t c = 0; c < 3; ++c) {
    CHECK(std::abs(statistics.mean[c] * 255 - mean[c]) < 6e-4);
    CHECK(std::abs(statistics.std[c] * 255 - std[c]) < 6e-4);
  }
}
