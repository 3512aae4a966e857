#include "bitgrain/data/byte_source.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <string>
#include <vector>

#include "data/idx_bytes.hpp"
#include "data/temporary_folder.hpp"
#include "error_of.hpp"

using namespace bitgrain;
using idx_bytes::Bytes;
using idx_bytes::gzipped;

namespace {
Bytes counting_bytes(std::size_t count) {
  Bytes bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
  return bytes;
}

Bytes read_all(const std::string& path, std::size_t count) {
  ByteSource source(path);
  Bytes bytes(count);
  source.read(bytes.data(), count / 3, "first");
  source.read(bytes.data() + count / 3, count - count / 3, "second");
  CHECK(source.offset() == count);
  source.expect_end("the data");
  return bytes;
}
}  // namespace

TEST_CASE("raw, gzip and two gzip members in a row give the same bytes") {
  const TemporaryFolder folder;
  const Bytes bytes = counting_bytes(200000);
  CHECK(read_all(folder.write("raw", bytes), bytes.size()) == bytes);
  CHECK(read_all(folder.write("packed.gz", gzipped(bytes)), bytes.size()) == bytes);
  Bytes two = gzipped(Bytes(bytes.begin(), bytes.begin() + 1000));
  const Bytes rest = gzipped(Bytes(bytes.begin() + 1000, bytes.end()));
  two.insert(two.end(), rest.begin(), rest.end());
  CHECK(read_all(folder.write("two.gz", two), bytes.size()) == bytes);
}

TEST_CASE("gzip is known by its content, not by its name") {
  const TemporaryFolder folder;
  CHECK(ByteSource(folder.write("named.txt", gzipped({1, 2, 3}))).compressed());
  CHECK_FALSE(ByteSource(folder.write("named.gz", Bytes{1, 2, 3})).compressed());
  CHECK_FALSE(ByteSource(folder.write("empty.gz", Bytes{})).compressed());
}

TEST_CASE("a file that ends too early is an error with offset, what was expected and what came") {
  const TemporaryFolder folder;
  const std::string path = folder.write("short", Bytes{1, 2, 3, 4, 5});
  ByteSource source(path);
  Bytes to(8);
  source.read(to.data(), 2, "a head");
  CHECK(error_of([&] { source.read(to.data(), 8, "a body"); }) ==
        "file '" + path + "', offset 2: expected 8 bytes of a body, the file ends after 3");
}

TEST_CASE("bytes after the end are an error, raw and compressed") {
  const TemporaryFolder folder;
  for (const std::string& path : {folder.write("raw", Bytes{1, 2, 3}), folder.write("packed", gzipped({1, 2, 3}))}) {
    ByteSource source(path);
    Bytes to(2);
    source.read(to.data(), 2, "two");
    CHECK(contains(error_of([&] { source.expect_end("the two"); }),
                   "offset 2: expected the end of the file after the two, but more follows"));
  }
}

TEST_CASE("cut or damaged gzip data is an error at every place it can be cut") {
  const TemporaryFolder folder;
  const Bytes packed = gzipped(counting_bytes(3000));
  for (std::size_t cut = 2; cut < packed.size(); cut += 13) {
    const std::string path = folder.write("cut.gz", Bytes(packed.begin(), packed.begin() + static_cast<long>(cut)));
    ByteSource source(path);
    Bytes to(3000);
    const std::string message = error_of([&] {
      source.read(to.data(), to.size(), "data");
      source.expect_end("data");
    });
    CAPTURE(cut);
    CHECK(contains(message, "file '" + path + "': the gzip data ends too early, at byte " + std::to_string(cut)));
  }
  Bytes broken = packed;
  broken[packed.size() - 6] ^= 1;  // the checksum
  Bytes to(3000);
  const std::string path = folder.write("broken.gz", broken);
  ByteSource source(path);
  CHECK(contains(error_of([&] {
                   source.read(to.data(), to.size(), "data");
                   source.expect_end("data");
                 }),
                 "the gzip data is damaged (incorrect data check)"));
  const std::string garbage = folder.write("garbage.gz", Bytes{0x1F, 0x8B, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9});
  ByteSource wild(garbage);
  CHECK(contains(error_of([&] { wild.read(to.data(), 1, "data"); }), "the gzip data is damaged"));
}

TEST_CASE("expect_rest compares with the size of a raw file and bounds what gzip data can hold") {
  const TemporaryFolder folder;
  const std::string raw = folder.write("raw", Bytes(10));
  CHECK(error_of([&] { ByteSource(raw).expect_rest(10, "x"); }).empty());
  CHECK(
      contains(error_of([&] { ByteSource(raw).expect_rest(11, "x"); }), "offset 0: expected 11 bytes of x, got 10"));
  CHECK(contains(error_of([&] { ByteSource(raw).expect_rest(9, "x"); }), "expected 9 bytes of x, got 10"));
  // A million zeros in about a thousand bytes is honest.
  const Bytes zeros = gzipped(Bytes(1000000));
  const std::string packed = folder.write("zeros.gz", zeros);
  CHECK(error_of([&] { ByteSource(packed).expect_rest(1000000, "x"); }).empty());
  CHECK(contains(error_of([&] { ByteSource(packed).expect_rest(std::uint64_t{1} << 32, "x"); }),
                 "uncompressed offset 0: the header promises 4294967296 bytes of x, which " +
                     std::to_string(zeros.size()) + " compressed bytes cannot hold"));
}

TEST_CASE("missing files and folders are refused by name") {
  const TemporaryFolder folder;
  CHECK(error_of([&] { ByteSource(folder / "none"); }) == "file '" + folder / "none" + "' does not exist");
  CHECK(error_of([&] { ByteSource source(folder.path()); }) == "'" + folder.path() + "' is not a regular file");
  CHECK(contains(error_of([&] { read_file_bytes(folder / "none", 10); }), "does not exist"));
  CHECK(contains(error_of([&] { read_file_bytes(folder.write("big", Bytes(11)), 10); }),
                 "has 11 bytes, expected at most 10"));
  CHECK(read_file_bytes(folder.write("fits", Bytes{7, 8}), 2) == Bytes{7, 8});
}
