#include "bitgrain/kernels/f32/winograd_transform.hpp"

#include <doctest/doctest.h>

#include <type_traits>

#include "kernels/float_case.hpp"

using namespace bitgrain::kernels;

namespace {
using V = OneLane<double>;
struct Line {
  V v[6];
};
// The six values of a line of numbers under one of the transforms.
template <int From, class Transform>
Line transformed(Transform transform, const double (&from)[From]) {
  V in[From];
  for (int i = 0; i < From; ++i) in[i] = from[i];
  Line out;
  transform(in, out.v);
  return out;
}
}  // namespace

TEST_CASE_TEMPLATE("the transforms compute the outputs of a filter, and its gradient, from six products", Taps,
                   std::integral_constant<int, 3>, std::integral_constant<int, 5>) {
  constexpr int kTaps = Taps::value, kOut = winograd_out(kTaps);
  bitgrain::RandomStream random(1, "winograd");
  for (int trial = 0; trial < 50; ++trial) {
    double d[6], g[kTaps], dy[kOut];
    for (double& v : d) v = random.uniform(-1, 1);
    for (double& v : g) v = random.uniform(-1, 1);
    for (double& v : dy) v = random.uniform(-1, 1);
    const Line x = transformed([](const V(&a)[6], V(&b)[6]) { detail::winograd_input(a, b); }, d);
    const Line w = transformed([](const V(&a)[kTaps], V(&b)[6]) { detail::winograd_values(a, b); }, g);
    const Line gradient = transformed([](const V(&a)[kOut], V(&b)[6]) { detail::winograd_values(a, b); }, dy);
    V products[6], y[kOut], dw[kTaps];
    for (int i = 0; i < 6; ++i) products[i] = x.v[i] * w.v[i];
    detail::winograd_coefficients(products, y);
    for (int o = 0; o < kOut; ++o) {
      double sum = 0;
      for (int k = 0; k < kTaps; ++k) sum += d[o + k] * g[k];
      CHECK(std::abs(y[o].value - sum) < 2e-6);  // the constants are floats
    }
    for (int i = 0; i < 6; ++i) products[i] = x.v[i] * gradient.v[i];
    detail::winograd_coefficients(products, dw);
    for (int k = 0; k < kTaps; ++k) {
      double sum = 0;
      for (int o = 0; o < kOut; ++o) sum += d[o + k] * dy[o];
      CHECK(std::abs(dw[k].value - sum) < 2e-6);
    }
  }
}

TEST_CASE_TEMPLATE("winograd_growth is the product of the magnitudes along the transforms, in both dimensions", Taps,
                   std::integral_constant<int, 3>, std::integral_constant<int, 5>) {
  constexpr int kTaps = Taps::value, kOut = winograd_out(kTaps);
  // The magnitudes in a transform's row are its values for unit inputs.
  const auto magnitudes = [](auto transform, auto& unit, int row) {
    double sum = 0;
    for (auto& v : unit) {
      for (auto& other : unit) other = 0;
      v = 1;
      sum += std::abs(transformed(transform, unit).v[row].value);
    }
    return sum;
  };
  const auto input = [](const V(&a)[6], V(&b)[6]) { detail::winograd_input(a, b); };
  // From `n` filter taps or output gradients to the numbers that they and the inputs give.
  const auto growth = [&]<int kFrom, int kTo>() {
    double d[6], g[kFrom], largest = 0;
    for (int o = 0; o < kTo; ++o) {
      double sum = 0;
      for (int p = 0; p < 6; ++p) {
        V m[6], y[kTo];
        for (int i = 0; i < 6; ++i) m[i] = i == p ? 1.0 : 0.0;
        detail::winograd_coefficients(m, y);
        sum += std::abs(y[o].value) * magnitudes(input, d, p) *
               magnitudes([](const V(&a)[kFrom], V(&b)[6]) { detail::winograd_values(a, b); }, g, p);
      }
      largest = std::max(largest, sum * sum);
    }
    return largest;
  };
  CHECK(growth.template operator()<kTaps, kOut>() <= winograd_growth(kTaps));
  CHECK(growth.template operator()<kTaps, kOut>() > 0.95 * winograd_growth(kTaps));
  CHECK(growth.template operator()<kOut, kTaps>() <= winograd_growth(kOut));  // the gradient of the weights
  CHECK(growth.template operator()<kOut, kTaps>() > 0.95 * winograd_growth(kOut));
}

TEST_CASE("a tile is transformed along both dimensions") {
  double tile[3][3] = {{1, 2, 3}, {4, 5, 6}, {7, 8, 10}}, out[6][6];
  const auto transform = [](const V(&a)[3], V(&b)[6]) { detail::winograd_values(a, b); };
  detail::transform_tile<V, 3, 6>(
      transform, [&](int i, int j) { return V(tile[i][j]); }, [&](int i, int j, V v) { out[i][j] = v.value; });
  for (int j = 0; j < 3; ++j) {
    const double column[3] = {tile[0][j], tile[1][j], tile[2][j]};
    const Line values = transformed(transform, column);
    // The last value of a filter is its last tap: so column 5 of the result is that of the last column of pixels.
    if (j == 2)
      for (int i = 0; i < 6; ++i) CHECK(out[i][5] == doctest::Approx(values.v[i].value));
    if (j == 0)
      for (int i = 0; i < 6; ++i) CHECK(out[i][0] == doctest::Approx(values.v[i].value));
  }
}
