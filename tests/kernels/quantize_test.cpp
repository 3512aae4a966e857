#include "bitgrain/kernels/f32/quantize.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/base/random.hpp"
#include "bitgrain/kernels/reference/quantize.hpp"

using namespace bitgrain;
using kernels::QuantizeRule;
using kernels::Rounding;

namespace {
template <class T>
std::vector<T> values(std::int64_t n, double scale, std::uint64_t seed) {
  RandomStream random(seed, "quantize");
  std::vector<T> x(static_cast<std::size_t>(n));
  for (T& v : x) v = static_cast<T>(scale * random.normal());
  return x;
}
}  // namespace

TEST_CASE_TEMPLATE("quantize kernels agree with the reference over awkward lengths, offsets and rules", T, float,
                   double) {
  const QuantizeRule rules[] = {{0, 15, Rounding::kHalfUp},   {0, 1, Rounding::kHalfUp},
                                {0, 255, Rounding::kHalfUp},  {-8, 7, Rounding::kHalfEven},
                                {-2, 1, Rounding::kHalfEven}, {-1, 1, Rounding::kSign}};
  for (const QuantizeRule& rule : rules) {
    for (const std::int64_t n : {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 127, 1023, 1025, 40001}) {
      for (const std::int64_t offset : {0, 1, 3}) {
        const T step = static_cast<T>(0.25);  // a power of two: x/step and x*(1/step) are the same number
        const auto x = values<T>(n + offset, 2.0, static_cast<std::uint64_t>(n));
        const auto dy = values<T>(n + offset, 1.0, static_cast<std::uint64_t>(n) + 7);
        std::vector<T> y(x.size()), expected(x.size()), dx(x.size()), expected_dx(x.size());
        kernels::quantize_forward(n, x.data() + offset, step, rule, y.data() + offset);
        kernels::reference::quantize_forward(n, x.data() + offset, step, rule, expected.data() + offset);
        CHECK(y == expected);
        const double ds =
            kernels::quantize_backward(n, x.data() + offset, dy.data() + offset, step, rule, dx.data() + offset);
        const double expected_ds = kernels::reference::quantize_backward(n, x.data() + offset, dy.data() + offset,
                                                                         step, rule, expected_dx.data() + offset);
        CHECK(dx == expected_dx);
        CHECK(ds == doctest::Approx(expected_ds).epsilon(1e-5));
      }
    }
  }
}

TEST_CASE("activations round half up and weights half to even, also at the clip") {
  const std::vector<float> x = {-1.0f, 0.5f, 1.5f, 2.5f, 3.49f, 3.5f, 99.0f};
  std::vector<float> up(x.size()), even(x.size()), sign(x.size());
  kernels::quantize_forward<float>(7, x.data(), 1.0f, {0, 3, Rounding::kHalfUp}, up.data());
  kernels::quantize_forward<float>(7, x.data(), 1.0f, {-4, 3, Rounding::kHalfEven}, even.data());
  kernels::quantize_forward<float>(7, x.data(), 1.0f, {-1, 1, Rounding::kSign}, sign.data());
  CHECK(up == std::vector<float>{0, 1, 2, 3, 3, 3, 3});
  CHECK(even == std::vector<float>{-1, 0, 2, 2, 3, 3, 3});
  CHECK(sign == std::vector<float>{-1, 1, 1, 1, 1, 1, 1});
  const float zero = 0.0f;
  float y = 0;
  kernels::quantize_forward<float>(1, &zero, 0.5f, {-1, 1, Rounding::kSign}, &y);
  CHECK(y == 0.5f);  // sign(0) = +1
}

TEST_CASE("float and double derive the same weight codes from the same numbers") {
  const auto x = values<float>(20000, 1.0, 3);
  const std::vector<double> wide(x.begin(), x.end());
  const float step = 0.0731f;
  std::vector<float> y(x.size());
  std::vector<double> z(x.size());
  kernels::quantize_forward<float>(20000, x.data(), step, {-8, 7, Rounding::kHalfEven}, y.data());
  kernels::quantize_forward<double>(20000, wide.data(), static_cast<double>(step), {-8, 7, Rounding::kHalfEven},
                                    z.data());
  for (std::size_t i = 0; i < x.size(); ++i)
    CHECK(std::nearbyint(y[i] / step) == std::nearbyint(z[i] / static_cast<double>(step)));
}

TEST_CASE("the step gradient does not depend on the number of threads") {
  const std::int64_t n = 300001;
  const auto x = values<float>(n, 2.0, 1), dy = values<float>(n, 1.0, 2);
  std::vector<float> dx(x.size());
  const int before = num_threads();
  std::vector<double> results;
  for (const int threads : {1, 2, 3}) {
    set_num_threads(threads);
    results.push_back(
        kernels::quantize_backward<float>(n, x.data(), dy.data(), 0.1f, {0, 15, Rounding::kHalfUp}, dx.data()));
  }
  set_num_threads(before);
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}
