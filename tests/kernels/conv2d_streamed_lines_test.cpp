#include "bitgrain/kernels/f32/conv2d_streamed_lines.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "kernels/conv_case.hpp"

namespace kernels = bitgrain::kernels;
using bitgrain::RandomStream;

namespace {

// Whether the lines of these plans can be streamed; that depends on the tiles of the architecture.
template <class Case>
bool fit(const std::vector<kernels::ConvPlan>& plans) {
  return std::all_of(plans.begin(), plans.end(), kernels::fits_whole_lines<typename Case::T, typename Case::Arch>);
}

template <class Case>
void stream(const std::vector<kernels::ConvPlan>& plans, const kernels::WeightSteps& steps, const typename Case::T* x,
            const typename Case::T* w, const typename Case::T* bias, typename Case::T* y) {
  using T = typename Case::T;
  using A = typename Case::Arch;
  std::int64_t panels = 0;
  kernels::Panels<T, A>(plans.front().group_out, kernels::kLineVectors).for_each([&](const kernels::Panel&) {
    ++panels;
  });
  kernels::run_streamed_lines<T, A>(plans, {kernels::hull_of(plans), panels, sizeof(T)}, steps, x, w, bias, y);
}

// Compares the directions that fit with the reference; returns how many of the two did.
template <class Case>
int compare_streamed(const bitgrain::ConvGeometry& g, RandomStream& random) {
  using T = typename Case::T;
  const std::string name = describe(g);
  Guarded<T> x(g.input_size(), 1), w(g.weight_size(), 1), bias(g.out_channels, 1), dy(g.output_size(), 1);
  for (Guarded<T>* a : {&x, &w, &bias, &dy}) fill_random(*a, random);
  const double taps = static_cast<double>(g.window.kernel_h * g.window.kernel_w);

  int compared = 0;
  const T* b = random.bernoulli(0.5) ? bias.data() : nullptr;
  if (const std::vector<kernels::ConvPlan> plans{kernels::plan_forward(g)}; fit<Case>(plans)) {
    Guarded<T> y(g.output_size(), 3), y2(g.output_size());
    std::fill_n(y.data(), y.size(), std::numeric_limits<T>::quiet_NaN());
    stream<Case>(plans, kernels::forward_weight_steps(g), x.data(), w.data(), b, y.data());
    kernels::reference::conv2d_forward(g, x.data(), w.data(), b, y2.data());
    check_close(y, y2, taps * static_cast<double>(g.group_in()) + 2, "forward " + name);
    ++compared;
  }
  if (const auto plans = kernels::plan_backward_data(g, kernels::columns_merge(g)); fit<Case>(plans)) {
    Guarded<T> dx(g.input_size(), 3), dx2(g.input_size());
    std::fill_n(dx.data(), dx.size(), std::numeric_limits<T>::quiet_NaN());
    stream<Case>(plans, kernels::backward_weight_steps(g), dy.data(), w.data(), nullptr, dx.data());
    kernels::reference::conv2d_backward_data(g, dy.data(), w.data(), dx2.data());
    check_close(dx, dx2, taps * static_cast<double>(g.group_out()) + 2, "data " + name);
    ++compared;
  }
  return compared;
}

}  // namespace

TEST_CASE_TEMPLATE("streamed lines add up their chunks for any number of channels, chunks, lines and images", Case,
                   BITGRAIN_FLOAT_CASES) {
  RandomStream random(8, "streamed");
  int compared = 0;
  for (const std::int64_t w : {7, 8, 14, 16})
    for (const std::int64_t kernel : {3, 5})
      for (const std::int64_t in : {1, 16, 33}) {
        compared += compare_streamed<Case>(conv(2, 4, w, in, 17, kernel, 1, kernel / 2), random);
        compared += compare_streamed<Case>(conv(1, 1, w, in, 70, kernel, 1, kernel / 2), random);
      }
  for (const std::int64_t w : {7, 14}) {
    compared += compare_streamed<Case>(conv(1, 3, w, 300, 40, 5, 1, 2), random);  // several chunks in one direction
    compared += compare_streamed<Case>(conv(1, 3, w, 40, 300, 5, 1, 2), random);  // and in the other
  }
  for (const std::int64_t w : {16, 32}) {
    compared += compare_streamed<Case>(conv(1, 4, w, 20, 33, 3, 2, 1), random);  // rows of phases, merged columns
    compared += compare_streamed<Case>(conv(2, 1, w, 20, 33, 3, 2, 1), random);  // a phase without rows
  }
  CHECK(compared >= 56);  // half of them on any architecture
}

TEST_CASE_TEMPLATE(
    "a convolution with more weights than a cache holds is right, and the same at any number of threads", Case,
    BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  RandomStream random(9, "deep");
  const bitgrain::ConvGeometry g = conv(1, 7, 7, 80, 144, 5, 1, 2);
  REQUIRE(kernels::should_stream_weights({kernels::plan_forward(g)}, 1, sizeof(T)));
  compare_conv<Case>(g, random);
  Guarded<T> x(g.input_size()), w(g.weight_size());
  fill_random(x, random);
  fill_random(w, random);
  const auto results = at_threads([&] {
    Guarded<T> y(g.output_size());
    kernels::conv2d_forward<T, typename Case::Arch>(g, x.data(), w.data(), nullptr, y.data());
    return y.values();
  });
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}

TEST_CASE("lines whose last tile overlaps the one before are not streamed: it would be added twice") {
  const auto whole = [](std::int64_t width, std::int64_t groups) {
    return kernels::fits_whole_lines<float, kernels::DefaultArch>(
        kernels::plan_forward(conv(1, width, width, 8, 32, 3, 1, 1, 1, groups)));
  };
  CHECK(whole(14, 1));
  CHECK(whole(16, 1));
  CHECK_FALSE(whole(13, 1));
  CHECK_FALSE(whole(14, 2));
}
