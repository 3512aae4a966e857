#include "bitgrain/kernels/f32/pack.hpp"

#include <doctest/doctest.h>

#include "kernels/float_case.hpp"

namespace kernels = bitgrain::kernels;

TEST_CASE_TEMPLATE("panels cover every column once, in order, filled up to whole vectors", Case,
                   BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using Arch = typename Case::Arch;
  constexpr std::int64_t kL = kernels::kLanes<T, Arch>;
  for (std::int64_t columns = 1; columns <= 10 * kL + 1; ++columns) {
    const kernels::Panels<T, Arch> panels(columns);
    std::int64_t next = 0, width = 0;
    panels.for_each([&](const kernels::Panel& panel) {
      CHECK(panel.first == next);
      CHECK(panel.first == width);  // only the last panel is filled up
      CHECK(panel.columns <= panel.vectors * kL);
      CHECK(panel.columns > (panel.vectors - 1) * kL);
      next += panel.columns;
      width += panel.vectors * kL;
    });
    CHECK(next == columns);
    CHECK(width == panels.width());
  }
}

TEST_CASE_TEMPLATE("packing places and fills up a matrix stored in rows or in columns", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  bitgrain::RandomStream random(1, "pack");
  for (const std::int64_t rows : {1, 15, 16, 17, 40})
    for (const std::int64_t columns : {1, 3, 16, 31}) {
      const std::int64_t width = 32;
      Guarded<T> matrix(rows * columns, 1);
      fill_random(matrix, random);
      for (const bool transposed : {false, true}) {
        Guarded<T> packed(rows * width, 1);
        const std::int64_t row_step = transposed ? 1 : columns, column_step = transposed ? rows : 1;
        kernels::pack_panel<T, typename Case::Arch>(rows, columns, matrix.data(), row_step, column_step, width,
                                                    packed.data());
        std::int64_t wrong = 0;
        for (std::int64_t r = 0; r < rows; ++r)
          for (std::int64_t c = 0; c < width; ++c)
            wrong += packed[r * width + c] != (c < columns ? matrix[r * row_step + c * column_step] : T(0));
        CHECK(wrong == 0);
      }
    }
}
