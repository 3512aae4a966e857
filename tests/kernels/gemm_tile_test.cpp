// Protects the register tile in every shape, and how rows are cut into tiles.
#include "bitgrain/kernels/f32/gemm_tile.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "kernels/float_case.hpp"

namespace kernels = bitgrain::kernels;

TEST_CASE_TEMPLATE("row tiles store every row once, are even and never too high", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using Arch = typename Case::Arch;
  for (std::int64_t m = 2; m <= 100; ++m) {
    CAPTURE(m);
    const kernels::RowTiles<T, Arch> tiles(m);
    std::int64_t next = 0;
    for (std::int64_t i = 0; i < tiles.count(); ++i) {
      const auto tile = tiles[i];
      CHECK(tile.first >= 0);
      CHECK(tile.first + tile.skip == next);
      CHECK(tile.rows % 2 == 0);
      CHECK(tile.rows >= 2);
      CHECK(tile.rows <= kernels::kGemmTileRows<T, Arch>);
      CHECK(tiles.place(i + 1) - tiles.place(i) == tile.rows);
      next = tile.first + tile.rows;
    }
    CHECK(next == m);
  }
}

TEST_CASE_TEMPLATE("a tile of a product equals its formula in every shape", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using Arch = typename Case::Arch;
  constexpr std::int64_t kL = kernels::kLanes<T, Arch>;
  bitgrain::RandomStream random(1, "gemm_tile");
  for (int rows = 2; rows <= kernels::kGemmTileRows<T, Arch>; rows += 2)
    for (int vectors = 1; vectors <= kernels::kGemmTileVectors; ++vectors)
      for (const bool row_wise : {false, true})
        for (const std::int64_t missing : {std::int64_t{0}, kL / 2, kL - 1})
          for (const double beta : {0.0, 1.0, -0.5})
            for (const double alpha : {1.0, 0.5})
              for (const std::int64_t depth : {1, 2, 7, 65}) {
                const std::int64_t width = vectors * kL, columns = width - missing, ldc = columns + 3;
                const std::int64_t a_row = row_wise ? depth + 2 : 1, a_step = row_wise ? 1 : rows + 1;
                const std::int64_t b_step = width + 1;
                Guarded<T> a((rows - 1) * a_row + (depth - 1) * a_step + 1, 1), c(rows * ldc, 1),
                    expected(rows * ldc);
                Guarded<T> b((depth - 1) * b_step + (kernels::kGemmMasksColumns<T, Arch> ? columns : width), 1);
                fill_random(a, random);
                fill_random(b, random);
                fill_random(c, random);
                const int skip = depth == 7;
                for (std::int64_t i = 0; i < c.size(); ++i) expected[i] = c[i];
                for (std::int64_t r = skip; r < rows; ++r)
                  for (std::int64_t j = 0; j < columns; ++j) {
                    double sum = 0;
                    for (std::int64_t k = 0; k < depth; ++k)
                      sum += double{a[r * a_row + k * a_step]} * double{b[k * b_step + j]};
                    expected[r * ldc + j] = static_cast<T>(alpha * sum + beta * double{expected[r * ldc + j]});
                  }
                kernels::GemmTile<T> tile{a.data(),
                                          a_row,
                                          a_step,
                                          b.data(),
                                          b_step,
                                          depth,
                                          c.data(),
                                          ldc,
                                          columns,
                                          static_cast<T>(alpha),
                                          static_cast<T>(beta),
                                          skip,
                                          {}};
                kernels::gemm_tile<T, Arch>(rows, vectors, tile);
                check_close(c, expected, static_cast<double>(depth) + 2, "tile");
              }
}
