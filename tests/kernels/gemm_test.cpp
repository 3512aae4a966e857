// Protects matrix products as callers see them: all transposes, sizes, scalings, strides, and every way to cut the
// work.
#include "bitgrain/kernels/f32/gemm.hpp"

#include <doctest/doctest.h>

#include <array>

#include "kernels/product_case.hpp"

namespace {
namespace kernels = bitgrain::kernels;
using bitgrain::RandomStream;

template <class T, class Arch>
void compare(const Product& product, RandomStream& random) {
  compare_product<T>(product, random, [](const Product& p, const T* a, const T* b, T* c) {
    kernels::gemm<T, Arch>(p.trans_a, p.trans_b, p.m, p.n, p.k, static_cast<T>(p.alpha), a, p.lda(), b, p.ldb(),
                           static_cast<T>(p.beta), c, p.ldc());
  });
}
}  // namespace

TEST_CASE_TEMPLATE("gemm equals its reference in all transpose cases at awkward sizes", Case, BITGRAIN_FLOAT_CASES) {
  RandomStream random(1, "gemm");
  for (const bool trans_a : {false, true})
    for (const bool trans_b : {false, true})
      for (const std::int64_t m : {1, 2, 3, 4, 5, 7, 8, 9, 14, 15, 33})
        for (const std::int64_t n : {1, 2, 10, 15, 16, 17, 47, 48, 49, 65})
          for (const std::int64_t k : {1, 5, 16, 31})
            compare<typename Case::T, typename Case::Arch>({m, n, k, trans_a, trans_b}, random);
}

TEST_CASE_TEMPLATE("gemm scales by alpha and beta and leaves the gaps between rows alone", Case,
                   BITGRAIN_FLOAT_CASES) {
  RandomStream random(2, "gemm");
  for (const double alpha : {1.0, -0.5, 0.0})
    for (const double beta : {0.0, 1.0, 0.25})
      for (const bool trans : {false, true}) {
        Product p{13, 32, 21, trans, !trans, alpha, beta, 3};
        compare<typename Case::T, typename Case::Arch>(p, random);
        p = {13, 30, 21, trans, trans, alpha, beta, 1};
        compare<typename Case::T, typename Case::Arch>(p, random);
      }
}

TEST_CASE_TEMPLATE("gemm joins blocks and chunks of a long inner dimension", Case, BITGRAIN_FLOAT_CASES) {
  RandomStream random(3, "gemm");
  for (const std::int64_t k : {511, 512, 513, 1030, 4500})
    for (const double beta : {0.0, 1.0}) {
      compare<typename Case::T, typename Case::Arch>({5, 16, k, false, false, 1, beta, 0}, random);
      compare<typename Case::T, typename Case::Arch>({6, 19, k, true, true, 2, beta, 1}, random);
    }
}

TEST_CASE("gemm cut into blocks of columns and of rows equals its reference") {
  RandomStream random(4, "gemm");
  for (const bool trans_a : {false, true})
    for (const bool trans_b : {false, true})
      for (const double beta : {0.0, 2.0}) {
        using Arch = kernels::DefaultArch;
        compare<float, Arch>({131, 257, 77, trans_a, trans_b, 1, beta, 0}, random);   // by columns, A in place
        compare<float, Arch>({67, 300, 1100, trans_a, trans_b, 1, beta, 1}, random);  // by columns, A packed
        compare<float, Arch>({701, 262, 600, trans_a, trans_b, 3, beta, 0}, random);  // by rows, A packed
        compare<float, Arch>({1500, 17, 50, trans_a, trans_b, 1, beta, 5}, random);   // by rows, tall and thin
        compare<float, Arch>({150, 150, 2, trans_a, trans_b, 1, beta, 0}, random);    // sums of scaled rows
        compare<float, Arch>({257, 300, 4, trans_a, trans_b, 2, beta, 3}, random);
        compare<float, Arch>({257, 300, 5, trans_a, trans_b, 2, beta, 3}, random);
        compare<float, Arch>({17, 257, 511, trans_a, trans_b, 1, beta, 1}, random);    // dots, if B is transposed
        compare<float, Arch>({127, 17, 1031, trans_a, trans_b, -1, beta, 0}, random);  // or if A is not
        compare<float, Arch>({64, 5, 64, trans_a, trans_b, 1, beta, 2}, random);
        compare<float, kernels::ScalarArch>({200, 90, 70, trans_a, trans_b, 1, beta, 0}, random);
        compare<double, Arch>({300, 80, 90, trans_a, trans_b, 1, beta, 0}, random);
      }
}

TEST_CASE("gemm without rows or columns does nothing, and with an inner dimension of 0 only scales C") {
  float c[6] = {1, 2, 3, 4, 5, 6};
  const float* none = nullptr;
  kernels::gemm(false, false, 0, 3, 4, 1, none, 4, none, 3, 0, c, 3);
  kernels::gemm(false, false, 2, 0, 4, 1, none, 4, none, 1, 0, c, 3);
  CHECK(c[0] == 1);
  kernels::gemm(false, true, 2, 3, 0, 1, none, 1, none, 1, 0.5f, c, 3);
  for (int i = 0; i < 6; ++i) CHECK(c[i] == 0.5f * static_cast<float>(i + 1));
  kernels::gemm(false, true, 2, 3, 0, 1, none, 1, none, 1, 0, c, 3);
  for (const float v : c) CHECK(v == 0);
}

TEST_CASE("gemm gives the same bits at 1, 2 and 3 threads") {
  RandomStream random(5, "gemm");
  for (const bool trans : {false, true})
    for (const auto& size : {std::array<std::int64_t, 3>{300, 100, 64},
                             {16, 48, 20000},
                             {150, 400, 700},
                             {3000, 40, 30},
                             {3000, 300, 3},
                             {1, 3000, 200},
                             {11, 3000, 500}}) {
      const std::int64_t m = size[0], n = size[1], k = size[2];
      Guarded<float> a(m * k), b(k * n);
      fill_random(a, random);
      fill_random(b, random);
      const auto results = at_threads([&] {
        Guarded<float> c(m * n);
        kernels::gemm(!trans, trans, m, n, k, 1, a.data(), trans ? k : m, b.data(), trans ? k : n, 0, c.data(), n);
        return c.values();
      });
      CHECK(results[0] == results[1]);
      CHECK(results[0] == results[2]);
    }
}
