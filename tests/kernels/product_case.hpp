#pragma once

/// A matrix product to be compared with its reference.

#include <cmath>
#include <limits>
#include <string>

#include "bitgrain/base/check.hpp"
#include "bitgrain/kernels/reference/gemm.hpp"
#include "kernels/float_case.hpp"

struct Product {
  std::int64_t m, n, k;
  bool trans_a = false, trans_b = false;
  double alpha = 1, beta = 0;
  std::int64_t gap = 0;  // columns between the rows of the stored matrices

  std::int64_t lda() const { return (trans_a ? m : k) + gap; }
  std::int64_t ldb() const { return (trans_b ? k : n) + gap; }
  std::int64_t ldc() const { return n + gap; }
  std::string name() const {
    return bitgrain::detail::concat(trans_a ? "A^T" : "A", trans_b ? " B^T " : " B ", m, "x", n, "x", k, " alpha ",
                                    alpha, " beta ", beta, " gap ", gap);
  }
};

/// Calls `multiply(product, a, b, c)` on random misaligned matrices and compares C. With beta = 0, C holds NaN
/// before. |error| <= (k + 2) epsilon * |alpha| + |beta| epsilon for entries in [-1, 1].
template <class T, class Multiply>
void compare_product(const Product& p, bitgrain::RandomStream& random, Multiply multiply) {
  // Nothing stands behind the last row's last number: reading the gap there would be an error.
  const auto size = [](std::int64_t rows, std::int64_t row, std::int64_t gap) { return rows * row - gap; };
  Guarded<T> a(size(p.trans_a ? p.k : p.m, p.lda(), p.gap), 1), b(size(p.trans_b ? p.n : p.k, p.ldb(), p.gap), 1);
  Guarded<T> got(p.m * p.ldc(), 1), expected(p.m * p.ldc());
  fill_random(a, random);
  fill_random(b, random);
  fill_random(got, random);
  for (std::int64_t i = 0; i < got.size(); ++i) expected[i] = got[i];
  if (p.beta == 0)
    for (std::int64_t i = 0; i < p.m; ++i)
      for (std::int64_t j = 0; j < p.n; ++j) got[i * p.ldc() + j] = std::numeric_limits<T>::quiet_NaN();
  multiply(p, a.data(), b.data(), got.data());
  bitgrain::kernels::reference::gemm(p.trans_a, p.trans_b, p.m, p.n, p.k, static_cast<T>(p.alpha), a.data(), p.lda(),
                                     b.data(), p.ldb(), static_cast<T>(p.beta), expected.data(), p.ldc());
  check_close(got, expected, static_cast<double>(p.k + 2) * std::abs(p.alpha) + std::abs(p.beta), p.name());
}
