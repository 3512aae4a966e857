// Protects products with one to four rows or columns: all ways their long matrix can stand.
#include "bitgrain/kernels/f32/gemm_thin.hpp"

#include <doctest/doctest.h>

#include "kernels/product_case.hpp"

namespace kernels = bitgrain::kernels;

TEST_CASE_TEMPLATE("a matrix times a few vectors equals its reference, on either side of the product", Case,
                   BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  bitgrain::RandomStream random(1, "gemm_thin");
  const auto multiply = [](const Product& p, const T* a, const T* b, T* c) {
    kernels::gemm_thin<T, typename Case::Arch>({p.m, p.n, p.k, a, p.trans_a ? 1 : p.lda(), p.trans_a ? p.lda() : 1, b,
                                                p.trans_b ? 1 : p.ldb(), p.trans_b ? p.ldb() : 1,
                                                static_cast<T>(p.alpha), static_cast<T>(p.beta), c, p.ldc()});
  };
  for (const bool trans_a : {false, true})
    for (const bool trans_b : {false, true})
      for (const std::int64_t vectors : {1, 2, 3, 4})
        for (const std::int64_t length : {1, 2, 5, 16, 31, 65, 600})
          for (const std::int64_t k : {1, 3, 8, 17, 100})
            for (const double beta : {0.0, 0.5}) {
              compare_product<T>({vectors, length, k, trans_a, trans_b, 1, beta, 0}, random, multiply);
              compare_product<T>({length, vectors, k, trans_a, trans_b, -2, beta, 3}, random, multiply);
            }
}
