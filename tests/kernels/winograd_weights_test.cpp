#include "bitgrain/kernels/f32/winograd_weights.hpp"

#include <doctest/doctest.h>

#include "kernels/winograd_case.hpp"

namespace kernels = bitgrain::kernels;
using bitgrain::ConvGeometry;
using bitgrain::RandomStream;

namespace {
template <class Arch>
void compare_gradients(const ConvGeometry& g, RandomStream& random) {
  Guarded<float> x(g.input_size(), 1), dy(g.output_size(), 1), dw(g.weight_size(), 3), dw2(g.weight_size());
  for (Guarded<float>* a : {&x, &dy}) fill_random(*a, random);
  kernels::winograd_backward_weights<Arch>(g, x.data(), dy.data(), dw.data());
  kernels::reference::conv2d_backward_weights(g, x.data(), dy.data(), dw2.data(), nullptr);
  // Random data stays within the bound of a direct sum over the pixels, with some room for the transforms.
  check_close(dw, dw2, static_cast<double>(g.batch * g.out_h() * g.out_w()) + 64, "weights " + describe(g));
}
}  // namespace

TEST_CASE("the gradient by the weights equals the reference") {
  RandomStream random(5, "winograd");
  compare_gradients<kernels::DefaultArch>(conv(1, 20, 32, 1000, 5, 3, 1, 1), random);  // two batches of tiles
  compare_gradients<kernels::DefaultArch>(conv(1, 5, 6, 35, 150, 3, 1, 1), random);    // several blocks of sums
  for (const ConvGeometry& g : winograd_geometries()) {
    compare_gradients<kernels::DefaultArch>(g, random);
    if (g.output_size() < 5000) compare_gradients<kernels::ScalarArch>(g, random);
  }
}

TEST_CASE("the error bound holds for numbers that make the transforms large and the sums cancel") {
  for (const int taps : {3, 5}) {
    const ConvGeometry g = conv(2, 14, 14, 6, 5, taps, 1, taps / 2);
    Guarded<float> x(g.input_size()), dy(g.output_size()), dw(g.weight_size()), dw2(g.weight_size());
    RandomStream random(6, "winograd");
    for (int i = 0; i < 6; ++i)
      for (int j = 0; j < 6; ++j) {
        fill_adversarial(x, g.in_w, g.in_channels, i, j);
        for (std::int64_t k = 0; k < dy.size(); ++k) dy[k] = random.bernoulli(0.5) ? 1.0F : -1.0F;
        kernels::winograd_backward_weights(g, x.data(), dy.data(), dw.data());
        kernels::reference::conv2d_backward_weights(g, x.data(), dy.data(), dw2.data(), nullptr);
        check_close(dw, dw2, winograd_units(7 - taps, kernels::detail::winograd_tiles(g, 14, 14).count()),
                    "adversarial");
      }
  }
}

TEST_CASE("the work is cut the same way at every number of threads: same bits") {
  RandomStream random(7, "winograd");
  for (const ConvGeometry& g : {conv(20, 9, 10, 24, 40, 3, 1, 1), conv(64, 8, 8, 16, 16, 3, 1, 1),
                                conv(3, 5, 5, 260, 270, 3, 1, 1), conv(20, 12, 12, 24, 40, 5, 1, 0)}) {
    Guarded<float> x(g.input_size()), dy(g.output_size());
    for (Guarded<float>* a : {&x, &dy}) fill_random(*a, random);
    const auto results = at_threads([&] {
      Guarded<float> dw(g.weight_size());
      kernels::winograd_backward_weights(g, x.data(), dy.data(), dw.data());
      return dw.values();
    });
    CHECK(results[0] == results[1]);
    CHECK(results[0] == results[2]);
  }
}

TEST_CASE(
    "Winograd's method is chosen for gradients of few tiles too, but not of few channels or nearly empty tiles") {
  CHECK(kernels::winograd_weights_win(conv(1, 8, 8, 64, 64, 3, 1, 1)));
  CHECK(kernels::winograd_weights_win(conv(32, 16, 16, 16, 16, 3, 1, 1)));
  CHECK(kernels::winograd_weights_win(conv(128, 12, 12, 32, 64, 5, 1, 0)));
  CHECK_FALSE(kernels::winograd_weights_win(conv(1, 4, 4, 64, 64, 3, 1, 1)));
  CHECK_FALSE(kernels::winograd_weights_win(conv(32, 16, 16, 3, 16, 3, 1, 1)));
  CHECK_FALSE(kernels::winograd_weights_win(conv(128, 5, 5, 16, 16, 3, 1, 1)));
  CHECK_FALSE(kernels::winograd_weights_win(conv(32, 16, 16, 16, 16, 3, 2, 1)));
}

TEST_CASE("every tile and every output channel belongs to one unit of work") {
  for (const std::int64_t tiles : {1, 7, 64, 500, 40000})
    for (const std::int64_t channels : {16, 48, 512})
      for (const std::int64_t out : {1, 16, 100, 512}) {
        const kernels::detail::WinogradWeightPlan plan(tiles, 9, channels, out, 16);
        CAPTURE(tiles);
        CAPTURE(channels);
        CAPTURE(out);
        CHECK(plan.chunks * plan.per_chunk >= tiles);
        CHECK((plan.chunks - 1) * plan.per_chunk < tiles);
        CHECK(plan.slices * plan.slice >= out);
        CHECK((plan.slices - 1) * plan.slice < out);
        CHECK((plan.batch >= 1 && plan.batch <= plan.per_chunk));
      }
}
