#include "bitgrain/kernels/f32/conv2d.hpp"

#include <doctest/doctest.h>

#include "error_of.hpp"
#include "kernels/conv_case.hpp"

#if defined(BITGRAIN_EXTERN_KERNELS) && !defined(XSIMD_NO_SUPPORTED_ARCHITECTURE)
namespace bitgrain::kernels {
BITGRAIN_CONV2D_INSTANCES(, float, ScalarArch)
}  // namespace bitgrain::kernels
#endif

namespace kernels = bitgrain::kernels;
using bitgrain::ConvGeometry;
using bitgrain::RandomStream;

TEST_CASE_TEMPLATE("random convolutions of every kind equal their reference in all directions", Case,
                   BITGRAIN_FLOAT_CASES) {
  RandomStream random(7, "random");
  for (int i = 0; i < 80; ++i) compare_conv<Case>(random_conv(random), random);
}

TEST_CASE("the layers of LeNet-5 and ResNet equal their reference") {
  using Case = FloatCase<float, kernels::DefaultArch>;
  RandomStream random(8, "layers");
  compare_conv<Case>(conv(1, 28, 28, 1, 32, 5), random);
  compare_conv<Case>(conv(1, 12, 12, 32, 64, 5), random);
  compare_conv<Case>(conv(2, 32, 32, 3, 16, 3, 1, 1), random);
  compare_conv<Case>(conv(1, 16, 16, 16, 32, 3, 2, 1), random);
  compare_conv<Case>(conv(2, 8, 8, 64, 64, 3, 1, 1), random);
  compare_conv<Case>(conv(2, 8, 8, 32, 64, 1, 2), random);
}

TEST_CASE("an empty batch gives no output, zero gradients, and no access") {
  ConvGeometry g = conv(0, 4, 4, 3, 5, 3, 1, 1);
  const float* none = nullptr;
  float* nowhere = nullptr;
  const std::vector<float> w(static_cast<std::size_t>(g.weight_size()), 1.0f);
  for (const std::int64_t groups : {1, 3}) {
    g.groups = groups;
    g.out_channels = groups == 3 ? 3 : 5;
    std::vector<float> dw(static_cast<std::size_t>(g.weight_size()), 7.0f), db(5, 7.0f);
    kernels::conv2d_forward(g, none, w.data(), nullptr, nowhere);
    kernels::conv2d_backward_data(g, none, w.data(), nowhere);
    kernels::conv2d_backward_weights(g, none, none, dw.data(), db.data());
    for (const float v : dw) CHECK(v == 0);
    for (std::int64_t o = 0; o < g.out_channels; ++o) CHECK(db[static_cast<std::size_t>(o)] == 0);
  }
}

TEST_CASE("geometries that are no convolution are errors in every direction") {
  const float* none = nullptr;
  float* nowhere = nullptr;
  const auto expect = [&](const ConvGeometry& g, const char* part) {
    CHECK(contains(error_of([&] { kernels::conv2d_forward(g, none, none, nullptr, nowhere); }), part));
    CHECK(contains(error_of([&] { kernels::conv2d_backward_data(g, none, none, nowhere); }), part));
    CHECK(contains(error_of([&] { kernels::conv2d_backward_weights(g, none, none, nowhere, nullptr); }), part));
  };
  expect(conv(1, 4, 4, 3, 4, 3, 1, 0, 1, 2), "groups must divide the channels");
  expect(conv(1, 2, 2, 3, 4, 3), "does not fit");
  expect(conv(1, 4, 4, 3, 4, 3, 0), "stride");
}

TEST_CASE("convolutions give the same bits at 1, 2 and 3 threads in all directions") {
  RandomStream random(9, "threads");
  for (const ConvGeometry& g : {conv(12, 16, 16, 16, 16, 3, 1, 1), conv(6, 16, 16, 3, 32, 3, 2, 1),
                                conv(5, 14, 14, 24, 24, 3, 1, 1, 1, 24), conv(2, 4, 4, 300, 310, 3, 1, 1)}) {
    Guarded<float> x(g.input_size()), w(g.weight_size()), dy(g.output_size());
    for (Guarded<float>* a : {&x, &w, &dy}) fill_random(*a, random);
    const auto results = at_threads([&] {
      Guarded<float> y(g.output_size()), dx(g.input_size()), dw(g.weight_size()), db(g.out_channels);
      kernels::conv2d_forward(g, x.data(), w.data(), nullptr, y.data());
      kernels::conv2d_backward_data(g, dy.data(), w.data(), dx.data());
      kernels::conv2d_backward_weights(g, x.data(), dy.data(), dw.data(), db.data());
      return std::vector{y.values(), dx.values(), dw.values(), db.values()};
    });
    CHECK_MESSAGE(results[0] == results[1], describe(g));
    CHECK_MESSAGE(results[0] == results[2], describe(g));
  }
}
