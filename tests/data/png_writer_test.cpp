#include "bitgrain/data/png_writer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "bitgrain/data/image.hpp"
#include "data/temporary_folder.hpp"
#include "error_of.hpp"

using namespace bitgrain;

TEST_CASE("a PNG read back holds the same bytes, grey and RGB, from one pixel to a sheet") {
  const TemporaryFolder folder;
  for (const Shape& shape : {Shape{1, 1, 1}, Shape{1, 1, 3}, Shape{7, 3, 1}, Shape{3, 11, 3}, Shape{300, 784, 1}}) {
    Tensor<std::uint8_t> image(shape);
    for (std::int64_t i = 0; i < image.numel(); ++i) image.mutable_data()[i] = static_cast<std::uint8_t>(i * i / 3);
    write_png(folder / "a.png", image);
    const auto back = decode_image(folder / "a.png", static_cast<int>(shape[2]));
    REQUIRE(back.shape() == shape);
    CHECK(std::equal(back.values().begin(), back.values().end(), image.values().begin()));
  }
}

TEST_CASE("writing leaves one file and no parts, and replaces an old one") {
  const TemporaryFolder folder;
  write_png(folder / "a.png", Tensor<std::uint8_t>(Shape{2, 2, 1}, 1));
  write_png(folder / "a.png", Tensor<std::uint8_t>(Shape{3, 2, 1}, 2));
  CHECK(image_info(folder / "a.png").height == 3);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), std::filesystem::directory_iterator()) ==
        1);
}

TEST_CASE("what a PNG cannot hold is refused with its shape") {
  CHECK(contains(error_of([] { encode_png(Tensor<std::uint8_t>(Shape{2, 2, 2}, 0)); }), "got [2,2,2]"));
  CHECK(contains(error_of([] { encode_png(Tensor<std::uint8_t>(Shape{2, 2}, 0)); }), "got [2,2]"));
  CHECK(contains(error_of([] { encode_png(Tensor<std::uint8_t>(Shape{0, 2, 1})); }), "got [0,2,1]"));
  const TemporaryFolder folder;
  CHECK(contains(error_of([&] {
                   write_png(folder.path() + "/none/a.png", Tensor<std::uint8_t>(Shape{1, 1, 1}, 0));
                 }),
                 "a.png"));
}
