#include "bitgrain/quant/integer_conv2d.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "bitgrain/base/random.hpp"
#include "bitgrain/kernels/reference/conv2d_int8.hpp"
#include "bitgrain/ops/grad_precision.hpp"
#include "quant/codes_on_grid.hpp"

namespace {
namespace integer_conv {
using namespace codes_on_grid;

Var<float> plain(const Var<float>& v) { return Var<float>(v.value(), true); }
}  // namespace integer_conv
}  // namespace

TEST_CASE("integer_conv2d: the sums are the exact ones, for unsigned, signed and shifted inputs, steps per channel") {
  using namespace integer_conv;
  const Window2d window = Window2d::square(3, 2, 1);
  for (const auto& in :
       {info(Grid::kUnsigned, 4, {0.1}), info(Grid::kUnsigned, 8, {0.1}, 7), info(Grid::kSigned, 8, {0.3}),
        info(Grid::kSymmetric, 8, {0.02}), info(Grid::kSigned, 2, {0.02})})
    for (const std::int64_t groups : {1, 4})
      for (const int bits : {1, 4, 8}) {
        const Var<float> x = on_grid({2, 7, 6, 4}, in, 1);
        std::vector<double> steps;
        for (int o = 0; o < 8; ++o) steps.push_back(0.01 * (o + 1));
        auto w = on_grid({8, 3, 3, 4 / groups}, info(bits == 1 ? Grid::kUnsigned : Grid::kSigned, bits, steps), 2);
        const Var<float> y = integer_conv2d(x, w, Var<float>(), window, groups);
        const ConvGeometry g = conv2d_geometry(x.shape(), w.shape(), window, groups);
        // The codes as the oracle wants them: inputs as bytes + 128.
        const QTensor cx = x.codes(), cw = w.codes();
        std::vector<std::uint8_t> bx;
        for (const auto c : cx.codes.values())
          bx.push_back(static_cast<std::uint8_t>(c + (in->range().low < 0 ? 128 : 0)));
        std::vector<std::int8_t> bw;
        for (const auto c : cw.codes.values()) bw.push_back(static_cast<std::int8_t>(c));
        const std::int32_t zero = in->zero_point + (in->range().low < 0 ? 128 : 0);
        std::vector<std::int32_t> acc(static_cast<std::size_t>(g.output_size()));
        kernels::reference::conv2d_u8s8(g, bx.data(), static_cast<std::uint8_t>(zero), bw.data(), zero, acc.data());
        bool equal = true;
        for (std::int64_t i = 0; i < y.numel(); ++i) {
          const auto o = static_cast<std::size_t>(i % 8);
          equal = equal && y.value()[i] == static_cast<float>(acc[static_cast<std::size_t>(i)]) *
                                               static_cast<float>(in->step[0] * steps[o]);
        }
        CHECK(equal);
      }
}

TEST_CASE("integer_conv2d: value and gradients are those of conv2d on the same numbers, with bias and bytes too") {
  using namespace integer_conv;
  const Window2d window = Window2d::square(3, 1, 1);
  for (const bool bytes : {false, true})
    for (const bool bias : {false, true}) {
      const auto in = info(Grid::kUnsigned, 4, {0.1});
      Var<float> x = on_grid({2, 5, 6, 8}, in, 1);
      const Var<float> w = on_grid({16, 3, 3, 8}, info(Grid::kSigned, 4, {0.05}), 2);
      const Var<float> x2 = plain(x), w2 = plain(w);
      if (bytes) {
        Tensor<std::uint8_t> b(x.shape());
        kernels::bytes_of_values(x.numel(), x.value().data(), 0.1F, 0, b.mutable_data());
        x = Var<float>::of_codes(b, in);
        x.set_requires_grad(true);
      }
      Var<float> shift, shift2;
      if (bias) {
        shift = Var<float>(Tensor<float>({16}, 0.3F), true);
        shift2 = plain(shift);
      }
      const Var<float> y = integer_conv2d(x, w, shift, window, 1, true), expected = conv2d(x2, w2, shift2, window);
      CHECK(y.moments() != nullptr);
      CHECK((y.sums() == nullptr) == bias);  // batch norm takes bare sums
      Tensor<float> seed(y.shape());
      RandomStream random(3, "seed");
      for (float& v : seed.mutable_values()) v = static_cast<float>(random.normal());
      y.backward(seed.clone());
      expected.backward(seed.clone());
      const auto close = [](const Tensor<float>& a, const Tensor<float>& b) {
        for (std::int64_t i = 0; i < a.numel(); ++i)
          if (!(std::abs(a[i] - b[i]) <= 2e-4F * (1 + std::abs(b[i])))) return false;
        return a.shape() == b.shape();
      };
      CHECK(close(y.value(), expected.value()));
      CHECK(close(x.grad(), x2.grad()));
      CHECK(close(w.grad(), w2.grad()));
      if (bias) CHECK(close(shift.grad(), shift2.grad()));
    }
}

TEST_CASE("integer_conv2d: in bf16 the weight gradient rounds the incoming gradient alone") {
  using namespace integer_conv;
  const Window2d window = Window2d::square(3, 2, 1);  // a stride that Winograd's method in float does not take
  // 0.1 times a code is no bf16 number; the codes and a gradient of halves are.
  const Var<float> x = on_grid({2, 6, 6, 16}, info(Grid::kUnsigned, 8, {0.1}), 1);
  const Var<float> w = on_grid({16, 3, 3, 16}, info(Grid::kSigned, 4, {0.05}), 2);
  Tensor<float> seed(Shape{2, 3, 3, 16});
  RandomStream random(3, "seed");
  for (float& v : seed.mutable_values()) v = 0.5F * (static_cast<float>(random.below(9)) - 4);
  std::vector<Tensor<float>> gradients;
  for (const auto precision : {GradPrecision::fp32, GradPrecision::bf16}) {
    set_grad_precision(precision);
    Var<float>(w).zero_grad();
    integer_conv2d(x, w, Var<float>(), window).backward(seed.clone());
    gradients.push_back(w.grad());
  }
  set_grad_precision(GradPrecision::fp32);
  for (std::int64_t i = 0; i < w.numel(); ++i)
    CHECK(gradients[1][i] == doctest::Approx(gradients[0][i]).epsilon(1e-5));
  // A gradient that is no bf16 number is rounded.
  for (float& v : seed.mutable_values()) v *= 1.001F;
  set_grad_precision(GradPrecision::bf16);
  Var<float>(w).zero_grad();
  integer_conv2d(x, w, Var<float>(), window).backward(seed.clone());
  set_grad_precision(GradPrecision::fp32);
  bool rounded = false;
  for (std::int64_t i = 0; i < w.numel(); ++i) {
    CHECK(w.grad()[i] == doctest::Approx(1.001 * gradients[0][i]).epsilon(0x1p-7));
    rounded = rounded || w.grad()[i] == gradients[0][i];
  }
  CHECK(rounded);
}

TEST_CASE("integer_conv2d: what has no codes, or sums that do not fit int32, runs in float") {
  using namespace integer_conv;
  const Window2d window = Window2d::square(1);
  const Var<float> x = on_grid({1, 2, 2, 4}, info(Grid::kUnsigned, 8, {0.1}), 1);
  const Var<float> w = on_grid({3, 1, 1, 4}, info(Grid::kSigned, 4, {0.05}), 2);
  for (const auto& [a, b] : {std::pair{plain(x), w}, std::pair{x, plain(w)}}) {
    const Var<float> y = integer_conv2d(a, b, Var<float>(), window, 1, true);
    CHECK(y.moments() == nullptr);
  }
  CHECK(integer_conv2d(x, w, Var<float>(), window, 1, true).moments() != nullptr);
  const QuantInfo wide = *info(Grid::kUnsigned, 8, {1.0}), weights = *info(Grid::kSigned, 8, {1.0});
  CHECK(detail::fits_integer_kernels(wide, weights, 65793));
  CHECK_FALSE(detail::fits_integer_kernels(wide, weights, 65794));
}

TEST_CASE(
    "integer_conv2d: a second gradient of its input is added to the first one, in pieces, without changing it") {
  using namespace integer_conv;
  // Images whose pieces have at most 4 of them.
  const Var<float> x = on_grid({9, 64, 64, 8}, info(Grid::kUnsigned, 4, {0.1}), 1);
  const Var<float> w = on_grid({8, 1, 1, 8}, info(Grid::kSigned, 4, {0.05}), 2);
  const Tensor<float> seed(x.shape(), 1.0F), first(x.shape(), 0.5F);
  integer_conv2d(x, w, Var<float>(), Window2d::square(1)).backward(seed.clone());
  const Tensor<float> alone = x.grad();
  for (const bool shared : {false, true}) {
    Var<float>(x).zero_grad();
    Tensor<float> given = first.clone();
    const Tensor<float> also_held = shared ? given : Tensor<float>();
    x.add_grad(std::move(given));
    integer_conv2d(x, w, Var<float>(), Window2d::square(1)).backward(seed.clone());
    bool equal = true;
    for (std::int64_t i = 0; i < x.numel(); ++i) equal = equal && x.grad()[i] == 0.5F + alone[i];
    CHECK(equal);
    if (shared) CHECK(also_held[0] == 0.5F);
  }
}
