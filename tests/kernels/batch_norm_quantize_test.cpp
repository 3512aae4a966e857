#include "bitgrain/kernels/f32/batch_norm_quantize.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "bitgrain/kernels/f32/elementwise.hpp"
#include "bitgrain/kernels/reference/batch_norm_quantize.hpp"
#include "kernels/float_case.hpp"

namespace {
namespace bnq = bitgrain::kernels;

enum class Added { kNothing, kValues, kCodes };

// Random operands of one shape; the residual as codes and as the values of these codes.
template <class T>
struct NormQuantizeCase {
  NormQuantizeCase(std::int64_t row_count, std::int64_t channel_count, Added what, bool sums_given,
                   std::uint64_t seed)
      : rows(row_count),
        channels(channel_count),
        n(rows * channels),
        added(what),
        as_sums(sums_given),
        x(n, 1),
        dy(n, 3),
        residual(n, 2),
        mean(channels, 1),
        inv_std(channels),
        gamma(channels),
        beta(channels),
        scale(channels),
        codes(static_cast<std::size_t>(n + 2)),
        sums(static_cast<std::size_t>(n + 1)) {
    bitgrain::RandomStream random(seed, "batch_norm_quantize");
    for (Guarded<T>* a : {&x, &dy, &mean, &beta}) fill_random(*a, random);
    for (Guarded<T>* a : {&inv_std, &gamma}) fill_random(*a, random, 0.5, 1.5);
    if (channels > 1) gamma[1] = -gamma[1];
    if (as_sums) {  // scales are powers of two: their products with sums are exact
      for (std::int64_t c = 0; c < channels; ++c) scale[c] = T(1) / static_cast<T>(512 << random.below(3));
      for (std::int64_t i = 0; i < n; ++i) {
        const int sum = static_cast<int>(random.below(2000)) - 1000;
        sums[static_cast<std::size_t>(i + 1)] = static_cast<std::int16_t>(sum);
        x[i] = scale[i % channels] * static_cast<T>(sum);
      }
    }
    for (std::int64_t i = 0; i < n; ++i) {
      codes[static_cast<std::size_t>(i + 1)] = static_cast<std::uint8_t>(random.below(16));
      residual[i] = kStep * (static_cast<T>(codes[static_cast<std::size_t>(i + 1)]) - T{3});
    }
  }
  bnq::Residual<T> addend() const {
    if (added == Added::kNothing) return {};
    if (added == Added::kValues) return {residual.data()};
    return {nullptr, codes.data() + 1, kStep, T{3}};
  }
  bnq::NormInput<T> input() const {
    if (as_sums) return {nullptr, sums.data() + 1, scale.data()};
    return {x.data(), nullptr, nullptr};
  }
  const T* values() const { return added == Added::kNothing ? nullptr : residual.data(); }

  static constexpr T kStep = T(0.0625);  // a power of two: the product with a code is exact
  std::int64_t rows, channels, n;
  Added added;
  bool as_sums;
  Guarded<T> x, dy, residual, mean, inv_std, gamma, beta, scale;
  std::vector<std::uint8_t> codes;
  std::vector<std::int16_t> sums;
};
}  // namespace

TEST_CASE_TEMPLATE("batch norm + quantizer: codes are those of the passes one by one, bit for bit", Case,
                   BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using A = typename Case::Arch;
  for (const std::int64_t rows : {0, 1, 5, 300})
    for (const std::int64_t channels : {1, 6, 16, 17, 40, 113})
      for (const Added added : {Added::kNothing, Added::kValues, Added::kCodes})
        for (const auto& [rule, zero] : {std::pair{bnq::QuantizeRule{0, 15, bnq::Rounding::kHalfUp}, 0},
                                         std::pair{bnq::QuantizeRule{0, 1, bnq::Rounding::kHalfUp}, 0},
                                         std::pair{bnq::QuantizeRule{-3, 252, bnq::Rounding::kHalfUp}, 3}}) {
          const NormQuantizeCase<T> c(rows, channels, added, channels % 2 == 0, 1);
          const T step = T(0.3);
          Guarded<T> y(c.n, 1);
          bnq::batch_norm_forward<T, A>(rows, channels, c.x.data(), c.mean.data(), c.inv_std.data(), c.gamma.data(),
                                        c.beta.data(), y.data());
          if (c.values()) bnq::add<T, A>(c.n, y.data(), c.values(), y.data());
          std::vector<std::uint8_t> expected(static_cast<std::size_t>(c.n + 2), 77), got = expected;
          bnq::quantize_to_bytes<T, A>(c.n, y.data(), step, rule, zero, expected.data() + 1);
          bnq::batch_norm_quantize_forward<T, A>(rows, channels, c.input(), c.mean.data(), c.inv_std.data(),
                                                 c.gamma.data(), c.beta.data(), c.addend(), step, rule, zero,
                                                 got.data() + 1);
          CHECK(got == expected);  // and the bytes before and behind
          const auto v =
              bnq::reference::batch_norm_over_step(rows, channels, c.x.data(), c.mean.data(), c.inv_std.data(),
                                                   c.gamma.data(), c.beta.data(), c.values(), step);
          std::int64_t wrong = 0;
          for (std::size_t i = 0; i < v.size(); ++i) {
            const double u = std::clamp(v[i], double{rule.low * 1.0}, double{rule.high * 1.0});
            const bool near_tie = std::abs(u + 0.5 - std::nearbyint(u + 0.5)) < 1e-4;
            wrong += !near_tie && got[i + 1] != static_cast<int>(std::floor(u + 0.5)) + zero;
          }
          CHECK(wrong == 0);
        }
}

TEST_CASE_TEMPLATE("backward of batch norm + quantizer equals its reference, in place too", Case,
                   BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using A = typename Case::Arch;
  const bnq::QuantizeRule rule{0, 3, bnq::Rounding::kHalfUp};
  const T step = T(0.3);
  for (const std::int64_t rows : {1, 2, 9, 300})
    for (const std::int64_t channels : {1, 6, 16, 19, 33, 64})
      for (const Added added : {Added::kNothing, Added::kValues, Added::kCodes})
        for (const bool sums : {false, true}) {
          NormQuantizeCase<T> c(rows, channels, added, sums, 2);
          const bool keep = added != Added::kNothing;
          const std::int64_t n = c.n;
          Guarded<T> dx(n, 1), dgamma(channels, 1), dbeta(channels, 1), dx2(n), dresidual2(n), dgamma2(channels),
              dbeta2(channels);
          const auto v =
              bnq::reference::batch_norm_over_step(rows, channels, c.x.data(), c.mean.data(), c.inv_std.data(),
                                                   c.gamma.data(), c.beta.data(), c.values(), step);
          const double ds2 = bnq::reference::batch_norm_quantize_backward(
              rows, channels, v, c.x.data(), c.dy.data(), c.mean.data(), c.inv_std.data(), c.gamma.data(), rule,
              dresidual2.data(), dx2.data(), dgamma2.data(), dbeta2.data());
          // The residual's gradient takes the place of dy; without a residual dx does.
          T* const out = keep ? dx.data() : c.dy.data();
          const double ds = bnq::batch_norm_quantize_backward<T, A>(
              rows, channels, c.input(), c.dy.data(), c.mean.data(), c.inv_std.data(), c.gamma.data(), c.beta.data(),
              c.addend(), step, rule, keep ? c.dy.data() : nullptr, out, dgamma.data(), dbeta.data());
          const double terms = 8 * (static_cast<double>(rows) + 4);
          if (keep) check_close(c.dy, dresidual2, 0, "dresidual");
          check_close(keep ? dx : c.dy, dx2, terms, "dx");
          check_close(dgamma, dgamma2, terms, "dgamma");
          check_close(dbeta, dbeta2, terms, "dbeta");
          // n terms of at most 3 in size.
          CHECK(std::abs(ds - ds2) <= 3.0 * static_cast<double>(n + 8) * double{std::numeric_limits<T>::epsilon()});
        }
}

TEST_CASE("batch norm + quantizer: the step gradient does not depend on the number of threads") {
  const NormQuantizeCase<float> c(20000, 19, Added::kCodes, true, 3);
  std::vector<float> dx(static_cast<std::size_t>(c.n)), dresidual(dx.size()), dgamma(19), dbeta(19);
  const auto results = at_threads([&] {
    return bnq::batch_norm_quantize_backward<float>(
        20000, 19, c.input(), c.dy.data(), c.mean.data(), c.inv_std.data(), c.gamma.data(), c.beta.data(), c.addend(),
        0.3F, {0, 3, bnq::Rounding::kHalfUp}, dresidual.data(), dx.data(), dgamma.data(), dbeta.data());
  });
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}

TEST_CASE_TEMPLATE("batch norm + quantizer: the second pass backward a few rows at a time gives the same bits", Case,
                   BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using A = typename Case::Arch;
  const bnq::QuantizeRule rule{0, 3, bnq::Rounding::kHalfUp};
  const T step = T(0.3);
  for (const std::int64_t channels : {1, 16, 19, 64})
    for (const Added added : {Added::kNothing, Added::kValues, Added::kCodes})
      for (const bool sums : {false, true}) {
        const std::int64_t rows = 37;
        const NormQuantizeCase<T> c(rows, channels, added, sums, 4);
        const bool keep = added != Added::kNothing;
        Guarded<T> d(c.n), whole(c.n), dgamma(channels), dbeta(channels), pieces(c.n, 1);
        const double expected = bnq::batch_norm_quantize_backward<T, A>(
            rows, channels, c.input(), c.dy.data(), c.mean.data(), c.inv_std.data(), c.gamma.data(), c.beta.data(),
            c.addend(), step, rule, d.data(), whole.data(), dgamma.data(), dbeta.data());
        const auto first = bnq::batch_norm_quantize_backward_sums<T, A>(
            rows, channels, c.input(), c.dy.data(), c.mean.data(), c.inv_std.data(), c.gamma.data(), c.beta.data(),
            c.addend(), step, rule, d.data(), nullptr, nullptr);
        CHECK(first.dstep == expected);
        for (std::int64_t row = 0; row < rows; row += 10) {
          bnq::NormInput<T> x = c.input();
          if (x.values) x.values += row * channels;
          if (x.sums) x.sums += row * channels;
          bnq::batch_norm_quantize_backward_rows<T, A>(std::min<std::int64_t>(10, rows - row), channels, x,
                                                       (keep ? d : c.dy).data() + row * channels, c.mean.data(),
                                                       c.inv_std.data(), c.gamma.data(), c.beta.data(), keep, step,
                                                       rule, first, pieces.data() + row * channels);
        }
        CHECK(pieces == whole);
      }
}

TEST_CASE_TEMPLATE("batch norm and residual without the quantizer equal the passes one by one, bit for bit", Case,
                   BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using A = typename Case::Arch;
  for (const std::int64_t channels : {1, 16, 33})
    for (const Added added : {Added::kNothing, Added::kValues, Added::kCodes}) {
      const NormQuantizeCase<T> c(13, channels, added, true, 5);
      Guarded<T> y(c.n, 1), expected(c.n);
      bnq::batch_norm_add_forward<T, A>(13, channels, c.input(), c.mean.data(), c.inv_std.data(), c.gamma.data(),
                                        c.beta.data(), c.addend(), y.data());
      bnq::batch_norm_forward<T, A>(13, channels, c.x.data(), c.mean.data(), c.inv_std.data(), c.gamma.data(),
                                    c.beta.data(), expected.data());
      if (c.values()) bnq::add<T, A>(c.n, expected.data(), c.values(), expected.data());
      CHECK(y == expected);
    }
}
