#include "bitgrain/data/augment.hpp"

#include <doctest/doctest.h>

#include <set>
#include <vector>

using namespace bitgrain;

namespace {
// output(y, x) = padded(y + down, x' + right) with x' mirrored: written as plainly as possible.
std::vector<std::uint8_t> reference(const AugmentationDraw& draw, int h, int w, int c,
                                    const std::vector<std::uint8_t>& image) {
  std::vector<std::uint8_t> result(image.size());
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < w; ++x)
      for (int k = 0; k < c; ++k) {
        const int sy = y + draw.down, sx = (draw.flip ? w - 1 - x : x) + draw.right;
        const bool inside = sy >= 0 && sy < h && sx >= 0 && sx < w;
        result[static_cast<std::size_t>((y * w + x) * c + k)] =
            inside ? image[static_cast<std::size_t>((sy * w + sx) * c + k)] : std::uint8_t{0};
      }
  return result;
}

std::vector<std::uint8_t> numbered(std::size_t count) {
  std::vector<std::uint8_t> image(count);
  for (std::size_t i = 0; i < count; ++i) image[i] = static_cast<std::uint8_t>(1 + i % 255);
  return image;
}
}  // namespace

TEST_CASE("every shift, with and without flip, equals pad, crop and mirror done pixel by pixel") {
  for (const auto& [h, w, c] : {std::array{5, 7, 3}, std::array{4, 4, 1}, std::array{1, 3, 2}, std::array{6, 1, 4}}) {
    const auto image = numbered(static_cast<std::size_t>(h * w * c));
    for (int down = -8; down <= 8; ++down)
      for (int right = -8; right <= 8; ++right)
        for (const bool flip : {false, true}) {
          const AugmentationDraw draw{down, right, flip};
          std::vector<std::uint8_t> result(image.size(), 0xEE);
          augment_image(draw, h, w, c, image.data(), result.data());
          CHECK(result == reference(draw, h, w, c, image));
        }
  }
}

TEST_CASE("flipping twice gives the image back") {
  const auto image = numbered(6 * 9 * 3);
  std::vector<std::uint8_t> once(image.size()), twice(image.size());
  augment_image({0, 0, true}, 6, 9, 3, image.data(), once.data());
  augment_image({0, 0, true}, 6, 9, 3, once.data(), twice.data());
  CHECK(once != image);
  CHECK(twice == image);
}

TEST_CASE("draws stay within the padding, reach every place and flip about half of the images") {
  const Augmentation augmentation = Augmentation::pad_crop_flip(2);
  std::set<int> downs, rights;
  std::set<std::pair<int, int>> places;
  int flips = 0;
  constexpr int kDraws = 4000;
  for (std::uint64_t index = 0; index < kDraws; ++index) {
    const AugmentationDraw draw = draw_augmentation(augmentation, 7, 3, index);
    downs.insert(draw.down);
    rights.insert(draw.right);
    places.insert({draw.down, draw.right});
    flips += draw.flip;
  }
  CHECK(downs == std::set<int>{-2, -1, 0, 1, 2});
  CHECK(rights == downs);
  CHECK(places.size() == 25);
  CHECK(std::abs(flips - kDraws / 2) < 200);  // six standard deviations
}

TEST_CASE("a draw depends on seed, epoch and index, and on nothing else") {
  const Augmentation augmentation = Augmentation::pad_crop_flip();
  const auto sequence = [&](std::uint64_t seed, std::uint64_t epoch) {
    std::vector<int> all;
    for (std::uint64_t i = 0; i < 64; ++i) {
      const AugmentationDraw draw = draw_augmentation(augmentation, seed, epoch, i);
      all.insert(all.end(), {draw.down, draw.right, int{draw.flip}});
    }
    return all;
  };
  CHECK(sequence(1, 0) == sequence(1, 0));
  CHECK(sequence(1, 0) != sequence(2, 0));
  CHECK(sequence(1, 0) != sequence(1, 1));
}

TEST_CASE("without flip no draw flips, and without pad no draw moves") {
  for (std::uint64_t i = 0; i < 100; ++i) {
    CHECK_FALSE(draw_augmentation({4, false}, 1, 0, i).flip);
    const AugmentationDraw draw = draw_augmentation({0, true}, 1, 0, i);
    CHECK(draw.down == 0);
    CHECK(draw.right == 0);
  }
  CHECK_FALSE(Augmentation::none().active());
}
