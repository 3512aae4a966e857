#include "bitgrain/kernels/f32/pool2d.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "bitgrain/kernels/reference/pool2d.hpp"
#include "error_of.hpp"
#include "kernels/float_case.hpp"

namespace {
namespace kernels = bitgrain::kernels;
using bitgrain::PoolGeometry;
using bitgrain::RandomStream;
using bitgrain::Window2d;

// Square, rectangular, overlapping, padded, dilated, global.
const std::vector<PoolGeometry>& geometries() {
  static const std::vector<PoolGeometry> all = [] {
    std::vector<PoolGeometry> list;
    for (const std::int64_t channels : {1, 3, 8, 15, 16, 17, 33}) {
      list.push_back({2, 6, 8, channels, Window2d::square(2, 2)});
      list.push_back({1, 7, 5, channels, Window2d::square(3, 2, 1)});
      list.push_back({3, 5, 9, channels, {2, 3, 1, 2, 1, 1, 1, 1}});
      list.push_back({1, 9, 7, channels, {3, 2, 2, 1, 0, 1, 2, 3}});
      list.push_back({2, 4, 6, channels, {4, 6, 1, 1, 0, 0, 1, 1}});
      list.push_back({1, 1, 1, channels, Window2d::square(1)});
    }
    return list;
  }();
  return all;
}
}  // namespace

TEST_CASE_TEMPLATE("max pooling equals its reference, winners included, with many ties", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  RandomStream random(1, "max");
  for (const PoolGeometry& g : geometries()) {
    Guarded<T> x(g.input_size(), 1), y(g.output_size(), 1), y2(g.output_size()), y3(g.output_size());
    for (std::int64_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(random.below(4)) - T(2);
    std::vector<std::int32_t> winners(static_cast<std::size_t>(g.output_size()), -9), winners2(winners);
    kernels::max_pool2d_forward<T, typename Case::Arch>(g, x.data(), y.data(), winners.data());
    kernels::reference::max_pool2d_forward(g, x.data(), y2.data(), winners2.data());
    CHECK(y == y2);
    CHECK(winners == winners2);
    kernels::max_pool2d_forward<T, typename Case::Arch>(g, x.data(), y3.data(), nullptr);
    CHECK(y3 == y2);

    Guarded<T> dy(g.output_size(), 1), dx(g.input_size(), 1), dx2(g.input_size());
    fill_random(dy, random);
    kernels::max_pool2d_backward<T, typename Case::Arch>(g, dy.data(), winners.data(), dx.data());
    kernels::reference::max_pool2d_backward(g, dy.data(), winners.data(), dx2.data());
    CHECK(dx == dx2);  // the same additions in the same order
  }
}

TEST_CASE_TEMPLATE("average pooling equals its reference", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  RandomStream random(2, "average");
  for (const PoolGeometry& g : geometries()) {
    Guarded<T> x(g.input_size(), 1), y(g.output_size(), 1), y2(g.output_size());
    fill_random(x, random);
    kernels::avg_pool2d_forward<T, typename Case::Arch>(g, x.data(), y.data());
    kernels::reference::avg_pool2d_forward(g, x.data(), y2.data());
    const double area = static_cast<double>(g.window.kernel_h * g.window.kernel_w);
    check_close(y, y2, area, "average pooling");
    Guarded<T> dy(g.output_size(), 1), dx(g.input_size(), 1), dx2(g.input_size());
    fill_random(dy, random);
    kernels::avg_pool2d_backward<T, typename Case::Arch>(g, dy.data(), dx.data());
    kernels::reference::avg_pool2d_backward(g, dy.data(), dx2.data());
    check_close(dx, dx2, area, "average pooling backward");
  }
}

TEST_CASE("padding never wins a max and counts as zeros in an average") {
  const PoolGeometry g{1, 2, 2, 1, Window2d::square(2, 2, 1)};  // every window holds one element and three paddings
  const float x[4] = {-1, -2, -3, -4};
  float y[4] = {};
  std::int32_t winners[4] = {};
  kernels::max_pool2d_forward(g, x, y, winners);
  for (int i = 0; i < 4; ++i) {
    CHECK(y[i] == x[i]);
    CHECK(winners[i] == i);
  }
  kernels::avg_pool2d_forward(g, x, y);
  for (int i = 0; i < 4; ++i) CHECK(y[i] == x[i] / 4);
}

TEST_CASE_TEMPLATE("a NaN wins a max, first or last in its window", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  const PoolGeometry g{1, 1, 4, 1, {1, 2, 1, 2, 0, 0, 1, 1}};
  Guarded<T> x(4), y(2);
  const T nan = std::numeric_limits<T>::quiet_NaN();
  x[0] = nan;
  x[1] = 5;
  x[2] = 5;
  x[3] = nan;
  kernels::max_pool2d_forward<T, typename Case::Arch>(g, x.data(), y.data(), nullptr);
  CHECK(std::isnan(y[0]));
  CHECK(std::isnan(y[1]));
}

TEST_CASE("pooling of an empty batch is harmless; a window that does not fit is an error") {
  PoolGeometry g{0, 4, 4, 3, Window2d::square(2, 2)};
  const float* none = nullptr;
  float* nowhere = nullptr;
  kernels::max_pool2d_forward(g, none, nowhere, nullptr);
  kernels::max_pool2d_backward(g, none, nullptr, nowhere);
  kernels::avg_pool2d_forward(g, none, nowhere);
  kernels::avg_pool2d_backward(g, none, nowhere);
  g.batch = 1;
  g.window = Window2d::square(5);
  CHECK(contains(error_of([&] { kernels::max_pool2d_forward(g, none, nowhere, nullptr); }), "max pooling"));
  CHECK(contains(error_of([&] { kernels::avg_pool2d_forward(g, none, nowhere); }), "average pooling"));
}

TEST_CASE("pooling gives the same bits at 1, 2 and 3 threads") {
  RandomStream random(3, "threads");
  const PoolGeometry g{7, 9, 9, 20, Window2d::square(3, 2, 1)};
  Guarded<float> x(g.input_size()), dy(g.output_size());
  fill_random(x, random);
  fill_random(dy, random);
  const auto results = at_threads([&] {
    Guarded<float> y(g.output_size()), dx(g.input_size()), dx2(g.input_size());
    std::vector<std::int32_t> winners(static_cast<std::size_t>(g.output_size()));
    kernels::max_pool2d_forward(g, x.data(), y.data(), winners.data());
    kernels::max_pool2d_backward(g, dy.data(), winners.data(), dx.data());
    kernels::avg_pool2d_backward(g, dy.data(), dx2.data());
    return std::vector{y.values(), dx.values(), dx2.values()};
  });
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}

TEST_CASE("max pooling of codes is that of their numbers, winners included") {
  RandomStream random(9, "codes");
  for (const PoolGeometry& g : geometries()) {
    Guarded<float> x(g.input_size()), y(g.output_size());
    std::vector<std::uint8_t> codes(static_cast<std::size_t>(g.input_size())), got(y.values().size(), 7);
    for (std::int64_t i = 0; i < x.size(); ++i)
      x[i] = codes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(random.below(4) * 85);
    std::vector<std::int32_t> winners(got.size()), expected(got.size());
    kernels::max_pool2d_forward(g, x.data(), y.data(), expected.data());
    kernels::max_pool2d_codes(g, codes.data(), got.data(), winners.data());
    CHECK(winners == expected);
    CHECK(std::equal(got.begin(), got.end(), y.data()));
  }
}
