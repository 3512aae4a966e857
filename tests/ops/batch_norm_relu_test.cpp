#include "bitgrain/ops/batch_norm_relu.hpp"

#include "bitgrain/ops/add.hpp"
#include "bitgrain/ops/relu.hpp"
#include "ops/op_check.hpp"

using namespace op_check;

namespace {
// Fused, from fresh running statistics.
Var<double> fused(const std::vector<Var<double>>& in) {
  Tensor<double> mean(in[1].shape(), 0.0), var(in[1].shape(), 1.0);
  return batch_norm_relu_train(in[0], in[1], in[2], mean, var, 0.1, 1e-5, in.size() > 3 ? in[3] : Var<double>());
}
// The ops one by one.
Var<double> composed(const std::vector<Var<double>>& in) {
  Tensor<double> mean(in[1].shape(), 0.0), var(in[1].shape(), 1.0);
  const auto y = batch_norm_train(in[0], in[1], in[2], mean, var, 0.1, 1e-5);
  return relu(in.size() > 3 ? add(y, in[3]) : y);
}
std::vector<Var<double>> inputs(const Shape& shape, bool residual) {
  const Shape channels{shape[-1]};
  std::vector<Var<double>> in{random_var(shape, 1, -2, 2), random_var(channels, 2, 0.5, 1.5),
                              random_var(channels, 3)};
  if (residual) in.push_back(random_var(shape, 4));
  return in;
}
}  // namespace

TEST_CASE("batch_norm_relu_train: gradients to x, gamma, beta and the residual over ranks") {
  for (const Shape& shape : {Shape{4, 3}, Shape{2, 3, 2, 5}, Shape{3, 2, 19}})
    for (const bool residual : {false, true}) check_gradients(fused, inputs(shape, residual));
}

TEST_CASE("batch_norm_relu_train: values and gradients are those of batch norm, add and ReLU one by one") {
  for (const bool residual : {false, true}) {
    const auto a = inputs({3, 4, 5, 21}, residual), b = inputs({3, 4, 5, 21}, residual);
    const Var<double> y = fused(a), expected = composed(b);
    CHECK(list(y) == list(expected));
    Tensor<double> seed = random_var(y.shape(), 9).value();
    y.backward(seed.clone());
    expected.backward(seed.clone());
    for (std::size_t i = 0; i < a.size(); ++i) CHECK(list(a[i].grad()) == list(b[i].grad()));
  }
}

TEST_CASE("batch_norm_relu_train: the running statistics move as those of batch_norm_train") {
  const auto in = inputs({5, 7}, false);
  Tensor<double> mean({7}, 0.5), var({7}, 2.0), mean2({7}, 0.5), var2({7}, 2.0);
  batch_norm_relu_train(in[0], in[1], in[2], mean, var, 0.3);
  batch_norm_train(in[0], in[1], in[2], mean2, var2, 0.3);
  CHECK(list(mean) == list(mean2));
  CHECK(list(var) == list(var2));
}

TEST_CASE("batch_norm_relu_train: one variable as input and as residual receives both gradients") {
  const auto in = inputs({6, 3}, false), other = inputs({6, 3}, false);
  fused({in[0], in[1], in[2], in[0]}).backward(Tensor<double>({6, 3}, 1.0));
  composed({other[0], other[1], other[2], other[0]}).backward(Tensor<double>({6, 3}, 1.0));
  for (std::int64_t i = 0; i < 18; ++i) CHECK(in[0].grad()[i] == doctest::Approx(other[0].grad()[i]).epsilon(1e-12));
}

TEST_CASE("batch_norm_relu_train: saves x, and its result only with a residual") {
  const auto bytes = [] { return MemoryPool::instance().stats().bytes_in_use; };
  const std::size_t size = 64 * 128 * sizeof(double);
  for (const bool residual : {false, true}) {
    const auto in = inputs({64, 128}, residual);
    const std::size_t before = bytes();
    Var<double> y = fused(in);
    CHECK((bytes() - before) / size == 1);
    y = Var<double>();  // drops the tape as well
    CHECK(bytes() == before);
  }
}

TEST_CASE("batch_norm_relu_train: what it saved must not be written, what it did not save may be") {
  auto in = inputs({4, 3}, true);
  const Var<double> y = fused(in);
  in[3].mutable_value().fill(0);
  SUBCASE("the residual") { y.backward(Tensor<double>({4, 3}, 1.0)); }
  SUBCASE("x") {
    in[0].mutable_value().fill(0);
    CHECK(names(error_of([&] { y.backward(Tensor<double>({4, 3}, 1.0)); }), {"written in place"}));
  }
}

TEST_CASE("batch_norm_relu_train: traced as one op; what does not fit is named") {
  const auto in = inputs({4, 3}, true);
  const auto record = traced([&] { fused(in); });
  CHECK(record.op == "batch_norm_relu_train");
  CHECK(record.inputs[3].id() == in[3].id());
  CHECK(names(error_of([&] {
                fused({in[0], in[1], in[2], random_var({4, 2}, 1)});
              }),
              {"batch_norm_relu_train", "[4,3]", "[4,2]"}));
  CHECK(names(error_of([&] {
                fused({in[0], random_var({2}, 1), in[2]});
              }),
              {"batch_norm_relu_train", "gamma", "[2]"}));
}
