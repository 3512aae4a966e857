#include "bitgrain/kernels/f32/max_pool2x2.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "bitgrain/kernels/f32/elementwise.hpp"
#include "bitgrain/kernels/reference/pool2d.hpp"
#include "error_of.hpp"
#include "kernels/float_case.hpp"

namespace {
namespace kernels = bitgrain::kernels;
using bitgrain::PoolGeometry;
using bitgrain::RandomStream;
using bitgrain::Window2d;

// Numbers with their signs of zero told apart, and all NaN alike.
template <class T>
std::vector<std::uint64_t> bits_of(const Guarded<T>& a) {
  std::vector<std::uint64_t> bits;
  for (const T v : a.values())
    bits.push_back(std::isnan(v) ? 1 : std::bit_cast<std::uint64_t>(static_cast<double>(v)));
  return bits;
}

// Max pooling of relu(x), or of x, one step after the other: kernels::relu, then the reference of the pooling.
template <class T, class Arch>
void step_by_step(const PoolGeometry& g, bool relu, const Guarded<T>& x, const Guarded<T>& dy, Guarded<T>& y,
                  Guarded<T>& dx) {
  Guarded<T> kept(g.input_size());
  std::copy_n(x.data(), x.size(), kept.data());
  if (relu) kernels::relu<T, Arch>(x.size(), x.data(), kept.data());
  std::vector<std::int32_t> winners(static_cast<std::size_t>(g.output_size()));
  kernels::reference::max_pool2d_forward(g, kept.data(), y.data(), winners.data());
  kernels::reference::max_pool2d_backward(g, dy.data(), winners.data(), dx.data());
  if (relu) kernels::relu_backward<T, Arch>(x.size(), kept.data(), dx.data(), dx.data());
}
}  // namespace

TEST_CASE_TEMPLATE("2x2 pooling equals ReLU and pooling, bit for bit, with ties, zeros of both signs and NaN", Case,
                   BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using Arch = typename Case::Arch;
  RandomStream random(1, "max 2x2");
  const T values[] = {T(-2), T(-1), T(-0.0), T(0), T(1), T(2), T(3), std::numeric_limits<T>::quiet_NaN()};
  for (const std::int64_t channels : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64})
    for (const auto& [h, w] : {std::pair{2, 2}, {4, 6}, {5, 4}, {6, 7}, {3, 3}})
      for (const bool relu : {false, true}) {
        const PoolGeometry g{3, h, w, channels, Window2d::square(2, 2)};
        REQUIRE(kernels::is_max_pool2x2(g));
        Guarded<T> x(g.input_size(), 1), dy(g.output_size(), 3);
        for (std::int64_t i = 0; i < x.size(); ++i) x[i] = values[random.below(g.batch * h % 2 ? 7 : 8)];
        fill_random(dy, random);
        dy[0] = T(-0.0);
        Guarded<T> y(g.output_size(), 1), y2(g.output_size()), y3(g.output_size()), dx(g.input_size(), 1);
        Guarded<T> dx2(g.input_size());
        std::vector<std::uint8_t> winners(static_cast<std::size_t>(g.output_size() + 1), 77);
        kernels::max_pool2x2_forward<T, Arch>(g, relu, x.data(), y.data(), winners.data());
        kernels::max_pool2x2_backward<T, Arch>(g, dy.data(), winners.data(), dx.data());
        step_by_step<T, Arch>(g, relu, x, dy, y2, dx2);
        kernels::max_pool2x2_forward<T, Arch>(g, relu, x.data(), y3.data(), nullptr);
        CHECK(winners.back() == 77);
        CAPTURE(channels);
        CAPTURE(relu);
        CHECK(bits_of(y) == bits_of(y2));
        CHECK(bits_of(y3) == bits_of(y2));
        CHECK(bits_of(dx) == bits_of(dx2));
      }
}

TEST_CASE("2x2 pooling past the caches: a gradient that is streamed is the same") {
  const PoolGeometry g{2, 193, 196, 64, Window2d::square(2, 2)};  // 19.4 MB: more than kStreamingBytes
  REQUIRE(kernels::worth_streaming<float, kernels::DefaultArch>(static_cast<float*>(nullptr), 16, g.input_size()) ==
          (kernels::kLanes<float> == 16));
  std::vector<float> memory(static_cast<std::size_t>(g.input_size() + 16), 7.0F), dx2(memory.size());
  const std::size_t past = reinterpret_cast<std::uintptr_t>(memory.data()) / sizeof(float) % 16;
  float* const dx = memory.data() + (16 - past);
  std::vector<float> dy(static_cast<std::size_t>(g.output_size()));
  std::vector<std::uint8_t> winners(dy.size());
  std::vector<std::int32_t> places(dy.size());
  for (std::size_t i = 0; i < dy.size(); ++i) {
    dy[i] = static_cast<float>(i % 1021);
    winners[i] = static_cast<std::uint8_t>(i % 7 % 4);
    const auto pixel = static_cast<std::int64_t>(i) / g.channels % (g.out_h() * g.out_w());
    places[i] = static_cast<std::int32_t>((pixel / g.out_w() * 2 + winners[i] / 2) * g.in_w + pixel % g.out_w() * 2 +
                                          winners[i] % 2);
  }
  kernels::max_pool2x2_backward(g, dy.data(), winners.data(), dx);
  kernels::reference::max_pool2d_backward(g, dy.data(), places.data(), dx2.data());
  CHECK(std::equal(dx, dx + g.input_size(), dx2.data()));
}

TEST_CASE("2x2 pooling is for windows of 2x2 that touch, without padding or dilation, and nothing else") {
  const auto with = [](const Window2d& window) { return PoolGeometry{1, 8, 8, 3, window}; };
  CHECK(kernels::is_max_pool2x2(with(Window2d::square(2, 2))));
  for (const Window2d& other :
       {Window2d::square(2, 1), Window2d::square(3, 2), Window2d::square(2, 2, 1), Window2d::square(2, 2, 0, 2),
        Window2d{2, 2, 2, 1, 0, 0, 1, 1}, Window2d{1, 2, 2, 2, 0, 0, 1, 1}, Window2d{2, 2, 2, 2, 0, 1, 1, 1}})
    CHECK_FALSE(kernels::is_max_pool2x2(with(other)));
}

TEST_CASE("2x2 pooling of an empty batch is harmless; an image without a window is an error") {
  const float* none = nullptr;
  float* nowhere = nullptr;
  PoolGeometry g{0, 4, 4, 3, Window2d::square(2, 2)};
  kernels::max_pool2x2_forward(g, true, none, nowhere, nullptr);
  kernels::max_pool2x2_backward(g, none, nullptr, nowhere);
  g.batch = g.in_h = 1;
  CHECK(contains(error_of([&] { kernels::max_pool2x2_forward(g, true, none, nowhere, nullptr); }), "max pooling"));
  CHECK(contains(error_of([&] { kernels::max_pool2x2_backward(g, none, nullptr, nowhere); }), "max pooling"));
}

TEST_CASE("2x2 pooling gives the same bits at 1, 2 and 3 threads") {
  RandomStream random(3, "threads");
  const PoolGeometry g{7, 9, 31, 20, Window2d::square(2, 2)};
  Guarded<float> x(g.input_size()), dy(g.output_size());
  fill_random(x, random);
  fill_random(dy, random);
  const auto results = at_threads([&] {
    Guarded<float> y(g.output_size()), dx(g.input_size());
    std::vector<std::uint8_t> winners(static_cast<std::size_t>(g.output_size()));
    kernels::max_pool2x2_forward(g, true, x.data(), y.data(), winners.data());
    kernels::max_pool2x2_backward(g, dy.data(), winners.data(), dx.data());
    return std::vector{y.values(), dx.values()};
  });
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}

TEST_CASE("2x2 pooling of codes is that of their numbers, winners included") {
  RandomStream random(4, "codes");
  for (const std::int64_t channels : {1, 3, 8, 15, 16, 17, 31, 33, 64})
    for (const auto& [h, w] : {std::pair{2, 2}, {4, 6}, {5, 4}, {6, 7}, {3, 3}}) {
      const PoolGeometry g{3, h, w, channels, Window2d::square(2, 2)};
      Guarded<float> x(g.input_size()), y(g.output_size());
      std::vector<std::uint8_t> codes(static_cast<std::size_t>(g.input_size() + 1));
      for (std::int64_t i = 0; i < x.size(); ++i) {
        codes[static_cast<std::size_t>(i + 1)] = static_cast<std::uint8_t>(random.below(4) * 85);  // 0 .. 255, ties
        x[i] = codes[static_cast<std::size_t>(i + 1)];
      }
      std::vector<std::uint8_t> winners(static_cast<std::size_t>(g.output_size() + 1), 77), expected = winners;
      std::vector<std::uint8_t> got(winners), scalar(winners);
      kernels::max_pool2x2_forward(g, false, x.data(), y.data(), expected.data());
      kernels::max_pool2x2_codes(g, codes.data() + 1, got.data(), winners.data());
      kernels::max_pool2x2_codes<kernels::ScalarArch>(g, codes.data() + 1, scalar.data(), nullptr);
      CHECK(winners == expected);
      CHECK(got == scalar);
      CHECK(got.back() == 77);
      CHECK(std::equal(y.data(), y.data() + y.size(), got.begin()));
    }
}
