#include "bitgrain/nn/init.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace bitgrain {
namespace {

struct Statistics {
  double mean = 0, deviation = 0, largest = 0;
};
Statistics statistics(const Tensor<double>& t) {
  Statistics s;
  for (const double v : t.values()) {
    s.mean += v;
    s.largest = std::max(s.largest, std::abs(v));
  }
  s.mean /= static_cast<double>(t.numel());
  for (const double v : t.values()) s.deviation += (v - s.mean) * (v - s.mean);
  s.deviation = std::sqrt(s.deviation / static_cast<double>(t.numel()));
  return s;
}

const Shape kConvolution{64, 3, 3, 32};  // fan in 288, fan out 576; 18432 values

TEST_CASE("fans of convolution and linear weights") {
  CHECK(fan_of(Shape{64, 3, 5, 32}).in == 480);
  CHECK(fan_of(Shape{64, 3, 5, 32}).out == 960);
  CHECK(fan_of(Shape{10, 64}).in == 64);
  CHECK(fan_of(Shape{10, 64}).out == 10);
  CHECK_THROWS_WITH_AS(fan_of(Shape{10}), doctest::Contains("[10]"), Error);
}

// With n = 18432 values the sample deviation has a relative standard error of 1 / sqrt(2 n) = 0.5 % (normal) and the
// mean one of deviation / sqrt(n) = 0.7 % of the deviation; bounds are about four of these.
TEST_CASE("every rule has its mean, deviation and bound") {
  const RandomStream stream(1, "w");
  Tensor<double> w(kConvolution);
  const auto check = [&w](double deviation, double bound) {
    const Statistics s = statistics(w);
    CHECK(std::abs(s.mean) < 0.03 * deviation);
    CHECK(s.deviation == doctest::Approx(deviation).epsilon(0.025));
    if (bound > 0) CHECK(s.largest < bound);
    if (bound > 0) CHECK(s.largest > 0.995 * bound);
    if (bound == 0) CHECK(s.largest > 3 * deviation);  // not uniform
  };
  kaiming_normal(w, stream);
  check(std::sqrt(2.0 / 288), 0);
  kaiming_normal(w, stream, FanMode::kOut);
  check(std::sqrt(2.0 / 576), 0);
  kaiming_normal(w, stream, FanMode::kIn, 1.0);
  check(std::sqrt(1.0 / 288), 0);
  kaiming_uniform(w, stream);
  check(std::sqrt(2.0 / 288), std::sqrt(6.0 / 288));
  kaiming_uniform(w, stream, FanMode::kOut);
  check(std::sqrt(2.0 / 576), std::sqrt(6.0 / 576));
  xavier_normal(w, stream);
  check(std::sqrt(2.0 / 864), 0);
  xavier_uniform(w, stream);
  check(std::sqrt(2.0 / 864), std::sqrt(6.0 / 864));
  xavier_uniform(w, stream, 2.0);
  check(2 * std::sqrt(2.0 / 864), 2 * std::sqrt(6.0 / 864));
  fan_in_uniform(w, stream, 288);
  check(std::sqrt(1.0 / 3 / 288), std::sqrt(1.0 / 288));
}

TEST_CASE("values do not depend on the number of threads, and are those of the stream in order") {
  const int threads = num_threads();
  std::vector<Tensor<double>> filled;
  for (int t = 1; t <= 3; ++t) {
    set_num_threads(t);
    filled.emplace_back(Shape{20001});
    fill_normal(filled.back(), RandomStream(9, "x"), 0, 1);
  }
  set_num_threads(threads);
  RandomStream serial(9, "x");
  for (std::int64_t i = 0; i < 20001; ++i) {
    const double expected = serial.normal();
    REQUIRE(filled[0][i] == expected);
    REQUIRE(filled[1][i] == expected);
    REQUIRE(filled[2][i] == expected);
  }
}

TEST_CASE("float weights are the double weights rounded") {
  Tensor<float> f(Shape{100});
  Tensor<double> d(Shape{100});
  fill_uniform(f, RandomStream(2, "y"), -1, 1);
  fill_uniform(d, RandomStream(2, "y"), -1, 1);
  for (std::int64_t i = 0; i < 100; ++i) CHECK(f[i] == static_cast<float>(d[i]));
}

}  // namespace
}  // namespace bitgrain
