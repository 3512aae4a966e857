#include "bitgrain/kernels/f32/tile.hpp"

#include <doctest/doctest.h>

#include <array>
#include <vector>

#include "kernels/float_case.hpp"

namespace kernels = bitgrain::kernels;

TEST_CASE("tiles are split so that every vector is covered and none takes more than 3") {
  for (std::int64_t vectors = 1; vectors <= 20; ++vectors) {
    std::int64_t left = vectors;
    while (left > 0) {
      const int take = kernels::next_tile_vectors(left);
      REQUIRE(take >= 1);
      REQUIRE(take <= kernels::kTileVectors);
      left -= take;
    }
    CHECK(left == 0);
  }
}

TEST_CASE_TEMPLATE("a tile equals its formula for every shape, start, step and way to store", Case,
                   BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using Arch = typename Case::Arch;
  constexpr std::int64_t kL = kernels::kLanes<T, Arch>;
  bitgrain::RandomStream random(1, "tile");
  for (int vectors = 1; vectors <= kernels::kTileVectors; ++vectors)
    for (std::int64_t rows = 1; rows <= kernels::tile_rows(vectors); ++rows)
      for (const std::int64_t missing : {std::int64_t{0}, std::int64_t{1}, kL - 1}) {
        const std::int64_t width = vectors * kL, columns = width - missing;
        if (columns <= 0) continue;
        const std::int64_t a_step = 1 + random.below(3), b_step = width + random.below(5), length = random.below(9);
        Guarded<T> a(600, 1), b(3 * 9 * b_step + 600, 1), start(width, 1), c(rows * (columns + 3), 1);
        fill_random(a, random);
        fill_random(b, random);
        fill_random(start, random);
        fill_random(c, random);
        const std::vector<kernels::TileSegment> segments{{3, 5}, {40, 0}, {11, 9 * b_step}};
        std::array<std::int64_t, kernels::kMaxTileRows> from{}, to{};
        for (std::size_t p = 0; p < from.size(); ++p) {
          from[p] = random.below(400);
          to[p] = static_cast<std::int64_t>(p) * (columns + 3);
        }
        const bool accumulate = random.bernoulli(0.5), with_start = random.bernoulli(0.5);
        Guarded<T> expected(c.size());
        for (std::int64_t i = 0; i < c.size(); ++i) expected[i] = c[i];
        for (std::int64_t p = 0; p < rows; ++p)
          for (std::int64_t j = 0; j < columns; ++j) {
            double sum = with_start ? double{start[j]} : 0.0;
            for (const auto& s : segments)
              for (std::int64_t k = 0; k < length; ++k)
                sum +=
                    double{a[s.a + from[static_cast<std::size_t>(p)] + k * a_step]} * double{b[s.b + k * b_step + j]};
            T& out = expected[to[static_cast<std::size_t>(p)] + j];
            out = static_cast<T>(sum + (accumulate ? double{out} : 0.0));
          }
        kernels::multiply_tile<T, Arch>(
            vectors, {a.data(), from.data(), a_step, b.data(), b_step, segments.data(), 3, length},
            {c.data(), to.data(), rows, columns, with_start ? start.data() : nullptr, accumulate});
        check_close(c, expected, 3.0 * 9 + 2, "tile");
      }
}
