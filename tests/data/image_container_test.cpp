#include "bitgrain/data/image_container.hpp"

#include <doctest/doctest.h>

#include <string>

#include "bitgrain/data/image.hpp"
#include "data/encoded_images.hpp"
#include "data/temporary_folder.hpp"
#include "error_of.hpp"

using namespace bitgrain;
using encoded_images::Bytes;
using encoded_images::pattern;

namespace {
const Bytes& png() {
  static const Bytes bytes = encoded_images::png(pattern(4, 4, 1));
  return bytes;
}
}  // namespace

TEST_CASE("a PNG passes, and one with more behind its end does too") {
  detail::check_png(png(), "x");
  Bytes more = png();
  more.push_back(7);
  detail::check_png(more, "x");
}

TEST_CASE("a damaged PNG chunk names its offset and both checksums") {
  Bytes damaged = png();
  damaged[8 + 8 + 2] ^= 1;  // within IHDR, the chunk at offset 8
  CHECK(contains(error_of([&] { detail::check_png(damaged, "x"); }),
                 "file 'x', offset 8: the PNG chunk is damaged, expected the checksum "));
  damaged = png();
  damaged[33 + 8] ^= 1;  // the chunk after it
  CHECK(contains(error_of([&] { detail::check_png(damaged, "x"); }), "offset 33: the PNG chunk is damaged"));
}

TEST_CASE("a cut PNG chunk, or one that claims too much, names its offset and what was expected") {
  Bytes cut(png().begin(), png().begin() + 40);
  CHECK(contains(error_of([&] { detail::check_png(cut, "x"); }),
                 "offset 33: expected a PNG chunk, the file ends after 7"));
  Bytes long_chunk = png();
  long_chunk[33] = 0xFF;
  CHECK(contains(error_of([&] { detail::check_png(long_chunk, "x"); }), "offset 33: expected a PNG chunk of 42"));
}

TEST_CASE("a JPEG without its end marker is refused although stb_image would fill it in") {
  Bytes jpeg = encoded_images::jpeg(pattern(8, 8, 3));
  detail::check_jpeg(jpeg, "x");
  jpeg.pop_back();
  jpeg.pop_back();
  CHECK(contains(error_of([&] { detail::check_jpeg(jpeg, "x"); }), "the end of the file (it is cut)"));
}

TEST_CASE("JPEG segments that overlap the end, are unknown, or hold too many Huffman codes name their offset") {
  const Bytes jpeg = encoded_images::jpeg(pattern(8, 8, 3));
  const auto error = [](const Bytes& bytes) { return error_of([&] { detail::check_jpeg(bytes, "x"); }); };
  Bytes bad = jpeg;
  bad[4] = 0xFF;  // length of the first segment
  CHECK(contains(error(bad), "file 'x', offset 2: expected a whole JPEG segment, got kind 224 with "));
  bad = jpeg;
  bad[2] = 0;
  CHECK(contains(error(bad), "offset 2: expected a JPEG segment, got other bytes"));
  bad = jpeg;
  std::size_t tables = 2;
  while (bad[tables + 1] != 0xC4) tables += 2 + std::size_t{bad[tables + 2]} * 256 + bad[tables + 3];
  bad[tables + 5 + 15] = 255;
  CHECK(contains(error(bad), "offset " + std::to_string(tables + 4) + ": expected a JPEG Huffman table"));
}

TEST_CASE("a BMP that lacks rows names how many bytes it should have") {
  const Bytes bmp = encoded_images::bmp(pattern(6, 5, 3));
  detail::check_bmp(bmp, "x", 5, 6);
  CHECK(contains(error_of([&] { detail::check_bmp(bmp, "x", 5, 7); }),
                 "offset 54: expected 166 bytes of BMP, the file has 150"));
  CHECK(contains(error_of([&] { detail::check_bmp(std::span(bmp).first(29), "x", 5, 6); }), "expected a BMP header"));
}

TEST_CASE("a header that promises more pixels than its file can hold makes no memory") {
  // A valid PNG header of 20000 x 20000 pixels with a valid checksum, and nothing else of value.
  Bytes bomb(png().begin(), png().begin() + 33);
  for (const std::size_t at : {std::size_t{16}, std::size_t{20}}) {
    bomb[at + 2] = 20000 / 256;
    bomb[at + 3] = 20000 % 256;
  }
  const auto crc = static_cast<std::uint32_t>(crc32(0, &bomb[12], 17));
  for (std::size_t i = 0; i < 4; ++i) bomb[29 + i] = static_cast<std::uint8_t>(crc >> (24 - 8 * i));
  bomb.insert(bomb.end(), png().begin() + 33, png().end());
  const TemporaryFolder folder;
  const std::string path = folder.write("bomb.png", bomb);
  const auto before = MemoryPool::instance().stats();
  const std::string message = error_of([&] { decode_image(path, 1); });
  CHECK(contains(message, "offset 0: "));
  CHECK(contains(message, "20000 x 20000 pixels, which"));
  CHECK(MemoryPool::instance().stats().requests == before.requests);
}
