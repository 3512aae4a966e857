#include "bitgrain/kernels/f32/conv2d_blocks.hpp"

#include <doctest/doctest.h>

#include "kernels/conv_case.hpp"

namespace kernels = bitgrain::kernels;

TEST_CASE("gradient blocks cover every output row of every image once and stay within their limits") {
  for (const std::int64_t batch : {1, 2, 7, 100})
    for (const std::int64_t size : {1, 8, 33, 200})
      for (const std::int64_t channels : {1, 64, 700}) {
        const bitgrain::ConvGeometry g = conv(batch, size, size, channels, channels, 3, 1, 1);
        const kernels::GradientBlocks blocks(kernels::plan_forward(g), sizeof(float));
        std::vector<int> covered(static_cast<std::size_t>(batch * g.out_h()));
        for (std::int64_t i = 0; i < blocks.count(); ++i) {
          const kernels::GradientBlock block = blocks[i];
          REQUIRE(block.images >= 1);
          REQUIRE(block.images <= blocks.max_images());
          REQUIRE(block.rows >= 1);
          REQUIRE(block.rows <= blocks.max_rows());
          for (std::int64_t n = block.image; n < block.image + block.images; ++n)
            for (std::int64_t r = block.row; r < block.row + block.rows; ++r)
              ++covered.at(static_cast<std::size_t>(n * g.out_h() + r));
        }
        CHECK(std::all_of(covered.begin(), covered.end(), [](int times) { return times == 1; }));
      }
}

TEST_CASE_TEMPLATE("parts are added in order, also onto themselves", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  for (const std::int64_t size : {1, 16, 37}) {
    Guarded<T> parts(3 * size, 1), total(size, 1), expected(size);
    bitgrain::RandomStream random(1, "parts");
    fill_random(parts, random);
    for (std::int64_t i = 0; i < size; ++i) expected[i] = (parts[i] + parts[size + i]) + parts[2 * size + i];
    kernels::detail::add_parts<T, typename Case::Arch>(3, size, parts.data(), total.data());
    CHECK(total == expected);
    kernels::detail::add_parts<T, typename Case::Arch>(3, size, parts.data(), parts.data());
    for (std::int64_t i = 0; i < size; ++i) CHECK(parts[i] == expected[i]);
  }
}
