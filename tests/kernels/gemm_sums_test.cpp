// Protects products as sums of scaled rows: few rows, few columns, few terms, however the matrices stand.
#include "bitgrain/kernels/f32/gemm_sums.hpp"

#include <doctest/doctest.h>

#include "kernels/product_case.hpp"

namespace kernels = bitgrain::kernels;

TEST_CASE_TEMPLATE("sums of scaled rows equal the product's reference", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  bitgrain::RandomStream random(1, "gemm_sums");
  const auto multiply = [](const Product& p, const T* a, const T* b, T* c) {
    kernels::gemm_sums<T, typename Case::Arch>({p.m, p.n, p.k, a, p.trans_a ? 1 : p.lda(), p.trans_a ? p.lda() : 1, b,
                                                p.trans_b ? 1 : p.ldb(), p.trans_b ? p.ldb() : 1,
                                                static_cast<T>(p.alpha), static_cast<T>(p.beta), c, p.ldc()});
  };
  for (const bool trans_a : {false, true})
    for (const bool trans_b : {false, true})
      for (const double beta : {0.0, 1.0, 0.5}) {
        for (const std::int64_t few : {1, 2, 3, 4, 5, 7})
          for (const std::int64_t length : {1, 2, 5, 16, 31, 65, 600})
            for (const std::int64_t k : {1, 2, 3, 8, 13, 17, 100}) {
              compare_product<T>({few, length, k, trans_a, trans_b, 1, beta, 0}, random, multiply);
              compare_product<T>({length, few, k, trans_a, trans_b, -2, beta, 3}, random, multiply);
            }
        for (const std::int64_t length : {1023, 1024, 1025, 2047, 2049, 4097, 4111})  // strips
          for (const std::int64_t few : {1, 2, 4, 5}) {
            compare_product<T>({few, length, 3, trans_a, trans_b, 1, beta, 1}, random, multiply);
            compare_product<T>({length, few, 11, trans_a, trans_b, 1, beta, 1}, random, multiply);
          }
      }
}
