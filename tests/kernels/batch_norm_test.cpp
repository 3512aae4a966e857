#include "bitgrain/kernels/f32/batch_norm.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "bitgrain/kernels/reference/batch_norm.hpp"
#include "kernels/float_case.hpp"

namespace {
namespace kernels = bitgrain::kernels;
using bitgrain::RandomStream;
}  // namespace

TEST_CASE_TEMPLATE("statistics equal the two-pass reference, also far from zero", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  RandomStream random(1, "statistics");
  for (const std::int64_t rows : {1, 2, 3, 17, 600, 2000})
    for (const std::int64_t channels : {1, 3, 15, 16, 17, 40})
      for (const double center : {0.0, 30.0}) {
        Guarded<T> x(rows * channels, 1), mean(channels, 1), var(channels, 1), mean2(channels), var2(channels);
        fill_random(x, random, center - 1, center + 1);
        kernels::batch_norm_statistics<T, typename Case::Arch>(rows, channels, x.data(), mean.data(), var.data());
        kernels::reference::batch_norm_statistics(rows, channels, x.data(), mean2.data(), var2.data());
        // The mean of a block errs by its length (at most 8192) / 4 roundings at worst; the variance not by more
        // for being far from zero: x - center is exact.
        const double terms = static_cast<double>(std::min<std::int64_t>(rows, 8192)) / 4 + 4;
        check_close(mean, mean2, terms * (center + 1), "mean");
        check_close(var, var2, 2 * terms, "variance");
      }
}

TEST_CASE("the variance of a channel with a large mean keeps its digits") {
  // E[x^2] - E[x]^2 in float would give 0 or nonsense here: 1000^2 needs all of float's 24 bits.
  const std::int64_t rows = 4096;
  std::vector<float> x(static_cast<std::size_t>(rows));
  for (std::int64_t r = 0; r < rows; ++r) x[static_cast<std::size_t>(r)] = r % 2 ? 1000.125f : 1000.0f;
  float mean = 0, var = 0;
  kernels::batch_norm_statistics(rows, 1, x.data(), &mean, &var);
  CHECK(mean == doctest::Approx(1000.0625f).epsilon(1e-7));
  CHECK(var == doctest::Approx(0.00390625).epsilon(1e-5));
}

TEST_CASE("a constant channel has variance 0 exactly, and never a negative one") {
  std::vector<float> x(3000, 0.1f);
  float mean[3], var[3];
  kernels::batch_norm_statistics(1000, 3, x.data(), mean, var);
  for (int c = 0; c < 3; ++c) {
    CHECK(mean[c] == doctest::Approx(0.1f).epsilon(1e-6));
    CHECK(var[c] >= 0);
    CHECK(var[c] < 1e-14f);
  }
}

TEST_CASE_TEMPLATE("forward equals its reference, with and without gamma and beta, in place too", Case,
                   BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  RandomStream random(2, "forward");
  for (const std::int64_t rows : {0, 1, 4, 50})
    for (const std::int64_t channels : {1, 6, 16, 17, 40})
      for (const bool affine : {false, true}) {
        Guarded<T> x(rows * channels, 1), mean(channels, 1), inv_std(channels, 1), gamma(channels), beta(channels),
            expected(rows * channels);
        for (Guarded<T>* a : {&x, &mean, &inv_std, &gamma, &beta}) fill_random(*a, random);
        const T *g = affine ? gamma.data() : nullptr, *b = affine ? beta.data() : nullptr;
        kernels::reference::batch_norm_forward(rows, channels, x.data(), mean.data(), inv_std.data(), g, b,
                                               expected.data());
        kernels::batch_norm_forward<T, typename Case::Arch>(rows, channels, x.data(), mean.data(), inv_std.data(), g,
                                                            b, x.data());
        check_close(x, expected, 8, "forward");
      }
}

TEST_CASE_TEMPLATE("backward equals its reference, with any of gamma, dgamma and dbeta missing", Case,
                   BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  RandomStream random(3, "backward");
  for (const std::int64_t rows : {1, 2, 9, 300})
    for (const std::int64_t channels : {1, 6, 16, 19, 33})
      for (const bool affine : {false, true}) {
        Guarded<T> x(rows * channels, 1), dy(rows * channels, 2), mean(channels), inv_std(channels), gamma(channels);
        Guarded<T> dx(rows * channels, 1), dgamma(channels, 1), dbeta(channels, 1), dx2(rows * channels),
            dgamma2(channels), dbeta2(channels);
        for (Guarded<T>* a : {&x, &dy, &mean, &inv_std, &gamma}) fill_random(*a, random);
        const T* g = affine ? gamma.data() : nullptr;
        kernels::batch_norm_backward<T, typename Case::Arch>(
            rows, channels, x.data(), dy.data(), mean.data(), inv_std.data(), g, dx.data(),
            affine ? dgamma.data() : nullptr, affine ? dbeta.data() : nullptr);
        kernels::reference::batch_norm_backward(rows, channels, x.data(), dy.data(), mean.data(), inv_std.data(), g,
                                                dx2.data(), dgamma2.data(), dbeta2.data());
        const double terms = static_cast<double>(rows) + 4;
        check_close(dx, dx2, 2 * terms, "dx");
        if (!affine) continue;
        check_close(dgamma, dgamma2, 2 * terms, "dgamma");
        check_close(dbeta, dbeta2, terms, "dbeta");
      }
}

TEST_CASE("batch norm of no rows or no channels is harmless") {
  float mean = 7, var = 7, value = 1;
  const float* none = nullptr;
  kernels::batch_norm_statistics(0, 1, none, &mean, &var);
  CHECK(mean == 0);
  CHECK(var == 0);
  kernels::batch_norm_backward(0, 1, none, none, &value, &value, nullptr, static_cast<float*>(nullptr), &mean, &var);
  CHECK(mean == 0);
  CHECK(var == 0);
  kernels::batch_norm_statistics(3, 0, none, static_cast<float*>(nullptr), static_cast<float*>(nullptr));
  kernels::batch_norm_forward(3, 0, none, none, none, nullptr, nullptr, static_cast<float*>(nullptr));
  kernels::batch_norm_backward(3, 0, none, none, none, none, nullptr, static_cast<float*>(nullptr), nullptr, nullptr);
}

TEST_CASE("batch norm gives the same bits at 1, 2 and 3 threads") {
  RandomStream random(4, "threads");
  const std::int64_t rows = 6000, channels = 20;
  Guarded<float> x(rows * channels), dy(rows * channels);
  fill_random(x, random);
  fill_random(dy, random);
  const auto results = at_threads([&] {
    Guarded<float> mean(channels), var(channels), dx(rows * channels), dgamma(channels), dbeta(channels);
    kernels::batch_norm_statistics(rows, channels, x.data(), mean.data(), var.data());
    kernels::batch_norm_backward(rows, channels, x.data(), dy.data(), mean.data(), var.data(), nullptr, dx.data(),
                                 dgamma.data(), dbeta.data());
    return std::vector{mean.values(), var.values(), dx.values(), dgamma.values(), dbeta.values()};
  });
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}
