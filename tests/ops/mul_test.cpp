#include "bitgrain/ops/mul.hpp"

#include "bitgrain/ops/relu.hpp"
#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("mul: values") {
  const auto a = var({2}, {3, -2});
  CHECK(list(a * var({2}, {10, 30})) == Values{30, -60});
  CHECK(list(a * 0.5) == Values{1.5, -1});
  CHECK(list(0.5 * a) == Values{1.5, -1});
  CHECK(list(-a) == Values{-3, 2});
}

TEST_CASE("mul: gradients of every form") {
  check_gradients([](const auto& in) { return mul(in[0], in[1]); }, {random_var({3, 5}, 1), random_var({3, 5}, 2)});
  check_gradients([](const auto& in) { return mul(in[0], in[0]); }, {random_var({2, 9}, 1)});
  check_gradients([](const auto& in) { return mul(in[0], -2.5); }, {random_var({9}, 1)});
  check_gradients([](const auto& in) { return mul(relu(in[0]), relu(in[1])); },
                  {random_var({17}, 1), random_var({17}, 2)});
}

TEST_CASE("mul: a factor that was overwritten before backward is an error") {
  auto a = random_var({3}, 1);
  const auto y = mul(a, random_var({3}, 2));
  a.mutable_value().fill(1);
  CHECK(names(error_of([&] { y.backward(Tensor<double>({3}, 1.0)); }), {"written in place"}));
}

TEST_CASE("mul: traced, codes dropped, shapes named") {
  const auto a = random_var({2, 3}, 1), b = random_var({2, 3}, 2);
  CHECK(traced([&] { mul(a, b); }).op == "mul");
  const auto scalar = traced([&] { mul(a, 3.0); });
  CHECK(scalar.op == "mul_scalar");
  CHECK(scalar.attributes.scale == Values{3});
  CHECK(scalar.attributes.shift == Values{0});
  CHECK(mul(with_codes(a), b).quant() == nullptr);
  CHECK(mul(with_codes(a), 2.0).quant() == nullptr);
  CHECK(names(error_of([&] { mul(a, random_var({3}, 1)); }), {"mul", "[2,3]", "[3]"}));
}
