#include "bitgrain/ops/linear.hpp"

#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("linear: x w^T + bias, by hand") {
  const auto x = var({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto w = var({2, 3}, {1, 0, -1, 2, 1, 0});
  CHECK(list(linear(x, w, var({2}, {10, 20}))) == Values{8, 24, 8, 33});
  CHECK(list(linear(x, w)) == Values{-2, 4, -2, 13});
}

TEST_CASE("linear: gradients, with and without bias") {
  for (const auto& [n, k, o] : {std::array{3, 4, 2}, std::array{1, 1, 1}, std::array{5, 17, 9}}) {
    const auto x = random_var({n, k}, 1), w = random_var({o, k}, 2), bias = random_var({o}, 3);
    check_gradients([](const auto& in) { return linear(in[0], in[1], in[2]); }, {x, w, bias});
    check_gradients([](const auto& in) { return linear(in[0], in[1]); }, {x, w});
  }
}

TEST_CASE("linear: traced as a 1x1 convolution of a 1x1 image") {
  const auto x = random_var({5, 3}, 1), w = random_var({2, 3}, 2);
  const auto record = traced([&] { linear(x, w); });
  CHECK(record.op == "linear");
  REQUIRE(record.inputs.size() == 3);
  CHECK(record.inputs[1].id() == w.id());
  CHECK_FALSE(record.inputs[2].defined());
  ConvGeometry expected;
  expected.batch = 5;
  expected.in_channels = 3;
  expected.out_channels = 2;
  CHECK(record.attributes.conv == expected);
}

TEST_CASE("linear: codes are dropped, and shapes that do not fit are named") {
  const auto x = random_var({2, 3}, 1), w = random_var({4, 3}, 2);
  CHECK(linear(with_codes(x), w).quant() == nullptr);
  CHECK(names(error_of([&] { linear(random_var({2, 3, 1}, 1), w); }), {"linear", "[2,3,1]"}));
  CHECK(names(error_of([&] { linear(x, random_var({3}, 1)); }), {"linear", "[3]"}));
  CHECK(names(error_of([&] { linear(x, random_var({4, 5}, 1)); }), {"linear", "[2,3]", "[4,5]"}));
  CHECK(names(error_of([&] { linear(x, w, random_var({3}, 1)); }), {"linear", "bias", "[4]", "[3]"}));
  CHECK(names(error_of([&] { linear(Var<double>(), w); }), {"linear", "undefined"}));
}
