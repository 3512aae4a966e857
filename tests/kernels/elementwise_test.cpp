#include "bitgrain/kernels/f32/elementwise.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "bitgrain/kernels/reference/elementwise.hpp"
#include "kernels/float_case.hpp"

namespace {
namespace kernels = bitgrain::kernels;
using bitgrain::RandomStream;

// Compares kernel(n, x, y) with y[i] = formula(x[i]) for x in [low, high), within `units` epsilon.
template <class Case, class Kernel, class Formula>
void check_unary(const char* name, double low, double high, double units, Kernel kernel, Formula formula) {
  using T = typename Case::T;
  RandomStream random(1, name);
  for (const std::int64_t n : awkward_sizes()) {
    Guarded<T> x(n, 1), got(n, 3), expected(n);
    fill_random(x, random, low, high);
    kernel(n, x.data(), got.data());
    kernels::reference::map(
        n, expected.data(), [&](T v) { return static_cast<T>(formula(double{v})); }, x.data());
    check_close(got, expected, units, name);
  }
}
template <class Case, class Kernel, class Formula>
void check_binary(const char* name, Kernel kernel, Formula formula) {
  using T = typename Case::T;
  RandomStream random(2, name);
  for (const std::int64_t n : awkward_sizes()) {
    Guarded<T> a(n, 1), b(n, 2), got(n, 3), expected(n);
    fill_random(a, random, -2, 2);
    fill_random(b, random, 0.5, 2);
    fill_random(got, random);
    for (std::int64_t i = 0; i < n; ++i) expected[i] = got[i];
    kernel(n, a.data(), b.data(), got.data());
    for (std::int64_t i = 0; i < n; ++i)
      expected[i] = static_cast<T>(formula(double{a[i]}, double{b[i]}, double{expected[i]}));
    check_close(got, expected, 5, name);
  }
}
}  // namespace

#define UNARY(name, low, high, units, formula)                                                                       \
  check_unary<Case>(                                                                                                 \
      #name, low, high, units,                                                                                       \
      [](std::int64_t n, const auto* x, auto* y) { kernels::name<typename Case::T, typename Case::Arch>(n, x, y); }, \
      formula)
#define BINARY(name, formula)                                             \
  check_binary<Case>(                                                     \
      #name,                                                              \
      [](std::int64_t n, const auto* a, const auto* b, auto* y) {         \
        kernels::name<typename Case::T, typename Case::Arch>(n, a, b, y); \
      },                                                                  \
      formula)

TEST_CASE_TEMPLATE("unary functions equal their formulas at every awkward size", Case, BITGRAIN_FLOAT_CASES) {
  UNARY(relu, -2, 2, 0, [](double v) { return v > 0 ? v : 0; });
  UNARY(exp, -3, 3, 60, [](double v) { return std::exp(v); });  // 3 units of exp(3)
  UNARY(log, 0.01, 9, 15, [](double v) { return std::log(v); });
  UNARY(tanh, -6, 6, 4, [](double v) { return std::tanh(v); });
  UNARY(sqrt, 0, 9, 6, [](double v) { return std::sqrt(v); });
  UNARY(sigmoid, -8, 8, 4, [](double v) { return 1 / (1 + std::exp(-v)); });
}

TEST_CASE_TEMPLATE("functions with a number equal their formulas", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using A = typename Case::Arch;
  const auto check = [](const char* name, auto kernel, auto formula) {
    check_unary<Case>(name, -2, 2, 4, kernel, formula);
  };
  check(
      "clip", [](std::int64_t n, const T* x, T* y) { kernels::clip<T, A>(n, x, T(-0.5), 1, y); },
      [](double v) { return v < -0.5 ? -0.5
                            : v > 1  ? 1
                                     : v; });
  check(
      "scale", [](std::int64_t n, const T* x, T* y) { kernels::scale<T, A>(n, T(0.75), x, y); },
      [](double v) { return 0.75 * v; });
  check(
      "add_scalar", [](std::int64_t n, const T* x, T* y) { kernels::add_scalar<T, A>(n, x, T(0.25), y); },
      [](double v) { return v + 0.25; });
}

TEST_CASE_TEMPLATE("binary functions equal their formulas at every awkward size", Case, BITGRAIN_FLOAT_CASES) {
  BINARY(add, [](double a, double b, double) { return a + b; });
  BINARY(subtract, [](double a, double b, double) { return a - b; });
  BINARY(multiply, [](double a, double b, double) { return a * b; });
  BINARY(divide, [](double a, double b, double) { return a / b; });
  BINARY(relu_backward, [](double x, double dy, double) { return x > 0 ? dy : 0; });
  using T = typename Case::T;
  using A = typename Case::Arch;
  check_binary<Case>(
      "clip_backward",
      [](std::int64_t n, const T* x, const T* dy, T* dx) { kernels::clip_backward<T, A>(n, x, -1, 1, dy, dx); },
      [](double x, double dy, double) { return x > -1 && x < 1 ? dy : 0; });
  check_binary<Case>(
      "axpy", [](std::int64_t n, const T* a, const T*, T* y) { kernels::axpy<T, A>(n, T(0.5), a, y); },
      [](double a, double, double y) { return y + 0.5 * a; });
}

TEST_CASE_TEMPLATE("update writes back the arrays that are not const and reads the others", Case,
                   BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  RandomStream random(3, "update");
  for (const std::int64_t n : awkward_sizes()) {
    Guarded<T> w(n, 1), v(n, 2), g(n, 3), w2(n), v2(n), g2(n);
    fill_random(w, random);
    fill_random(v, random);
    fill_random(g, random);
    for (std::int64_t i = 0; i < n; ++i) {
      w2[i] = w[i];
      v2[i] = v[i];
      g2[i] = g[i];
    }
    const auto momentum = [](auto& weight, auto& velocity, auto gradient) {
      using V = std::decay_t<decltype(gradient)>;
      velocity = V(T(0.5)) * velocity + gradient;
      weight = weight - V(T(0.25)) * velocity;
    };
    kernels::update<typename Case::Arch>(n, momentum, w.data(), v.data(), static_cast<const T*>(g.data()));
    kernels::reference::update(n, momentum, w2.data(), v2.data(), static_cast<const T*>(g2.data()));
    check_close(w, w2, 2, "weight");
    check_close(v, v2, 2, "velocity");
    CHECK(g == g2);
  }
}

TEST_CASE_TEMPLATE("results do not depend on an element's place: tails run through the same code", Case,
                   BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  RandomStream random(4, "place");
  Guarded<T> x(100), whole(100), single(100);
  fill_random(x, random, -4, 4);
  kernels::tanh<T, typename Case::Arch>(100, x.data(), whole.data());
  for (std::int64_t i = 0; i < 100; ++i) kernels::tanh<T, typename Case::Arch>(1, x.data() + i, single.data() + i);
  CHECK(whole == single);
}

TEST_CASE_TEMPLATE("relu and clip let NaN through, so that a diverged network shows it", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  Guarded<T> x(19), y(19);
  for (std::int64_t i = 0; i < 19; ++i) x[i] = std::numeric_limits<T>::quiet_NaN();
  kernels::relu<T, typename Case::Arch>(19, x.data(), y.data());
  for (std::int64_t i = 0; i < 19; ++i) CHECK(std::isnan(y[i]));
  kernels::clip<T, typename Case::Arch>(19, x.data(), 0, 6, y.data());
  for (std::int64_t i = 0; i < 19; ++i) CHECK(std::isnan(y[i]));
}

TEST_CASE_TEMPLATE("exp, sigmoid and tanh behave at the ends of the range", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using A = typename Case::Arch;
  Guarded<T> x(2), y(2);
  x[0] = T(-1000);
  x[1] = T(1000);
  kernels::exp<T, A>(2, x.data(), y.data());
  CHECK(y[0] >= 0);
  CHECK(y[0] <= std::numeric_limits<T>::min());
  CHECK(std::isinf(y[1]));
  kernels::sigmoid<T, A>(2, x.data(), y.data());
  CHECK(y[0] <= std::numeric_limits<T>::min());
  CHECK(y[1] == 1);
  kernels::tanh<T, A>(2, x.data(), y.data());
  CHECK(y[0] == -1);
  CHECK(y[1] == 1);
}

TEST_CASE_TEMPLATE("add_row adds a bias to every row, in place too", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  RandomStream random(5, "row");
  for (const std::int64_t rows : {0, 1, 3})
    for (const std::int64_t cols : {0, 1, 6, 16, 17, 50}) {
      Guarded<T> x(rows * cols, 1), row(cols, 1), expected(rows * cols);
      fill_random(x, random);
      fill_random(row, random);
      for (std::int64_t i = 0; i < rows * cols; ++i) expected[i] = x[i] + row[i % cols];
      kernels::add_row<T, typename Case::Arch>(rows, cols, x.data(), row.data(), x.data());
      CHECK(x == expected);
    }
}
