#include "bitgrain/data/sheet.hpp"

#include <doctest/doctest.h>
#include <zlib.h>

#include <string>
#include <vector>

#include "bitgrain/data/png_writer.hpp"
#include "data/temporary_folder.hpp"
#include "error_of.hpp"

using namespace bitgrain;

TEST_CASE("each row of a sheet is one image, grey and RGB") {
  const TemporaryFolder folder;
  for (const int channels : {1, 3}) {
    Tensor<std::uint8_t> sheet(Shape{5, 12, channels});
    for (std::int64_t i = 0; i < sheet.numel(); ++i) sheet.mutable_data()[i] = static_cast<std::uint8_t>(i);
    write_png(folder / "s.png", sheet);
    const auto images = read_sheet(folder / "s.png", 3, 4, channels);
    REQUIRE(images.shape() == Shape{5, 3, 4, channels});
    for (std::int64_t i = 0; i < images.numel(); ++i) CHECK(images[i] == sheet[i]);
  }
  CHECK(error_of([&] { read_sheet(folder / "s.png", 4, 4, 3); }) ==
        "file '" + (folder / "s.png") + "': expected a sheet with rows of 4 x 4 = 16 pixels, got rows of 12");
}

TEST_CASE("label files are numbers on lines of their own; anything else names its offset") {
  const TemporaryFolder folder;
  const auto read = [&](const std::string& text) { return read_label_text(folder.write("l.txt", text), 12); };
  const auto error = [&](const std::string& text) { return error_of([&] { read(text); }); };
  CHECK(read("3\n0\n11\n") == std::vector<std::int32_t>{3, 0, 11});
  CHECK(read("3\r\n0") == std::vector<std::int32_t>{3, 0});
  CHECK(read("").empty());
  CHECK(contains(error("3\n12\n"), "l.txt', offset 2: expected a label in 0..11 on a line of its own, got '12"));
  CHECK(contains(error("3\n\n4\n"), "offset 2: expected a label"));
  CHECK(contains(error("3\n-1\n"), "offset 2: expected a label"));
  CHECK(contains(error("3 4\n"), "offset 0: expected a label"));
  CHECK(contains(error("cat\n"), "got 'cat"));
  CHECK(contains(error("99999999999999999999\n"), "offset 0: expected a label"));
}

TEST_CASE("a sheet and a label file of different lengths name both") {
  const TemporaryFolder folder;
  write_png(folder / "s.png", Tensor<std::uint8_t>(Shape{3, 4, 1}, 0));
  const std::string labels = folder.write("l.txt", std::string("0\n1\n"));
  CHECK(error_of([&] {
          load_sheet(folder / "s.png", labels, 2, 2, 1, {"a", "b"}, "x");
        }) == "file '" + (folder / "s.png") + "' has 3 images, but file '" + labels + "' has 2 labels");
}

TEST_CASE("the shipped MNIST subset is complete, class-balanced and made of the original bytes") {
  const DatasetSplits mnist = load_mnist_sample(std::string(BITGRAIN_SOURCE_DIR) + "/examples/data/mnist");
  mnist.train.validate();
  mnist.test.validate();
  CHECK(mnist.train.images.shape() == Shape{10000, 28, 28, 1});
  CHECK(mnist.test.images.shape() == Shape{2000, 28, 28, 1});
  CHECK(mnist.train.class_counts() == std::vector<std::int64_t>(10, 1000));
  CHECK(mnist.test.class_counts() == std::vector<std::int64_t>(10, 200));
  // CRC-32 of the pixels and of the labels (one byte each), computed from the original IDX files.
  const auto pixels = [](const ImageDataset& set) {
    return crc32(0, set.images.data(), static_cast<uInt>(set.images.numel()));
  };
  const auto labels = [](const ImageDataset& set) {
    const std::vector<std::uint8_t> bytes(set.labels.begin(), set.labels.end());
    return crc32(0, bytes.data(), static_cast<uInt>(bytes.size()));
  };
  CHECK(pixels(mnist.train) == 0x4B3ED14D);
  CHECK(labels(mnist.train) == 0x5ECF22F9);
  CHECK(pixels(mnist.test) == 0x0C97766C);
  CHECK(labels(mnist.test) == 0x0BEAC916);
}
