#include "bitgrain/ops/log.hpp"

#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("log: values") {
  const auto y = log(var({3}, {1, 2, 0.001}));
  CHECK(std::abs(y.value()[0]) < 1e-15);
  CHECK(y.value()[1] == doctest::Approx(0.6931471805599453).epsilon(1e-14));
  CHECK(y.value()[2] == doctest::Approx(-6.907755278982137).epsilon(1e-14));
}

TEST_CASE("log: gradients, trace, codes dropped") {
  check_gradients([](const auto& in) { return log(in[0]); }, {random_var({3, 7}, 1, 0.5, 3)});
  const auto x = random_var({2, 3}, 1, 1, 2);
  CHECK(traced([&] { log(x); }).op == "log");
  CHECK(log(with_codes(x)).quant() == nullptr);
}
