#include "bitgrain/ops/relu.hpp"

#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("relu: values and gradients; the gradient at 0 is 0") {
  const auto x = var({5}, {-2, -0.5, 0, 0.5, 3});
  const auto y = relu(x);
  CHECK(list(y) == Values{0, 0, 0, 0.5, 3});
  y.backward(Tensor<double>({5}, {1.0, 2.0, 3.0, 4.0, 5.0}));
  CHECK(list(x.grad()) == Values{0, 0, 0, 4, 5});
  check_gradients([](const auto& in) { return relu(in[0]); }, {random_var({3, 4, 5, 3}, 1)});
  check_gradients([](const auto& in) { return relu(relu(in[0])); }, {random_var({19}, 1)});
}

TEST_CASE("relu: the caller's seed is not overwritten, an unshared one may be") {
  const auto x = var({2}, {-1, 1});
  const Tensor<double> seed({2}, {5.0, 6.0});
  relu(x).backward(seed);
  CHECK(list(seed) == Values{5, 6});
  CHECK(list(x.grad()) == Values{0, 6});
}

TEST_CASE("relu: in float, over more than one chunk of work") {
  Tensor<float> t({50021});
  for (std::int64_t i = 0; i < t.numel(); ++i) t.mutable_data()[i] = static_cast<float>(i % 7 - 3);
  const Var<float> x(t, true);
  const auto y = relu(x);
  y.backward(Tensor<float>(t.shape(), 2.0f));
  std::int64_t wrong = 0;
  for (std::int64_t i = 0; i < t.numel(); ++i)
    wrong += y.value()[i] != std::max(t[i], 0.0f) || x.grad()[i] != (t[i] > 0 ? 2.0f : 0.0f);
  CHECK(wrong == 0);
}

TEST_CASE("relu: traced, codes dropped, undefined input named") {
  const auto x = random_var({2, 3}, 1);
  const auto record = traced([&] { relu(x); });
  CHECK(record.op == "relu");
  CHECK(record.inputs[0].id() == x.id());
  CHECK(relu(with_codes(x)).quant() == nullptr);
  CHECK(names(error_of([] { relu(Var<double>()); }), {"relu", "undefined"}));
}
