#include "bitgrain/kernels/f32/reduce.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "bitgrain/kernels/reference/reduce.hpp"
#include "kernels/float_case.hpp"

namespace {
namespace kernels = bitgrain::kernels;
using bitgrain::RandomStream;
}  // namespace

// Blocks of 1024 are summed in T: every lane of a block, and the lanes together, make at most 128 roundings of
// numbers below 128; above, the sums are in double.
TEST_CASE_TEMPLATE("sums equal their reference at awkward sizes and across chunks", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using A = typename Case::Arch;
  RandomStream random(1, "sums");
  std::vector<std::int64_t> sizes = awkward_sizes();
  sizes.insert(sizes.end(), {16383, 16384, 16385, 50001});
  for (const std::int64_t n : sizes) {
    Guarded<T> x(n, 1), y(n, 3);
    fill_random(x, random);
    fill_random(y, random);
    const double bound = static_cast<double>(n) * 64 * double{std::numeric_limits<T>::epsilon()};
    CHECK(std::abs(kernels::sum<T, A>(n, x.data()) - kernels::reference::sum(n, x.data())) <= bound);
    CHECK(std::abs(kernels::dot<T, A>(n, x.data(), y.data()) - kernels::reference::dot(n, x.data(), y.data())) <=
          bound);
    CHECK(std::abs(kernels::sum_squares<T, A>(n, x.data()) - kernels::reference::dot(n, x.data(), x.data())) <=
          bound);
    CHECK(kernels::min_max<T, A>(n, x.data()) == kernels::reference::min_max(n, x.data()));
  }
}

TEST_CASE_TEMPLATE("sums of small integers are exact: no element is lost or counted twice", Case,
                   BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  for (const std::int64_t n : awkward_sizes()) {
    Guarded<T> x(n, 1);
    for (std::int64_t i = 0; i < n; ++i) x[i] = static_cast<T>(i % 16);
    CHECK(kernels::sum<T, typename Case::Arch>(n, x.data()) == kernels::reference::sum(n, x.data()));
  }
}

TEST_CASE("a sum of ten million tenths keeps float's accuracy") {
  const std::int64_t n = 10000000;
  const std::vector<float> x(static_cast<std::size_t>(n), 0.1f);
  CHECK(kernels::sum(n, x.data()) / double(n) == doctest::Approx(double{0.1f}).epsilon(2e-6));
}

TEST_CASE_TEMPLATE("min_max finds an extreme wherever it stands", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  Guarded<T> x(40);
  for (std::int64_t at = 0; at < 40; ++at) {
    for (std::int64_t i = 0; i < 40; ++i) x[i] = T(1);
    x[at] = T(-3);
    CHECK(kernels::min_max<T, typename Case::Arch>(40, x.data()) == std::pair<T, T>(T(-3), T(1)));
    x[at] = T(3);
    CHECK(kernels::min_max<T, typename Case::Arch>(40, x.data()) == std::pair<T, T>(T(1), T(3)));
  }
}

TEST_CASE_TEMPLATE("column sums equal their reference", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  RandomStream random(2, "columns");
  for (const std::int64_t rows : {0, 1, 2, 5, 600})
    for (const std::int64_t cols : {1, 2, 6, 10, 15, 16, 17, 33, 100}) {
      Guarded<T> x(rows * cols, 1), got(cols, 1), expected(cols);
      fill_random(x, random);
      kernels::column_sum<T, typename Case::Arch>(rows, cols, x.data(), got.data());
      kernels::reference::column_sum(rows, cols, x.data(), expected.data());
      check_close(got, expected, static_cast<double>(rows + 1), "column sums");
    }
}

TEST_CASE("row_argmax gives the first of equal maxima") {
  const float x[12] = {1, 3, 3, 2, -1, -1, -1, -1, 0, 0, 5, 4};
  std::int32_t y[3] = {};
  kernels::row_argmax(3, 4, x, y);
  CHECK(y[0] == 1);
  CHECK(y[1] == 0);
  CHECK(y[2] == 2);
}

TEST_CASE("reductions of nothing give 0, and infinities for the range") {
  const float* none = nullptr;
  CHECK(kernels::sum(0, none) == 0);
  CHECK(kernels::dot(0, none, none) == 0);
  const auto [low, high] = kernels::min_max(0, none);
  CHECK(low == std::numeric_limits<float>::infinity());
  CHECK(high == -std::numeric_limits<float>::infinity());
  kernels::column_sum(0, 0, none, static_cast<float*>(nullptr));
  kernels::row_argmax(0, 4, none, nullptr);
}

TEST_CASE("reductions give the same bits at 1, 2 and 3 threads") {
  RandomStream random(3, "threads");
  Guarded<float> x(200000);
  fill_random(x, random);
  const auto results = at_threads([&] {
    std::vector<double> all{kernels::sum(200000, x.data()), kernels::sum_squares(200000, x.data())};
    float columns[20];
    kernels::column_sum(10000, 20, x.data(), columns);
    all.insert(all.end(), columns, columns + 20);
    return all;
  });
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}
