#include "bitgrain/quant/step_init.hpp"

#include <doctest/doctest.h>

#include "bitgrain/base/random.hpp"

using namespace bitgrain;

TEST_CASE("moments of a known sequence, with and without rectifying") {
  const double x[] = {-2, -1, 1, 4};
  const ValueMoments m = value_moments(4, x, false);
  CHECK(m.mean == doctest::Approx(0.5));
  CHECK(m.mean_abs == doctest::Approx(2));
  CHECK(m.max_abs == 4);
  CHECK(m.deviation == doctest::Approx(std::sqrt(22.0 / 4 - 0.25)));
  CHECK(value_moments(4, x, true).mean == doctest::Approx(1.25));
}

TEST_CASE("the percentile step puts the quantile on the largest code") {
  std::vector<float> x;
  for (int i = 0; i <= 1000; ++i) x.push_back(static_cast<float>(i));
  CHECK(percentile_step(1001, x.data(), 1.0, {0, 250}) == doctest::Approx(4));
  CHECK(percentile_step(1001, x.data(), 0.5, {0, 250}) == doctest::Approx(2));
  CHECK(percentile_step<float>(0, nullptr, 1.0, {0, 3}) == 0);
}

TEST_CASE("the least-squares step clips an outlier and beats the full range") {
  std::vector<double> x;
  RandomStream random(1, "mse");
  for (int i = 0; i < 5000; ++i) x.push_back(random.normal());
  x.push_back(40.0);
  const CodeRange range{-8, 7};
  const double step = mse_step(static_cast<std::int64_t>(x.size()), x.data(), range);
  CHECK(step < 1.0);
  CHECK(step > 0.2);  // 4 bits on N(0,1): about 0.33
}

TEST_CASE("moments of values that arrive in parts are those of all at once") {
  const double x[] = {-2, -1, 1, 4, 0.5};
  MomentSums sums;
  sums.add(2, x, true);
  sums.add(3, x + 2, true);
  const ValueMoments parts = sums.moments(), whole = value_moments(5, x, true);
  CHECK(parts.mean == whole.mean);
  CHECK(parts.deviation == whole.deviation);
  CHECK(parts.mean_abs == whole.mean_abs);
  CHECK(parts.max_abs == whole.max_abs);
  CHECK(MomentSums().moments().mean_abs == 0);
}
