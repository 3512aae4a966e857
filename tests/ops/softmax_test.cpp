#include "bitgrain/ops/softmax.hpp"

#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("softmax: over the last dimension, without overflow") {
  const auto y = softmax(var({2, 2}, {0, std::log(3.0), 1000, 1000}));
  CHECK(y.value()[0] == doctest::Approx(0.25));
  CHECK(y.value()[1] == doctest::Approx(0.75));
  CHECK(y.value()[2] == doctest::Approx(0.5));
}

TEST_CASE("softmax: gradients over ranks") {
  const auto f = [](const auto& in) { return softmax(in[0]); };
  check_gradients(f, {random_var({5}, 1, -2, 2)});
  check_gradients(f, {random_var({3, 17}, 2, -2, 2)});
  check_gradients(f, {random_var({2, 2, 3, 4}, 3, -2, 2)});
}

TEST_CASE("softmax: traced, codes dropped, rank 0 refused") {
  const auto x = random_var({2, 3}, 1);
  CHECK(traced([&] { softmax(x); }).op == "softmax");
  CHECK(softmax(with_codes(x)).quant() == nullptr);
  CHECK(names(error_of([] { softmax(var({}, {1})); }), {"softmax", "[]"}));
}
