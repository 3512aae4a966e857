#include "bitgrain/data/image.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "data/encoded_images.hpp"
#include "data/temporary_folder.hpp"
#include "error_of.hpp"

using namespace bitgrain;
using encoded_images::Bytes;
using encoded_images::pattern;

namespace {
bool equal(const Tensor<std::uint8_t>& a, const Tensor<std::uint8_t>& b) {
  return a.shape() == b.shape() && std::equal(a.values().begin(), a.values().end(), b.values().begin());
}
}  // namespace

TEST_CASE("PNG and BMP decode to the very bytes, and the header tells their size") {
  const TemporaryFolder folder;
  const auto rgb = pattern(5, 7, 3), grey = pattern(6, 4, 1);
  CHECK(equal(decode_image(folder.write("rgb.png", encoded_images::png(rgb)), 3), rgb));
  CHECK(equal(decode_image(folder.write("rgb.bmp", encoded_images::bmp(rgb)), 3), rgb));
  CHECK(equal(decode_image(folder.write("grey.png", encoded_images::png(grey)), 1), grey));
  const ImageInfo info = image_info(folder / "rgb.png");
  CHECK(info.height == 5);
  CHECK(info.width == 7);
  CHECK(info.channels == 3);
  CHECK(image_info(folder / "grey.png").channels == 1);
}

TEST_CASE("JPEG decodes to nearly the same bytes") {
  const TemporaryFolder folder;
  Tensor<std::uint8_t> smooth(Shape{16, 24, 3});
  for (std::int64_t i = 0; i < smooth.numel(); ++i)
    smooth.mutable_data()[i] = static_cast<std::uint8_t>(40 + 5 * (i / 72) + 2 * (i / 3 % 24) + 20 * (i % 3));
  const auto image = decode_image(folder.write("a.jpg", encoded_images::jpeg(smooth)), 3);
  REQUIRE(image.shape() == smooth.shape());
  for (std::int64_t i = 0; i < image.numel(); ++i) CHECK(std::abs(image[i] - smooth[i]) <= 8);
}

TEST_CASE("grey becomes three equal channels, colour becomes luma, alpha is dropped") {
  const TemporaryFolder folder;
  const auto grey = pattern(3, 5, 1);
  const auto three = decode_image(folder.write("grey.png", encoded_images::png(grey)), 3);
  REQUIRE(three.shape() == Shape{3, 5, 3});
  for (std::int64_t i = 0; i < 15; ++i)
    for (std::int64_t c = 0; c < 3; ++c) CHECK(int{three[3 * i + c]} == grey[i]);
  const auto rgb = pattern(3, 5, 3);
  const auto luma = decode_image(folder.write("rgb.png", encoded_images::png(rgb)), 1);
  REQUIRE(luma.shape() == Shape{3, 5, 1});
  for (std::int64_t i = 0; i < 15; ++i)
    CHECK(int{luma[i]} == (77 * rgb[3 * i] + 150 * rgb[3 * i + 1] + 29 * rgb[3 * i + 2]) / 256);
  const auto rgba = pattern(3, 5, 4);
  const auto opaque = decode_image(folder.write("rgba.png", encoded_images::png(rgba)), 3);
  for (std::int64_t i = 0; i < 15; ++i)
    for (std::int64_t c = 0; c < 3; ++c) CHECK(int{opaque[3 * i + c]} == rgba[4 * i + c]);
  CHECK(image_info(folder / "rgba.png").channels == 4);
  CHECK(contains(error_of([&] { decode_image(folder / "rgba.png", 2); }), "1 or 3 channels, asked for 2"));
}

TEST_CASE("what is no image, or missing, is refused by name") {
  const TemporaryFolder folder;
  const std::string path = folder.write("text.png", std::string("hello"));
  CHECK(error_of([&] { decode_image(path, 3); }) ==
        "file '" + path + "', offset 0: expected an image (PNG, JPEG or BMP), got something else (5 bytes)");
  CHECK(contains(error_of([&] { decode_image(folder.write("empty.png", Bytes{}), 3); }),
                 "got something else (0 bytes)"));
  CHECK(contains(error_of([&] { decode_image(folder / "none.png", 3); }), "none.png' does not exist"));
}

TEST_CASE("an image cut anywhere is an error that names the file, never a picture or a crash") {
  const TemporaryFolder folder;
  const auto image = pattern(9, 8, 3);
  for (const auto& [name, bytes] :
       {std::pair{"a.png", encoded_images::png(image)}, std::pair{"a.jpg", encoded_images::jpeg(image)},
        std::pair{"a.bmp", encoded_images::bmp(image)}}) {
    for (std::size_t cut = 0; cut < bytes.size(); cut += 3) {
      const std::string path = folder.write(name, Bytes(bytes.begin(), bytes.begin() + static_cast<long>(cut)));
      CAPTURE(name);
      CAPTURE(cut);
      CHECK(contains(error_of([&] { decode_image(path, 3); }), "file '" + path + "'"));
    }
  }
}

TEST_CASE("bytes changed anywhere give an error or an image of the size the header tells, never a crash") {
  const TemporaryFolder folder;
  const auto image = pattern(9, 8, 3);
  for (const auto& [name, bytes] :
       {std::pair{"a.png", encoded_images::png(image)}, std::pair{"a.jpg", encoded_images::jpeg(image)},
        std::pair{"a.bmp", encoded_images::bmp(image)}}) {
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      for (const int flip : {0x01, 0x80, 0xFF}) {
        Bytes changed = bytes;
        changed[at] = static_cast<std::uint8_t>(changed[at] ^ flip);
        const std::string path = folder.write(name, changed);
        const std::string message = error_of([&] {
          const auto decoded = decode_image(path, 3);
          CHECK(decoded.numel() > 0);
        });
        if (std::string(name) == "a.png") CHECK_FALSE(message.empty());  // every byte is under a checksum
      }
    }
  }
}
