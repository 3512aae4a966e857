#include "bitgrain/ops/dropout.hpp"

#include "bitgrain/base/parallel.hpp"
#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("dropout: elements are dropped with probability p or scaled by 1 / (1 - p)") {
  const Var<double> x(Tensor<double>({40000}, 3.0));
  RandomStream random(1, "dropout");
  const auto y = dropout(x, 0.25, random);
  std::int64_t dropped = 0, other = 0;
  for (const double v : y.value().values()) {
    if (v == 0)
      ++dropped;
    else
      other += v != 4;
  }
  CHECK(other == 0);
  // Binomial(40000, 1/4): mean 10000, standard deviation 87.
  CHECK(std::abs(dropped - 10000) < 5 * 87);
}

TEST_CASE("dropout: element i is decided by number position + i of the stream, which moves on") {
  const auto x = random_var({101}, 1);
  RandomStream random(7, "dropout");
  random.set_position(5);
  const RandomStream start = random;
  const auto y = dropout(x, 0.5, random);
  CHECK(random.position() == 106);
  for (std::int64_t i = 0; i < 101; ++i)
    CHECK((y.value()[i] != 0) == (start.bits_at(5 + static_cast<std::uint64_t>(i)) >= 0x80000000u));
}

TEST_CASE("dropout: the same bits at one and at two threads") {
  const auto x = random_var({100003}, 1);
  const int before = num_threads();
  set_num_threads(1);
  RandomStream first(3, "dropout"), second(3, "dropout");
  const auto one = dropout(x, 0.3, first);
  set_num_threads(2);
  const auto two = dropout(x, 0.3, second);
  set_num_threads(before);
  CHECK((list(one) == list(two)));
}

TEST_CASE("dropout: gradients pass where elements passed; p = 0 is the identity") {
  const auto with = [](double p) {
    return [p](const std::vector<Var<double>>& in) {
      RandomStream random(1, "dropout");
      return dropout(in[0], p, random);
    };
  };
  check_gradients(with(0.5), {random_var({3, 7}, 1)});
  check_gradients(with(0.0), {random_var({3, 7}, 1)});
  const auto x = random_var({20}, 1);
  CHECK(list(with(0.0)({x})) == list(x));
}

TEST_CASE("dropout: traced, codes dropped, an impossible probability is an error") {
  const auto x = random_var({2, 3}, 1);
  RandomStream random(1, "dropout");
  CHECK(traced([&] { dropout(x, 0.5, random); }).op == "dropout");
  CHECK(dropout(with_codes(x), 0.5, random).quant() == nullptr);
  CHECK(names(error_of([&] { dropout(x, 1, random); }), {"dropout", "1"}));
  CHECK(names(error_of([&] { dropout(x, -0.1, random); }), {"dropout", "-0.1"}));
}
