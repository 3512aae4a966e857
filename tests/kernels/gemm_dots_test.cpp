// Protects products as dot products: any number of vectors, on either side of the product, sums of any length.
#include "bitgrain/kernels/f32/gemm_dots.hpp"

#include <doctest/doctest.h>

#include "kernels/product_case.hpp"

namespace kernels = bitgrain::kernels;

TEST_CASE_TEMPLATE("dot products equal the product's reference", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  bitgrain::RandomStream random(1, "gemm_dots");
  const auto multiply = [](const Product& p, const T* a, const T* b, T* c) {
    const kernels::GemmProblem<T> problem{p.m,
                                          p.n,
                                          p.k,
                                          a,
                                          p.trans_a ? 1 : p.lda(),
                                          p.trans_a ? p.lda() : 1,
                                          b,
                                          p.trans_b ? 1 : p.ldb(),
                                          p.trans_b ? p.ldb() : 1,
                                          static_cast<T>(p.alpha),
                                          static_cast<T>(p.beta),
                                          c,
                                          p.ldc()};
    CHECK(kernels::gemm_long_along_terms(problem));
    kernels::gemm_dots<T, typename Case::Arch>(problem);
  };
  for (const bool trans : {false, true})
    for (const double beta : {0.0, 0.5}) {
      for (const std::int64_t vectors : {1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 17})
        for (const std::int64_t length : {18, 19, 32, 41, 83})
          for (const std::int64_t k : {2, 3, 15, 16, 17, 31, 64, 101}) {
            compare_product<T>({vectors, length, k, trans, true, 1, beta, 0}, random, multiply);
            compare_product<T>({length, vectors, k, false, trans, -2, beta, 3}, random, multiply);
          }
      for (const std::int64_t vectors : {1, 4, 5, 6, 12})
        for (const std::int64_t k : {1023, 1024, 1025, 2500}) {
          compare_product<T>({vectors, 45, k, trans, true, 1, beta, 1}, random, multiply);
          compare_product<T>({130, vectors, k, false, trans, 1, beta, 0}, random, multiply);
        }
    }
}
