#include "bitgrain/kernels/f32/columns.hpp"

#include <doctest/doctest.h>

#include "kernels/float_case.hpp"

namespace kernels = bitgrain::kernels;

TEST_CASE("row blocks cover all rows in at most 64 chunks of whole blocks") {
  for (const std::int64_t rows : {0, 1, 63, 1000, 100000, 5000000})
    for (const std::int64_t cols : {1, 3, 16, 512, 10000}) {
      const kernels::RowBlocks shape(rows, cols);
      CHECK(shape.block >= 1);
      CHECK(shape.chunk % shape.block == 0);
      CHECK(shape.chunks <= 64);
      CHECK(shape.chunks * shape.chunk >= rows);
      CHECK((shape.chunks - 1) * shape.chunk < std::max<std::int64_t>(1, rows));
    }
}

TEST_CASE_TEMPLATE("sum_rows adds every row once, whatever the number of rows", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using V = kernels::Vec<T, typename Case::Arch>;
  for (std::int64_t rows = 0; rows <= 9; ++rows) {
    const auto sums = kernels::sum_rows<V, 2>(2, 2 + rows, [](std::int64_t r) {
      return std::array<V, 2>{V(static_cast<T>(r)), V(T(1))};
    });
    T first[V::size], second[V::size];
    kernels::store_all(first, sums[0]);
    kernels::store_all(second, sums[1]);
    CHECK(first[0] == static_cast<T>(rows * (rows + 3) / 2));
    CHECK(second[V::size - 1] == static_cast<T>(rows));
  }
}

TEST_CASE_TEMPLATE("sum_columns sums several functions of the rows per column", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using V = kernels::Vec<T, typename Case::Arch>;
  for (const std::int64_t rows : {0, 1, 5, 700})
    for (const std::int64_t cols : {1, 7, 16, 19, 64}) {
      Guarded<T> x(rows * cols, 1);
      for (std::int64_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(i % 7);
      const auto sums = kernels::sum_columns<T, typename Case::Arch, 2>(
          rows, cols, [p = x.data(), cols](std::int64_t c, auto count) {
            return [=](std::int64_t r) {
              const V v = kernels::load_lanes<V>(p + r * cols + c, count);
              return std::array<V, 2>{v, v * v};
            };
          });
      REQUIRE(static_cast<std::int64_t>(sums.size()) == 2 * cols);
      for (std::int64_t c = 0; c < cols; ++c) {
        double sum = 0, squares = 0;  // small integers: exact in every order
        for (std::int64_t r = 0; r < rows; ++r) {
          sum += double{x[r * cols + c]};
          squares += double{x[r * cols + c]} * double{x[r * cols + c]};
        }
        CHECK(sums[static_cast<std::size_t>(c)] == sum);
        CHECK(sums[static_cast<std::size_t>(cols + c)] == squares);
      }
    }
}

TEST_CASE_TEMPLATE("column groups cover every column once and in order", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  constexpr std::int64_t kL = kernels::kLanes<T, typename Case::Arch>;
  for (std::int64_t cols = 0; cols <= 9 * kL + 1; ++cols) {
    std::int64_t next = 0;
    kernels::for_each_column_group<T, typename Case::Arch>(cols, [&](std::int64_t c, auto count, auto group) {
      CHECK(c == next);
      CHECK((count == kL || (decltype(group)::value == 1 && count < kL)));
      next += count * static_cast<std::int64_t>(decltype(group)::value);
    });
    CHECK(next == cols);
  }
}

TEST_CASE_TEMPLATE("for_each_row visits every element once", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using V = kernels::Vec<T, typename Case::Arch>;
  for (const std::int64_t rows : {0, 1, 3, 2000})
    for (const std::int64_t cols : {0, 1, 7, 16, 19, 64, 97}) {
      Guarded<T> x(rows * cols, 1);
      for (std::int64_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(i % 5);
      kernels::for_each_row<T, typename Case::Arch>(rows, cols, [p = x.data(), cols](std::int64_t c, auto count) {
        return [=](std::int64_t r) {
          T* at = p + r * cols + c;
          kernels::store_lanes(at, count, kernels::load_lanes<V>(at, count) + V(static_cast<T>(1)));
        };
      });
      std::int64_t wrong = 0;
      for (std::int64_t i = 0; i < x.size(); ++i) wrong += x[i] != static_cast<T>(i % 5 + 1);
      CHECK(wrong == 0);
    }
}
