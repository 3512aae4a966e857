#include "bitgrain/ops/sub.hpp"

#include "bitgrain/ops/relu.hpp"
#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("sub: values") {
  const auto a = var({2}, {1, 2}), b = var({2}, {10, 30});
  CHECK(list(a - b) == Values{-9, -28});
  CHECK(list(a - 0.5) == Values{0.5, 1.5});
  CHECK(list(0.5 - a) == Values{-0.5, -1.5});
}

TEST_CASE("sub: gradients of every form") {
  check_gradients([](const auto& in) { return sub(in[0], in[1]); }, {random_var({3, 5}, 1), random_var({3, 5}, 2)});
  check_gradients([](const auto& in) { return sub(in[0], 2.0); }, {random_var({9}, 1)});
  check_gradients([](const auto& in) { return sub(2.0, in[0]); }, {random_var({9}, 1)});
  check_gradients([](const auto& in) { return sub(relu(in[0]), relu(in[1])); },
                  {random_var({17}, 1), random_var({17}, 2)});
  check_gradients([](const auto& in) { return sub(in[0], in[0]); }, {random_var({3}, 1)});
}

TEST_CASE("sub: traced, codes dropped, shapes named") {
  const auto a = random_var({2, 3}, 1), b = random_var({2, 3}, 2);
  CHECK(traced([&] { sub(a, b); }).op == "sub");
  CHECK(traced([&] { sub(a, 2.0); }).attributes.shift == Values{-2});
  const auto scalar = traced([&] { sub(2.0, a); });
  CHECK(scalar.op == "sub_scalar");
  CHECK(scalar.attributes.scale == Values{-1});
  CHECK(scalar.attributes.shift == Values{2});
  CHECK(sub(with_codes(a), b).quant() == nullptr);
  CHECK(names(error_of([&] { sub(a, random_var({3}, 1)); }), {"sub", "[2,3]", "[3]"}));
}
