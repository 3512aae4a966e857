#include "bitgrain/kernels/f32/batch_norm_relu.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "bitgrain/kernels/reference/batch_norm_relu.hpp"
#include "kernels/float_case.hpp"

namespace {
namespace kernels = bitgrain::kernels;
using bitgrain::RandomStream;
}  // namespace

TEST_CASE_TEMPLATE(
    "batch norm + ReLU equals its reference, with and without gamma, beta and a residual, in place too", Case,
    BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  RandomStream random(1, "forward");
  for (const std::int64_t rows : {0, 1, 4, 50, 1100})
    for (const std::int64_t channels : {1, 6, 16, 17, 40, 113})
      for (const bool affine : {false, true})
        for (const bool add : {false, true}) {
          Guarded<T> x(rows * channels, 1), residual(rows * channels, 2), mean(channels, 1), inv_std(channels, 1),
              gamma(channels), beta(channels), expected(rows * channels);
          for (Guarded<T>* a : {&x, &residual, &mean, &inv_std, &gamma, &beta}) fill_random(*a, random);
          const T *g = affine ? gamma.data() : nullptr, *b = affine ? beta.data() : nullptr;
          const T* extra = add ? residual.data() : nullptr;
          kernels::reference::batch_norm_relu_forward(rows, channels, x.data(), mean.data(), inv_std.data(), g, b,
                                                      extra, expected.data());
          kernels::batch_norm_relu_forward<T, typename Case::Arch>(rows, channels, x.data(), mean.data(),
                                                                   inv_std.data(), g, b, extra, x.data());
          check_close(x, expected, 10, "forward");
        }
}

TEST_CASE_TEMPLATE("backward of batch norm + ReLU equals its reference, in place too", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  RandomStream random(2, "backward");
  for (const std::int64_t rows : {1, 2, 9, 300})
    for (const std::int64_t channels : {1, 6, 16, 19, 33, 64})
      for (const bool affine : {false, true})
        for (const bool add : {false, true}) {
          const std::int64_t n = rows * channels;
          Guarded<T> x(n, 1), residual(n), y(n, 3), dy(n, 2), mean(channels), inv_std(channels), gamma(channels),
              beta(channels), dx(n, 1), dgamma(channels, 1), dbeta(channels, 1), dx2(n), dresidual2(n),
              dgamma2(channels), dbeta2(channels);
          for (Guarded<T>* a : {&x, &residual, &dy, &mean, &inv_std, &gamma, &beta}) fill_random(*a, random);
          const T *g = affine ? gamma.data() : nullptr, *b = affine ? beta.data() : nullptr;
          kernels::batch_norm_relu_forward<T, typename Case::Arch>(
              rows, channels, x.data(), mean.data(), inv_std.data(), g, b, add ? residual.data() : nullptr, y.data());
          kernels::reference::batch_norm_relu_backward(rows, channels, x.data(), y.data(), dy.data(), mean.data(),
                                                       inv_std.data(), g, dresidual2.data(), dx2.data(),
                                                       dgamma2.data(), dbeta2.data());
          const double terms = static_cast<double>(rows) + 4;
          T* dgamma_out = affine ? dgamma.data() : nullptr;
          T* dbeta_out = affine ? dbeta.data() : nullptr;
          if (add) {
            kernels::batch_norm_add_relu_backward<T, typename Case::Arch>(
                rows, channels, x.data(), y.data(), dy.data(), mean.data(), inv_std.data(), g, dy.data(), dx.data(),
                dgamma_out, dbeta_out);
            check_close(dx, dx2, 2 * terms, "dx");
            check_close(dy, dresidual2, 0, "dresidual");
          } else {
            kernels::batch_norm_relu_backward<T, typename Case::Arch>(rows, channels, x.data(), dy.data(),
                                                                      mean.data(), inv_std.data(), g, b, dy.data(),
                                                                      dgamma_out, dbeta_out);
            check_close(dy, dx2, 2 * terms, "dx");
          }
          if (!affine) continue;
          check_close(dgamma, dgamma2, 2 * terms, "dgamma");
          check_close(dbeta, dbeta2, terms, "dbeta");
        }
}

TEST_CASE_TEMPLATE("the fused passes give the very bits of batch norm and ReLU one after the other", Case,
                   BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  RandomStream random(3, "bits");
  const std::int64_t rows = 700, channels = 37, n = rows * channels;
  Guarded<T> x(n), dy(n), mean(channels), inv_std(channels), gamma(channels), beta(channels), y(n), plain(n), dx(n),
      dx2(n);
  for (Guarded<T>* a : {&x, &dy, &mean, &inv_std, &gamma, &beta}) fill_random(*a, random);
  using Arch = typename Case::Arch;
  kernels::batch_norm_relu_forward<T, Arch>(rows, channels, x.data(), mean.data(), inv_std.data(), gamma.data(),
                                            beta.data(), nullptr, y.data());
  kernels::batch_norm_forward<T, Arch>(rows, channels, x.data(), mean.data(), inv_std.data(), gamma.data(),
                                       beta.data(), plain.data());
  for (std::int64_t i = 0; i < n; ++i) plain[i] = plain[i] > 0 ? plain[i] : 0;
  CHECK(y.values() == plain.values());
  kernels::batch_norm_relu_backward<T, Arch>(rows, channels, x.data(), dy.data(), mean.data(), inv_std.data(),
                                             gamma.data(), beta.data(), dx.data(), nullptr, nullptr);
  for (std::int64_t i = 0; i < n; ++i) dy[i] = y[i] > 0 ? dy[i] : 0;
  kernels::batch_norm_backward<T, Arch>(rows, channels, x.data(), dy.data(), mean.data(), inv_std.data(),
                                        gamma.data(), dx2.data(), nullptr, nullptr);
  // One lane is plain C++, whose products and sums a compiler fuses here and not there.
  if (std::is_same_v<Arch, kernels::ScalarArch>) {
    check_close(dx, dx2, 16, "dx of one lane");
  } else {
    CHECK(dx.values() == dx2.values());
  }
}

TEST_CASE("NaN goes through batch norm + ReLU, and no rows or no channels are harmless") {
  const float x[] = {std::numeric_limits<float>::quiet_NaN(), -1, 2}, mean = 0, inv_std = 1;
  float y[3] = {7, 7, 7};
  kernels::batch_norm_relu_forward(3, 1, x, &mean, &inv_std, nullptr, nullptr, nullptr, y);
  CHECK(std::isnan(y[0]));
  CHECK(y[1] == 0);
  CHECK(y[2] == 2);
  float* none = nullptr;
  const float* input = nullptr;
  float dgamma = 7, dbeta = 7;
  kernels::batch_norm_relu_backward(0, 1, input, input, &mean, &inv_std, nullptr, nullptr, none, &dgamma, &dbeta);
  CHECK(dgamma == 0);
  CHECK(dbeta == 0);
  kernels::batch_norm_relu_forward(3, 0, input, input, input, nullptr, nullptr, nullptr, none);
  kernels::batch_norm_add_relu_backward(3, 0, input, input, input, input, input, nullptr, none, none, nullptr,
                                        nullptr);
}

TEST_CASE("batch norm + ReLU gives the same bits at 1, 2 and 3 threads") {
  RandomStream random(4, "threads");
  const std::int64_t rows = 6000, channels = 20, n = rows * channels;
  Guarded<float> x(n), dy(n), mean(channels), inv_std(channels);
  for (auto* a : {&x, &dy, &mean, &inv_std}) fill_random(*a, random);
  const auto results = at_threads([&] {
    Guarded<float> y(n), dx(n), dresidual(n), dgamma(channels), dbeta(channels);
    kernels::batch_norm_relu_forward(rows, channels, x.data(), mean.data(), inv_std.data(), nullptr, nullptr,
                                     dy.data(), y.data());
    kernels::batch_norm_add_relu_backward(rows, channels, x.data(), y.data(), dy.data(), mean.data(), inv_std.data(),
                                          nullptr, dresidual.data(), dx.data(), dgamma.data(), dbeta.data());
    return std::vector{y.values(), dx.values(), dresidual.values(), dgamma.values(), dbeta.values()};
  });
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}
