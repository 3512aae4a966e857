#include "bitgrain/deploy/engine_ops.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <utility>
#include <vector>

namespace {
using namespace bitgrain;
using namespace bitgrain::deploy;
}  // namespace

TEST_CASE("pools skip what lies in the padding, for every image of a batch") {
  const PoolGeometry g{1, 3, 3, 1, Window2d::square(2, 2, 1)};
  const std::vector<std::uint8_t> x{1, 9, 2, 4, 3, 5, 8, 7, 6, 0, 0, 0, 0, 1, 0, 0, 0, 2};
  std::vector<std::uint8_t> largest(64);  // g++ 12 warns of vector stores that one channel never reaches
  max_pool_rows(g, 2, x.data(), largest.data());
  largest.resize(8);
  CHECK(largest == std::vector<std::uint8_t>{1, 9, 8, 7, 0, 0, 0, 2});
  std::vector<std::int32_t> sum(8);
  sum_pool_rows(g, 2, x.data(), 0, sum.data());
  CHECK(sum == std::vector<std::int32_t>{1, 11, 12, 21, 0, 0, 0, 3});
  sum_pool_rows(g, 2, x.data(), 128, sum.data());
  CHECK(sum[0] == 1 - 128);
  CHECK(sum[1] == 11 - 2 * 128);
  CHECK(sum[3] == 21 - 4 * 128);
  const std::vector<float> real(x.begin(), x.end());
  std::vector<float> mean(8);
  mean_pool_rows(g, 2, real.data(), mean.data());
  CHECK(mean == std::vector<float>{0.25f, 2.75f, 3, 5.25f, 0, 0, 0, 0.75f});
}

TEST_CASE("shortcut A takes every stride-th pixel and pads channels with the zero given") {
  const Value in{"x", 3, 2, 2, ValueType::kU8, 8, 1.0, 0};
  std::vector<std::uint8_t> x{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, y(64);
  x.resize(64);  // g++ 12 warns of blocks of channels that these images never reach
  subsample_pad_rows(SubsamplePadOp{0, 1, 2, 1, 1}, in, 1, x.data(), std::uint8_t{77}, y.data());
  y.resize(8);
  CHECK(y == std::vector<std::uint8_t>{77, 1, 2, 77, 77, 9, 10, 77});
}

TEST_CASE("shortcut A of any width: whole blocks of channels and the rest of them, odd sizes, several images") {
  for (const std::int64_t channels : {1, 3, 15, 16, 17, 31, 32, 35})
    for (const std::int64_t stride : {1, 2, 3})
      for (const auto& [height, width] : {std::pair<std::int64_t, std::int64_t>{1, 1}, {5, 4}, {2, 7}}) {
        const std::int64_t images = 2, before = channels / 2, after = 3;
        const Value in{"x", height, width, channels, ValueType::kU8, 8, 1.0, 0};
        std::vector<std::uint8_t> x(static_cast<std::size_t>(images * height * width * channels)), expected;
        for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<std::uint8_t>(i * 37 % 251);
        for (std::int64_t n = 0; n < images; ++n)
          for (std::int64_t iy = 0; iy < height; iy += stride)
            for (std::int64_t ix = 0; ix < width; ix += stride) {
              const auto pixel = x.begin() + ((n * height + iy) * width + ix) * channels;
              expected.insert(expected.end(), static_cast<std::size_t>(before), 255);
              expected.insert(expected.end(), pixel, pixel + channels);
              expected.insert(expected.end(), static_cast<std::size_t>(after), 255);
            }
        std::vector<std::uint8_t> y(expected.size() + 1, 99);
        subsample_pad_rows(SubsamplePadOp{0, 1, stride, before, after}, in, images, x.data(), std::uint8_t{255},
                           y.data());
        CHECK(y.back() == 99);  // nothing is written past the end
        y.pop_back();
        CHECK(y == expected);
      }
}

TEST_CASE("every channel has its own table") {
  std::vector<std::uint8_t> table(512);
  for (std::size_t i = 0; i < 512; ++i) table[i] = static_cast<std::uint8_t>(i < 256 ? i : 255 - i % 256);
  const std::uint8_t image[] = {1, 1, 200, 200};
  std::vector<std::uint8_t> codes(4);
  look_up_rows(table.data(), 2, 2, image, codes.data());
  CHECK(codes == std::vector<std::uint8_t>{1, 254, 200, 55});
  look_up_rows(table.data(), 4, 1, image, codes.data());
  CHECK(codes == std::vector<std::uint8_t>{1, 1, 200, 200});
}

TEST_CASE("affine: scaled terms, shift, clip") {
  const AffineOp op{"affine", 2, {{0, {2.0f, -1.0f}}, {1, {1.0f, 0.5f}}}, {1.0f, 0.5f}, 0.0f, 6.0f};
  const std::vector<float> a{1, 1, 5, -3}, b{1, 1, 0, 2};
  const float* sources[] = {a.data(), b.data()};
  std::vector<float> y(4);
  affine_rows(op, 2, sources, y.data());
  CHECK(y == std::vector<float>{4, 0, 6, 4.5f});
}
