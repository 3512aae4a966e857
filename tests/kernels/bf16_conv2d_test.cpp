#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "bitgrain/kernels/bf16/conv2d.hpp"
#include "error_of.hpp"
#include "kernels/conv_case.hpp"

#if defined(BITGRAIN_EXTERN_KERNELS) && !defined(XSIMD_NO_SUPPORTED_ARCHITECTURE)
namespace bitgrain::kernels {
BITGRAIN_CONV2D_BF16_INSTANCES(, ScalarArch)
}  // namespace bitgrain::kernels
#endif

namespace kernels = bitgrain::kernels;
using bitgrain::ConvGeometry;
using bitgrain::RandomStream;

namespace {

struct Gradients {
  explicit Gradients(const ConvGeometry& g) : dx(g.input_size(), 3), dw(g.weight_size(), 3), db(g.out_channels, 3) {
    for (Guarded<float>* a : {&dx, &dw, &db})
      std::fill_n(a->data(), a->size(), std::numeric_limits<float>::quiet_NaN());
  }
  Guarded<float> dx, dw, db;
};

// Operands that bf16 holds exactly, so that every kernel must give the exact sums (Winograd's: to its rounding).
template <class Arch>
void compare_exact(const ConvGeometry& g, RandomStream& random) {
  Guarded<float> x(g.input_size(), 1), w(g.weight_size(), 1), dy(g.output_size(), 1);
  for (Guarded<float>* a : {&x, &w, &dy})
    for (std::int64_t i = 0; i < a->size(); ++i) (*a)[i] = static_cast<float>(random.below(17)) - 8.0F;
  Gradients got(g), expected(g);
  kernels::conv2d_backward_data_bf16<Arch>(g, dy.data(), w.data(), got.dx.data());
  kernels::conv2d_backward_weights_bf16<Arch>(g, x.data(), dy.data(), got.dw.data(), got.db.data());
  kernels::reference::conv2d_backward_data(g, dy.data(), w.data(), expected.dx.data());
  kernels::reference::conv2d_backward_weights(g, x.data(), dy.data(), expected.dw.data(), expected.db.data());
  const bool winograd = kernels::winograd_data_wins(g) || kernels::winograd_weights_win(g);
  const bool exact = !winograd || (g.window.kernel_h == 5 && g.in_channels % 16 == 0 && g.out_channels % 8 == 0);
  const auto units = [&](std::int64_t terms) { return exact ? 0.0 : 64.0 * static_cast<double>(terms); };
  check_close(got.dx, expected.dx, units(9 * g.out_channels), "data " + describe(g));
  check_close(got.dw, expected.dw, units(g.batch * g.out_h() * g.out_w()), "weights " + describe(g));
  check_close(got.db, expected.db, 0, "bias " + describe(g));
}

std::vector<float> rounded(const Guarded<float>& a) {
  std::vector<float> result = a.values();
  for (float& v : result) v = kernels::Bf16Pair(v, 0).first();
  return result;
}

}  // namespace

TEST_CASE("backward in bf16 of numbers that bf16 holds is exact, for convolutions of every kind") {
  RandomStream random(11, "exact");
  for (int i = 0; i < 150; ++i) {
    ConvGeometry g = random_conv(random);
    if (i % 3 != 0) {  // channels that come in pairs, vectors and tiles
      g.in_channels = g.groups * 16 * (1 + i % 2);
      g.out_channels = g.groups * 8 * (1 + i % 5);
    }
    compare_exact<kernels::DefaultArch>(g, random);
    compare_exact<kernels::ScalarArch>(g, random);
  }
}

TEST_CASE("backward in bf16 of the layers of ResNets is exact") {
  RandomStream random(12, "layers");
  for (const ConvGeometry& g :
       {conv(2, 32, 32, 16, 16, 3, 1, 1), conv(2, 32, 32, 16, 32, 3, 2, 1), conv(3, 16, 16, 32, 32, 3, 1, 1),
        conv(2, 16, 16, 32, 64, 3, 2, 1), conv(2, 8, 8, 64, 64, 3, 1, 1), conv(2, 14, 14, 48, 96, 1, 2),
        conv(1, 7, 7, 64, 32, 5, 1, 2), conv(1, 9, 15, 16, 24, 3, 2, 1), conv(2, 12, 12, 32, 64, 5)})
    compare_exact<kernels::DefaultArch>(g, random);
}

TEST_CASE("operands are rounded to bf16 and nothing else: sums are those of floats") {
  RandomStream random(13, "rounding");
  for (const ConvGeometry& g : {conv(2, 16, 16, 16, 16, 3, 1, 1), conv(2, 15, 17, 32, 48, 3, 2, 1)}) {
    Guarded<float> x(g.input_size()), w(g.weight_size()), dy(g.output_size());
    for (Guarded<float>* a : {&x, &w, &dy}) fill_random(*a, random);
    Gradients got(g), expected(g), in_float(g);
    kernels::conv2d_backward_data_bf16(g, dy.data(), w.data(), got.dx.data());
    kernels::conv2d_backward_weights_bf16(g, x.data(), dy.data(), got.dw.data(), nullptr);
    kernels::reference::conv2d_backward_data(g, rounded(dy).data(), rounded(w).data(), expected.dx.data());
    kernels::reference::conv2d_backward_weights(g, rounded(x).data(), rounded(dy).data(), expected.dw.data(),
                                                static_cast<float*>(nullptr));
    const double pixels = static_cast<double>(g.batch * g.out_h() * g.out_w());
    check_close(got.dx, expected.dx, 9 * static_cast<double>(g.out_channels), "data " + describe(g));
    check_close(got.dw, expected.dw, pixels, "weights " + describe(g));
    // 2^-8 of the sum of products, each at most 1, beside the sums' own rounding.
    kernels::reference::conv2d_backward_data(g, dy.data(), w.data(), in_float.dx.data());
    check_close(got.dx, in_float.dx, 9 * static_cast<double>(g.out_channels) * 0x1p15, "data " + describe(g));
    CHECK(got.dx.values() != in_float.dx.values());
  }
}

TEST_CASE("an empty batch gives zero gradients in bf16, and bad geometries are errors") {
  const ConvGeometry g = conv(0, 4, 4, 16, 16, 3, 1, 1);
  std::vector<float> w(static_cast<std::size_t>(g.weight_size()), 1.0F), dw(w.size(), 7.0F), db(16, 7.0F);
  const float* none = nullptr;
  float* nowhere = nullptr;
  kernels::conv2d_backward_data_bf16(g, none, w.data(), nowhere);
  kernels::conv2d_backward_weights_bf16(g, none, none, dw.data(), db.data());
  CHECK(std::count(dw.begin(), dw.end(), 0.0F) == static_cast<std::ptrdiff_t>(dw.size()));
  CHECK(std::count(db.begin(), db.end(), 0.0F) == 16);
  const ConvGeometry bad = conv(1, 4, 4, 3, 4, 3, 1, 0, 1, 2);
  CHECK(contains(error_of([&] { kernels::conv2d_backward_data_bf16(bad, none, none, nowhere); }), "groups"));
  CHECK(contains(error_of([&] { kernels::conv2d_backward_weights_bf16(bad, none, none, nowhere, nowhere); }),
                 "groups"));
}

TEST_CASE("backward in bf16 gives the same bits at 1, 2 and 3 threads") {
  RandomStream random(14, "threads");
  for (const ConvGeometry& g : {conv(12, 16, 16, 16, 16, 3, 1, 1), conv(6, 17, 16, 32, 32, 3, 2, 1)}) {
    Guarded<float> x(g.input_size()), w(g.weight_size()), dy(g.output_size());
    for (Guarded<float>* a : {&x, &w, &dy}) fill_random(*a, random);
    const auto results = at_threads([&] {
      Gradients got(g);
      kernels::conv2d_backward_data_bf16(g, dy.data(), w.data(), got.dx.data());
      kernels::conv2d_backward_weights_bf16(g, x.data(), dy.data(), got.dw.data(), got.db.data());
      return std::vector{got.dx.values(), got.dw.values(), got.db.values()};
    });
    CHECK_MESSAGE(results[0] == results[1], describe(g));
    CHECK_MESSAGE(results[0] == results[2], describe(g));
  }
}

TEST_CASE(
    "the weight gradient of codes in bf16 is that of their numbers, bit for bit, for convolutions of every kind") {
  RandomStream random(15, "codes");
  for (int i = 0; i < 60; ++i) {
    ConvGeometry g = random_conv(random);
    if (i % 3 != 0) {
      g.in_channels = g.groups * 16 * (1 + i % 2);
      g.out_channels = g.groups * 8 * (1 + i % 5);
    }
    const std::int32_t zero = i % 2 ? 128 : 0;
    Guarded<float> x(g.input_size()), dy(g.output_size()), dw(g.weight_size(), 1), expected(g.weight_size(), 1);
    std::vector<std::uint8_t> codes(static_cast<std::size_t>(g.input_size() + 1));
    for (std::int64_t k = 0; k < x.size(); ++k) {
      codes[static_cast<std::size_t>(k + 1)] = static_cast<std::uint8_t>(random.below(256));
      x[k] = static_cast<float>(codes[static_cast<std::size_t>(k + 1)] - zero);
    }
    fill_random(dy, random);
    kernels::conv2d_backward_weights_of_codes_bf16(g, codes.data() + 1, zero, dy.data(), dw.data());
    kernels::conv2d_backward_weights_bf16(g, x.data(), dy.data(), expected.data(), nullptr);
    CHECK_MESSAGE(dw == expected, describe(g));
  }
}
