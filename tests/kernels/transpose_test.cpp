// Protects the packing of matrices against their grain: every lane must change places with its row. And the sums of
// dot products: every lane must be counted in its row's sum.
#include "bitgrain/kernels/transpose.hpp"

#include <doctest/doctest.h>

#include "kernels/float_case.hpp"

namespace kernels = bitgrain::kernels;

TEST_CASE_TEMPLATE("transposing a square of vectors exchanges rows and lanes", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using V = kernels::Vec<T, typename Case::Arch>;
  constexpr int kL = static_cast<int>(V::size);
  T square[kL][kL];
  V rows[kL];
  for (int i = 0; i < kL; ++i) {
    for (int j = 0; j < kL; ++j) square[i][j] = static_cast<T>(100 * i + j);
    rows[i] = kernels::load_all<V>(square[i]);
  }
  kernels::transpose_square(rows);
  for (int i = 0; i < kL; ++i) {
    T lanes[kL];
    kernels::store_all(lanes, rows[i]);
    for (int j = 0; j < kL; ++j) CHECK(lanes[j] == square[j][i]);
  }
}

TEST_CASE_TEMPLATE("lane i of the sum of each is the sum of row i", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using V = kernels::Vec<T, typename Case::Arch>;
  constexpr int kL = static_cast<int>(V::size);
  T expected[kL], lanes[kL];
  V rows[kL];
  for (int i = 0; i < kL; ++i) {
    expected[i] = 0;
    for (int j = 0; j < kL; ++j) expected[i] += lanes[j] = static_cast<T>((i * 31 + j * 17) % 41 * (j + 1));
    rows[i] = kernels::load_all<V>(lanes);
  }
  kernels::store_all(lanes, kernels::sum_of_each(rows));
  for (int i = 0; i < kL; ++i) CHECK(lanes[i] == expected[i]);
}
