#include "bitgrain/quant/integer_linear.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "bitgrain/base/random.hpp"
#include "quant/codes_on_grid.hpp"

TEST_CASE("integer_linear: the sums are the exact ones at every batch, grid and width") {
  using namespace codes_on_grid;
  for (const std::int64_t batch : {1, 2, 7, 17, 37, 40, 64})
    for (const std::int64_t k : {1, 3, 64, 129})
      for (const auto& in : {info(Grid::kUnsigned, 4, {0.1}), info(Grid::kUnsigned, 8, {0.1}, 7),
                             info(Grid::kSigned, 8, {0.3}), info(Grid::kSymmetric, 8, {0.02})})
        for (const int bits : {1, 4, 8}) {
          const Var<float> x = on_grid({batch, k}, in, 1);
          std::vector<double> steps;
          for (int o = 0; o < 19; ++o) steps.push_back(0.01 * (o + 1));
          const Var<float> w = on_grid({19, k}, info(bits == 1 ? Grid::kUnsigned : Grid::kSigned, bits, steps), 2);
          const Var<float> y = integer_linear(x, w, Var<float>());
          const QTensor cx = x.codes(), cw = w.codes();
          bool equal = y.shape() == Shape{batch, 19};
          for (std::int64_t n = 0; n < batch; ++n)
            for (std::int64_t o = 0; o < 19; ++o) {
              std::int32_t acc = 0;
              for (std::int64_t i = 0; i < k; ++i)
                acc += (cx.codes[n * k + i] - in->zero_point) * cw.codes[o * k + i];
              const auto step = static_cast<float>(in->step[0] * steps[static_cast<std::size_t>(o)]);
              equal = equal && y.value()[n * 19 + o] == static_cast<float>(acc) * step;
            }
          CHECK(equal);
        }
}

TEST_CASE("integer_linear: value and gradients are those of linear on the same numbers, bytes and bias too") {
  using namespace codes_on_grid;
  const auto in = info(Grid::kUnsigned, 4, {0.1});
  for (const bool bias : {false, true}) {
    Var<float> x = on_grid({9, 40}, in, 1);
    const Var<float> w = on_grid({16, 40}, info(Grid::kSigned, 4, {0.05}), 2);
    const Var<float> x2(x.value(), true), w2(w.value(), true);
    Tensor<std::uint8_t> bytes(x.shape());
    kernels::bytes_of_values(x.numel(), x.value().data(), 0.1F, 0, bytes.mutable_data());
    x = Var<float>::of_codes(bytes, in);
    x.set_requires_grad(true);
    Var<float> shift, shift2;
    if (bias) shift = Var<float>(Tensor<float>({16}, 0.3F), true), shift2 = Var<float>(shift.value(), true);
    const Var<float> y = integer_linear(x, w, shift), expected = linear(x2, w2, shift2);
    Tensor<float> seed(y.shape());
    RandomStream random(3, "seed");
    for (float& v : seed.mutable_values()) v = static_cast<float>(random.normal());
    y.backward(seed.clone());
    expected.backward(seed.clone());
    const auto close = [](const Tensor<float>& a, const Tensor<float>& b) {
      for (std::int64_t i = 0; i < a.numel(); ++i)
        if (!(std::abs(a[i] - b[i]) <= 1e-5F * (1 + std::abs(b[i])))) return false;
      return a.shape() == b.shape();
    };
    CHECK(close(y.value(), expected.value()));
    CHECK(close(x.grad(), x2.grad()));
    CHECK(close(w.grad(), w2.grad()));
    if (bias) CHECK(close(shift.grad(), shift2.grad()));
  }
}

TEST_CASE("integer_linear: what has no codes runs in float, and the trace tells no difference") {
  using namespace codes_on_grid;
  const Var<float> x = on_grid({2, 4}, info(Grid::kUnsigned, 8, {0.1}), 1);
  const Var<float> w = on_grid({3, 4}, info(Grid::kSigned, 4, {0.05}), 2), plain_w(w.value(), true);
  Trace<float> trace;
  const Var<float> a = integer_linear(x, w, Var<float>()), b = integer_linear(x, plain_w, Var<float>());
  for (std::int64_t i = 0; i < a.numel(); ++i) CHECK(a.value()[i] == doctest::Approx(b.value()[i]));
  REQUIRE(trace.records.size() == 2);
  CHECK(trace.records[0].op == "linear");
  CHECK(trace.records[0].attributes.conv == trace.records[1].attributes.conv);
}
