#include "bitgrain/data/idx.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "data/idx_bytes.hpp"
#include "data/temporary_folder.hpp"
#include "error_of.hpp"

using namespace bitgrain;
using idx_bytes::Bytes;
using idx_bytes::gzipped;
using idx_bytes::numbers;

namespace {
std::string images_error(const Bytes& bytes) {
  const TemporaryFolder folder;
  return error_of([&] { read_idx_images(folder.write("images", bytes)); });
}
std::string labels_error(const Bytes& bytes) {
  const TemporaryFolder folder;
  return error_of([&] { read_idx_labels(folder.write("labels", bytes), 10); });
}
}  // namespace

TEST_CASE("IDX images and labels, raw and gzip, come out byte for byte") {
  const TemporaryFolder folder;
  for (const bool packed : {false, true}) {
    const auto stored = [&](const Bytes& bytes) { return packed ? gzipped(bytes) : bytes; };
    const ImageDataset set = load_idx(folder.write("images", stored(idx_bytes::images(12, 3, 5))),
                                      folder.write("labels", stored(idx_bytes::labels(12))),
                                      {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, "idx");
    set.validate();
    CHECK(set.images.shape() == Shape{12, 3, 5, 1});
    for (std::int64_t i = 0; i < set.images.numel(); ++i) CHECK(int{set.images[i]} == i % 256);
    for (std::size_t i = 0; i < 12; ++i) CHECK(set.labels[i] == static_cast<std::int32_t>(i % 10));
    CHECK(set.name == "idx");
  }
}

TEST_CASE("a wrong magic number names the file, the offset and both numbers") {
  const TemporaryFolder folder;
  const std::string path = folder.write("images", idx_bytes::labels(12));
  CHECK(error_of([&] { read_idx_images(path); }) ==
        "file '" + path + "', offset 0: expected the magic number 2051 of IDX images, got 2049");
  CHECK(contains(labels_error(idx_bytes::images(1, 2, 2)), "expected the magic number 2049 of IDX labels, got 2051"));
}

TEST_CASE("truncated and overlong IDX files are errors, header and body, raw and gzip") {
  const Bytes good = idx_bytes::images(4, 3, 3);
  for (std::size_t size = 0; size < 16; ++size)
    CHECK(contains(images_error(Bytes(good.begin(), good.begin() + static_cast<long>(size))), "the file ends after"));
  Bytes bytes = good;
  bytes.pop_back();
  CHECK(contains(images_error(bytes), "offset 16: expected 36 bytes of pixels, got 35"));
  CHECK(contains(images_error(gzipped(bytes)),
                 "uncompressed offset 16: expected 36 bytes of pixels, the file ends after 35"));
  bytes = good;
  bytes.push_back(0);
  CHECK(contains(images_error(bytes), "offset 16: expected 36 bytes of pixels, got 37"));
  CHECK(contains(images_error(gzipped(bytes)), "offset 52: expected the end of the file after the pixels"));
  bytes = idx_bytes::labels(5);
  bytes.pop_back();
  CHECK(contains(labels_error(bytes), "offset 8: expected 5 bytes of labels, got 4"));
}

TEST_CASE("headers that claim nothing or absurdly much are refused before any memory is made") {
  CHECK(contains(images_error(numbers({0x803, 0, 28, 28})), "offset 4: expected the number of images in 1.."));
  CHECK(
      contains(images_error(numbers({0x803, 1, 0, 28})), "offset 8: expected the number of rows in 1..65535, got 0"));
  CHECK(contains(images_error(numbers({0x803, 1, 28, 65536})),
                 "offset 12: expected the number of columns in 1..65535, got 65536"));
  const auto before = MemoryPool::instance().stats();
  CHECK(contains(images_error(numbers({0x803, 0x7FFFFFFF, 65535, 65535})), "bytes of pixels, got 0"));
  CHECK(contains(images_error(gzipped(numbers({0x803, 0x7FFFFFFF, 65535, 65535}))), "compressed bytes cannot hold"));
  CHECK(contains(labels_error(numbers({0x801, 0x7FFFFFFF})), "offset 8: expected 2147483647 bytes of labels, got 0"));
  CHECK(MemoryPool::instance().stats().requests == before.requests);
}

TEST_CASE("a label out of range names its offset") {
  Bytes bytes = idx_bytes::labels(12);
  bytes[8 + 7] = 10;
  CHECK(contains(labels_error(bytes), "offset 15: expected a label in 0..9, got 10"));
  CHECK(contains(labels_error(gzipped(bytes)), "uncompressed offset 15: expected a label in 0..9, got 10"));
}

TEST_CASE("different numbers of images and labels name both files") {
  const TemporaryFolder folder;
  const std::string images = folder.write("images", idx_bytes::images(12, 2, 2));
  const std::string labels = folder.write("labels", idx_bytes::labels(11));
  CHECK(error_of([&] { load_idx(images, labels, std::vector<std::string>(10), "x"); }) ==
        "file '" + images + "' has 12 images, but file '" + labels + "' has 11 labels");
}

TEST_CASE("gzip garbage instead of IDX is an error") {
  CHECK(contains(images_error(Bytes{0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0xFF, 0xFF, 0xFF, 0xFF}), "gzip data"));
}
