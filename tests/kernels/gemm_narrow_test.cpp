// Protects products with eight columns, which are computed in half vectors: any rows, terms and places of B.
#include "bitgrain/kernels/f32/gemm_narrow.hpp"

#include <doctest/doctest.h>

#include "kernels/product_case.hpp"

namespace kernels = bitgrain::kernels;

TEST_CASE_TEMPLATE("products with eight columns equal the product's reference", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using Arch = typename Case::Arch;
  if constexpr (kernels::kLanes<T, kernels::detail::EightLanesArch<T, Arch>> == kernels::kGemmNarrowColumns) {
    bitgrain::RandomStream random(1, "gemm_narrow");
    const auto multiply = [](const Product& p, const T* a, const T* b, T* c) {
      const kernels::GemmProblem<T> problem{p.m,
                                            p.n,
                                            p.k,
                                            a,
                                            p.lda(),
                                            1,
                                            b,
                                            p.trans_b ? 1 : p.ldb(),
                                            p.trans_b ? p.ldb() : 1,
                                            static_cast<T>(p.alpha),
                                            static_cast<T>(p.beta),
                                            c,
                                            p.ldc()};
      REQUIRE(kernels::is_narrow<T, Arch>(problem));
      kernels::gemm_narrow<T, Arch>(problem);
    };
    for (const bool trans_b : {false, true})
      for (const double beta : {0.0, 1.0, 0.5})
        for (const std::int64_t m : {32, 33, 35, 37, 1026, 1031, 2053})
          for (const std::int64_t k : {1, 2, 3, 7, 8, 13, 31, 64}) {
            compare_product<T>({m, 8, k, false, trans_b, 1, beta, 0}, random, multiply);
            compare_product<T>({m, 8, k, false, trans_b, -2, beta, 3}, random, multiply);
          }
  }
}

TEST_CASE("other products are left to the tiles") {
  using Arch = kernels::DefaultArch;
  const float* none = nullptr;
  const kernels::GemmProblem<float> narrow{64, 8, 8, none, 8, 1, none, 8, 1, 1, 0, nullptr, 8};
  const auto changed = [&](auto change) {
    kernels::GemmProblem<float> p = narrow;
    change(p);
    return kernels::is_narrow<float, Arch>(p);
  };
  CHECK_FALSE(changed([](auto& p) { p.n = 7; }));
  CHECK_FALSE(changed([](auto& p) { p.n = 9; }));
  CHECK_FALSE(changed([](auto& p) { p.k = 65; }));
  CHECK_FALSE(changed([](auto& p) { p.a_step = 64, p.a_row = 1; }));
}
