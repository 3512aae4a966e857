#include "bitgrain/kernels/f32/gemm.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

#include "bitgrain/base/check.hpp"
#include "bitgrain/kernels/reference/gemm.hpp"
#include "kernels/float_case.hpp"

namespace {
namespace kernels = bitgrain::kernels;
using bitgrain::RandomStream;

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

// |error| <= (k + 2) epsilon * |alpha| + |beta| epsilon for entries in [-1, 1].
template <class T, class Arch>
void compare(const Product& p, RandomStream& random) {
  Guarded<T> a((p.trans_a ? p.k : p.m) * p.lda(), 1), b((p.trans_b ? p.n : p.k) * p.ldb(), 1);
  Guarded<T> got(p.m * p.ldc(), 1), expected(p.m * p.ldc());
  fill_random(a, random);
  fill_random(b, random);
  fill_random(got, random);
  for (std::int64_t i = 0; i < got.size(); ++i) expected[i] = got[i];
  if (p.beta == 0)
    for (std::int64_t i = 0; i < p.m; ++i)
      for (std::int64_t j = 0; j < p.n; ++j) got[i * p.ldc() + j] = std::numeric_limits<T>::quiet_NaN();
  const T alpha = static_cast<T>(p.alpha), beta = static_cast<T>(p.beta);
  kernels::gemm<T, Arch>(p.trans_a, p.trans_b, p.m, p.n, p.k, alpha, a.data(), p.lda(), b.data(), p.ldb(), beta,
                         got.data(), p.ldc());
  kernels::reference::gemm(p.trans_a, p.trans_b, p.m, p.n, p.k, alpha, a.data(), p.lda(), b.data(), p.ldb(), beta,
                           expected.data(), p.ldc());
  check_close(got, expected, static_cast<double>(p.k + 2) * std::abs(p.alpha) + std::abs(p.beta), p.name());
}
}  // namespace

TEST_CASE_TEMPLATE("gemm equals its reference in all transpose cases at awkward sizes", Case, BITGRAIN_FLOAT_CASES) {
  RandomStream random(1, "gemm");
  for (const bool trans_a : {false, true})
    for (const bool trans_b : {false, true})
      for (const std::int64_t m : {1, 3, 7, 8, 9, 33})
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

TEST_CASE("gemm with many row blocks equals its reference") {
  RandomStream random(4, "gemm");
  compare<float, kernels::DefaultArch>({210, 130, 40}, random);
  compare<float, kernels::DefaultArch>({97, 50, 33, true, false}, random);
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
  for (const auto& size : {std::array<std::int64_t, 3>{300, 100, 64}, {16, 48, 20000}}) {
    const std::int64_t m = size[0], n = size[1], k = size[2];
    Guarded<float> a(m * k), b(k * n);
    fill_random(a, random);
    fill_random(b, random);
    const auto results = at_threads([&] {
      Guarded<float> c(m * n);
      kernels::gemm(true, false, m, n, k, 1, a.data(), m, b.data(), n, 0, c.data(), n);
      return c.values();
    });
    CHECK(results[0] == results[1]);
    CHECK(results[0] == results[2]);
  }
}
