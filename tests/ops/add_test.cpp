#include "bitgrain/ops/add.hpp"

#include "bitgrain/ops/relu.hpp"
#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("add: same shape, a bias on the last dimension, a number") {
  const auto a = var({2, 2}, {1, 2, 3, 4});
  CHECK(list(add(a, var({2, 2}, {10, 20, 30, 40}))) == Values{11, 22, 33, 44});
  CHECK(list(a + var({2}, {10, 20})) == Values{11, 22, 13, 24});
  CHECK(list(a + 1.5) == Values{2.5, 3.5, 4.5, 5.5});
  CHECK(list(1.5 + a) == Values{2.5, 3.5, 4.5, 5.5});
}

TEST_CASE("add: gradients of every form") {
  const auto f = [](const auto& in) { return add(in[0], in[1]); };
  check_gradients(f, {random_var({3, 5}, 1), random_var({3, 5}, 2)});
  check_gradients(f, {random_var({7}, 1), random_var({7}, 2)});
  check_gradients(f, {random_var({}, 1), random_var({}, 2)});
  check_gradients(f, {random_var({2, 3, 4, 5}, 1), random_var({5}, 2)});
  check_gradients(f, {random_var({4, 19}, 1), random_var({19}, 2)});
  check_gradients([](const auto& in) { return add(in[0], in[0]); }, {random_var({4}, 1)});
  check_gradients([](const auto& in) { return add(in[0], 3.0); }, {random_var({4}, 1)});
}

TEST_CASE("add: branches that share the gradient tensor do not disturb each other") {
  // relu works in place on its gradient when it may; here the tensor belongs to both branches.
  const auto f = [](const auto& in) { return add(relu(in[0]), relu(in[1])); };
  check_gradients(f, {random_var({3, 7}, 1), random_var({3, 7}, 2)});
  check_gradients([](const auto& in) { return add(relu(in[0]), in[0]); }, {random_var({3, 7}, 1)});
}

TEST_CASE("add: traces tell the forms apart") {
  const auto a = random_var({2, 3}, 1), b = random_var({2, 3}, 2), c = random_var({3}, 3);
  CHECK(traced([&] { add(a, b); }).op == "add");
  const auto bias = traced([&] { add(a, c); });
  CHECK(bias.op == "add_bias");
  CHECK(bias.inputs[1].id() == c.id());
  const auto scalar = traced([&] { add(a, 2.5); });
  CHECK(scalar.op == "add_scalar");
  CHECK(scalar.attributes.scale == Values{1});
  CHECK(scalar.attributes.shift == Values{2.5});
}

TEST_CASE("add: codes are dropped, and shapes that do not fit are named") {
  const auto a = random_var({2, 3}, 1);
  CHECK(add(with_codes(a), with_codes(a)).quant() == nullptr);
  CHECK(add(with_codes(a), 1.0).quant() == nullptr);
  CHECK(names(error_of([&] { add(a, random_var({3, 2}, 1)); }), {"add", "[2,3]", "[3,2]"}));
  CHECK(names(error_of([&] { add(a, random_var({2}, 1)); }), {"add", "[2,3]", "[2]"}));
  CHECK(names(error_of([&] { add(a, Var<double>()); }), {"add", "undefined"}));
}
