#include "bitgrain/deploy/engine_ops.hpp"

#include <doctest/doctest.h>

#include <limits>
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
  const std::vector<std::uint8_t> x{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  std::vector<std::uint8_t> y(8);
  subsample_pad_rows(SubsamplePadOp{0, 1, 2, 1, 1}, in, 1, x.data(), std::uint8_t{77}, y.data());
  CHECK(y == std::vector<std::uint8_t>{77, 1, 2, 77, 77, 9, 10, 77});
}

TEST_CASE("every channel has its own table") {
  std::vector<std::uint8_t> table(512);
  for (std::size_t i = 0; i < 512; ++i) table[i] = static_cast<std::uint8_t>(i < 256 ? i : 255 - i % 256);
  const std::uint8_t image[] = {1, 1, 200, 200};
  std::vector<std::uint8_t> codes(4);
  look_up_rows(table, 2, 2, image, codes.data());
  CHECK(codes == std::vector<std::uint8_t>{1, 254, 200, 55});
  look_up_rows(table, 4, 1, image, codes.data());
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
