#include "bitgrain/ops/cross_entropy.hpp"

#include "bitgrain/ops/mul.hpp"
#include "ops/op_check.hpp"

using namespace op_check;
using Labels = std::vector<std::int32_t>;

TEST_CASE("cross_entropy: the mean of -log p(label), by hand") {
  const auto logits = var({2, 2}, {0, std::log(3.0), std::log(4.0), 0});
  const auto loss = cross_entropy(logits, Labels{0, 0});
  CHECK(loss.shape() == Shape{});
  CHECK(loss.item() == doctest::Approx(-(std::log(0.25) + std::log(0.8)) / 2));
}

TEST_CASE("cross_entropy: label smoothing gives every class its share, by hand") {
  const auto logits = var({1, 2}, {0, std::log(3.0)});
  // Target: 0.9 + 0.05 for class 0, 0.05 for class 1.
  const double expected = -(0.95 * std::log(0.25) + 0.05 * std::log(0.75));
  CHECK(cross_entropy(logits, Labels{0}, 0.1).item() == doctest::Approx(expected));
}

TEST_CASE("cross_entropy: gradients, with and without smoothing, and under a factor") {
  const Labels labels = {0, 2, 9, 2};
  const auto logits = random_var({4, 10}, 1, -3, 3);
  check_gradients([&](const auto& in) { return cross_entropy(in[0], labels); }, {logits});
  check_gradients([&](const auto& in) { return cross_entropy(in[0], labels, 0.2); }, {logits});
  check_gradients([&](const auto& in) { return mul(cross_entropy(in[0], labels), 2.5); }, {logits});
  const Tensor<std::int32_t> one({1}, {3});
  check_gradients([&](const auto& in) { return cross_entropy(in[0], one); }, {random_var({1, 5}, 2)});
}

TEST_CASE("cross_entropy: works without a gradient") {
  const NoGrad no_grad;
  CHECK(cross_entropy(var({1, 2}, {0, 0}), Labels{1}).item() == doctest::Approx(std::log(2.0)));
}

TEST_CASE("cross_entropy: traced, and what does not fit is named") {
  const auto logits = random_var({2, 3}, 1);
  CHECK(traced([&] { cross_entropy(logits, Labels{0, 1}); }).op == "cross_entropy");
  CHECK(names(error_of([&] { cross_entropy(logits, Labels{0}); }), {"cross_entropy", "[2,3]", "2 labels", "got 1"}));
  CHECK(names(error_of([&] { cross_entropy(logits, Labels{0, 3}); }), {"label", "3"}));
  CHECK(names(error_of([&] { cross_entropy(logits, Labels{-1, 0}); }), {"label", "-1"}));
  CHECK(names(error_of([&] { cross_entropy(logits, Labels{0, 0}, 1.5); }), {"label_smoothing", "1.5"}));
  CHECK(names(error_of([&] { cross_entropy(random_var({3}, 1), Labels{0}); }), {"cross_entropy", "[3]"}));
  CHECK(names(error_of([&] { cross_entropy(Var<double>(Tensor<double>(Shape{0, 3})), Labels{}); }), {"[0,3]"}));
}
