#include "bitgrain/kernels/f32/conv2d_blocks.hpp"

#include <doctest/doctest.h>

#include "kernels/conv_case.hpp"

namespace kernels = bitgrain::kernels;

namespace {
void check_cover(const kernels::PixelBlocks& blocks, const bitgrain::ConvGeometry& g) {
  std::vector<int> covered(static_cast<std::size_t>(g.batch * g.out_h()));
  for (std::int64_t i = 0; i < blocks.count(); ++i) {
    const kernels::PixelBlock block = blocks[i];
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
}  // namespace

TEST_CASE("blocks cover every output row of every image once and stay within their limits") {
  for (const std::int64_t batch : {1, 2, 7, 100})
    for (const std::int64_t size : {1, 8, 33, 200})
      for (const std::int64_t channels : {1, 64, 700}) {
        const bitgrain::ConvGeometry g = conv(batch, size, size, channels, channels, 3, 1, 1);
        check_cover(kernels::GradientBlocks(kernels::plan_forward(g), sizeof(float)), g);
        check_cover(kernels::OutputBlocks(kernels::plan_forward(g), sizeof(float)), g);
        for (const std::int64_t wanted : {1, 3, 1000}) check_cover(kernels::PixelBlocks(batch, g.out_h(), wanted), g);
      }
}

TEST_CASE("units of output cover every panel of every block once") {
  for (const std::int64_t batch : {1, 40})
    for (const std::int64_t channels : {8, 700}) {
      const kernels::ConvPlan plan = kernels::plan_forward(conv(batch, 14, 14, channels, channels, 3, 1, 1));
      const std::int64_t panels = 1 + channels / 32;
      const kernels::OutputUnits units(plan, panels, sizeof(float));
      CHECK(units.grain() >= 1);
      std::vector<std::int64_t> rows(static_cast<std::size_t>(panels));
      for (std::int64_t i = 0; i < units.count(); ++i)
        for (std::int64_t p = units[i].first_panel; p < units[i].last_panel; ++p)
          rows.at(static_cast<std::size_t>(p)) += units[i].block.rows * units[i].block.images;
      for (const std::int64_t r : rows) CHECK(r == batch * 14);
    }
}

TEST_CASE("a block within fewer rows loses the rest, or all") {
  const kernels::PixelBlock block{3, 1, 4, 5};
  CHECK(block.within(100).rows == 5);
  CHECK(block.within(7).rows == 3);
  CHECK(block.within(3).rows <= 0);
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
