#include "bitgrain/data/image_folder.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "bitgrain/data/png_writer.hpp"
#include "data/encoded_images.hpp"
#include "data/temporary_folder.hpp"
#include "error_of.hpp"

using namespace bitgrain;

namespace {
Tensor<std::uint8_t> plain(std::uint8_t value, std::int64_t height = 4) {
  return Tensor<std::uint8_t>(Shape{height, 3, 3}, value);
}
}  // namespace

TEST_CASE("classes and files come in the order of their names, whatever the format; other files are left alone") {
  const TemporaryFolder folder;
  write_png(folder / "dog/b.png", plain(30));
  folder.write("dog/a.BMP", encoded_images::bmp(plain(20)));
  write_png(folder / "cat/z.png", plain(10));
  folder.write("elk/x.jpeg", encoded_images::jpeg(plain(40)));
  folder.write("cat/notes.txt", std::string("hello"));
  folder.write("cat/.hidden.png", std::string("no image"));
  folder.write("README.png", std::string("not in a class"));
  folder.write(".git/config", std::string("hidden"));
  const ImageDataset set = load_image_folder(folder.path(), 3);
  set.validate();
  CHECK(set.classes == std::vector<std::string>{"cat", "dog", "elk"});
  CHECK(set.labels == std::vector<std::int32_t>{0, 1, 1, 2});
  REQUIRE(set.images.shape() == Shape{4, 4, 3, 3});
  for (std::int64_t i = 0; i < 4; ++i) CHECK(std::abs(set.images[36 * i] - 10 * (i + 1)) <= (i == 3 ? 2 : 0));
  CHECK(load_image_folder(folder.path(), 1).images.shape() == Shape{4, 4, 3, 1});
}

TEST_CASE("the first image of another size is named with both sizes") {
  const TemporaryFolder folder;
  write_png(folder / "a/1.png", plain(1));
  write_png(folder / "a/2.png", plain(2));
  write_png(folder / "b/1.png", plain(3, 5));
  write_png(folder / "b/2.png", plain(3, 6));
  CHECK(error_of([&] { load_image_folder(folder.path(), 3); }) ==
        "file '" + (folder / "b/1.png") + "': expected 4 x 3 pixels as in '" + (folder / "a/1.png") + "', got 5 x 3");
}

TEST_CASE("missing and empty folders, empty classes and broken images are errors that name them") {
  const TemporaryFolder folder;
  CHECK(error_of([&] { load_image_folder(folder.path(), 3); }) ==
        "folder '" + folder.path() + "': expected one subfolder of images per class, there is none");
  CHECK(contains(error_of([&] { load_image_folder(folder / "none", 3); }), "none' cannot be read: "));
  write_png(folder / "a/1.png", plain(1));
  std::filesystem::create_directories(folder / "b");
  CHECK(contains(error_of([&] { load_image_folder(folder.path(), 3); }),
                 "b': expected .png, .jpg, .jpeg or .bmp files, there is none"));
  folder.write("b/broken.png", std::string("not an image"));
  CHECK(contains(error_of([&] { load_image_folder(folder.path(), 3); }), "broken.png', offset 0: expected an image"));
}
