#include "bitgrain/data/dataset.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "error_of.hpp"

using namespace bitgrain;

namespace {
// Six images of 1 x 2 x 1 with bytes 10 i and 10 i + 1.
ImageDataset six() {
  ImageDataset set{Tensor<std::uint8_t>(Shape{6, 1, 2, 1}), {0, 1, 0, 1, 1, 0}, {"cat", "dog"}, "six"};
  for (int i = 0; i < 6; ++i) {
    set.images.mutable_data()[2 * i] = static_cast<std::uint8_t>(10 * i);
    set.images.mutable_data()[2 * i + 1] = static_cast<std::uint8_t>(10 * i + 1);
  }
  return set;
}
}  // namespace

TEST_CASE("validate refuses labels out of range, wrong counts and wrong shapes, and says which") {
  six().validate();
  ImageDataset set = six();
  set.labels[3] = 2;
  CHECK(error_of([&] { set.validate(); }) == "data set 'six': label 2 of image 3 is not in 0..1");
  set.labels[3] = -1;
  CHECK(contains(error_of([&] { set.validate(); }), "label -1 of image 3"));
  set.labels.pop_back();
  CHECK(contains(error_of([&] { set.validate(); }), "6 images need as many labels, got 5"));
  set = six();
  set.images = set.images.reshape({6, 2});
  CHECK(contains(error_of([&] { set.validate(); }), "[N,H,W,C] with at least one image, got [6,2]"));
  CHECK_THROWS_AS(ImageDataset{}.validate(), Error);
}

TEST_CASE("subset takes images and labels in the order of the indices") {
  const std::vector<std::int64_t> indices{5, 1, 1};
  const ImageDataset part = six().subset(indices);
  part.validate();
  CHECK(part.labels == std::vector<std::int32_t>{0, 1, 1});
  const std::vector<std::uint8_t> bytes(part.images.values().begin(), part.images.values().end());
  CHECK(bytes == std::vector<std::uint8_t>{50, 51, 10, 11, 10, 11});
  const std::vector<std::int64_t> outside{6};
  CHECK(contains(error_of([&] { six().subset(outside); }), "has images 0..5, asked for 6"));
  CHECK(contains(error_of([&] { six().subset({}); }), "at least one image"));
}

TEST_CASE("head shares the images and refuses more than there are") {
  const ImageDataset set = six();
  const ImageDataset part = set.head(4);
  CHECK(part.size() == 4);
  CHECK(part.labels == std::vector<std::int32_t>{0, 1, 0, 1});
  CHECK(part.images.data() == set.images.data());
  CHECK(contains(error_of([&] { set.head(7); }), "has 6 images, asked for the first 7"));
}

TEST_CASE("stratified takes the first images of every class in file order, and the rest is the complement") {
  const ImageDataset part = six().stratified(2);
  CHECK(part.labels == std::vector<std::int32_t>{0, 1, 0, 1});
  CHECK(part.class_counts() == std::vector<std::int64_t>{2, 2});
  const ImageDataset rest = six().without_stratified(2);
  CHECK(rest.labels == std::vector<std::int32_t>{1, 0});
  CHECK(int{rest.images[0]} == 40);
  CHECK(int{rest.images[2]} == 50);
  CHECK(contains(error_of([] { six().stratified(4); }), "class 'cat' has 3 images, asked for 4"));
}

TEST_CASE("channel statistics are mean and population standard deviation of byte / 255") {
  ImageDataset set{Tensor<std::uint8_t>(Shape{1, 1, 2, 2}, {0, 255, 255, 255}), {0}, {"x"}, "tiny"};
  const ChannelStatistics statistics = channel_statistics(set);
  CHECK(statistics.mean == std::vector<double>{0.5, 1.0});
  CHECK(statistics.std[0] == doctest::Approx(0.5).epsilon(1e-15));
  CHECK(statistics.std[1] == 0.0);
}
