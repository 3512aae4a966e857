#include "bitgrain/ops/log_softmax.hpp"

#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("log_softmax: over the last dimension, without overflow") {
  const auto y = log_softmax(var({2, 2}, {0, std::log(3.0), 1000, 0}));
  CHECK(y.value()[0] == doctest::Approx(std::log(0.25)));
  CHECK(y.value()[1] == doctest::Approx(std::log(0.75)));
  CHECK(std::abs(y.value()[2]) < 1e-12);
  CHECK(y.value()[3] == doctest::Approx(-1000));
}

TEST_CASE("log_softmax: gradients over ranks") {
  const auto f = [](const auto& in) { return log_softmax(in[0]); };
  check_gradients(f, {random_var({5}, 1, -2, 2)});
  check_gradients(f, {random_var({3, 17}, 2, -2, 2)});
  check_gradients(f, {random_var({2, 2, 3, 4}, 3, -2, 2)});
}

TEST_CASE("log_softmax: traced, codes dropped, rank 0 refused") {
  const auto x = random_var({2, 3}, 1);
  CHECK(traced([&] { log_softmax(x); }).op == "log_softmax");
  CHECK(log_softmax(with_codes(x)).quant() == nullptr);
  CHECK(names(error_of([] { log_softmax(var({}, {1})); }), {"log_softmax", "[]"}));
}
