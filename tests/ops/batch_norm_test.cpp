#include "bitgrain/ops/batch_norm.hpp"

#include "ops/op_check.hpp"

using namespace op_check;

namespace {
Tensor<double> vec(std::initializer_list<double> values) {
  return Tensor<double>({static_cast<std::int64_t>(values.size())}, values);
}
}  // namespace

TEST_CASE("batch_norm_train: biased variance normalises, unbiased goes into the running estimate, by hand") {
  // Channel 0: 1, 3 -> mean 2, biased variance 1. Channel 1: 0, 8 -> mean 4, biased variance 16.
  const auto x = var({2, 2}, {1, 0, 3, 8});
  const auto gamma = var({2}, {1, 2}), beta = var({2}, {0, 10});
  Tensor<double> mean = vec({0, 1}), variance = vec({1, 2});
  const auto y = batch_norm_train(x, gamma, beta, mean, variance, 0.1, 0.0);
  CHECK(y.value()[0] == doctest::Approx(-1));
  CHECK(y.value()[1] == doctest::Approx(10 - 2));
  CHECK(y.value()[2] == doctest::Approx(1));
  CHECK(y.value()[3] == doctest::Approx(10 + 2));
  // running = 0.9 old + 0.1 new, unbiased variance = 2 * biased for two rows. The caller's tensors were updated.
  CHECK(mean[0] == doctest::Approx(0.2));
  CHECK(mean[1] == doctest::Approx(0.9 + 0.4));
  CHECK(variance[0] == doctest::Approx(0.9 + 0.2));
  CHECK(variance[1] == doctest::Approx(1.8 + 3.2));
}

TEST_CASE("batch_norm_train: eps is added to the variance") {
  const auto x = var({2, 1}, {1, 3});
  const auto y = batch_norm_train(x, var({1}, {1}), var({1}, {0}), vec({0}), vec({1}), 0.1, 3.0);
  CHECK(y.value()[1] == doctest::Approx(0.5));
}

TEST_CASE("batch_norm_train: gradients to x, gamma and beta over ranks") {
  const auto f = [](const std::vector<Var<double>>& in) {
    const Shape channels = in[1].shape();
    return batch_norm_train(in[0], in[1], in[2], Tensor<double>(channels, 0.0), Tensor<double>(channels, 1.0));
  };
  for (const Shape& shape : {Shape{4, 3}, Shape{2, 3, 2, 5}, Shape{3, 2, 19}}) {
    const Shape channels{shape[-1]};
    check_gradients(f, {random_var(shape, 1, -2, 2), random_var(channels, 2, 0.5, 1.5), random_var(channels, 3)});
  }
}

TEST_CASE("batch_norm_eval: the running estimates normalise and stay as they are, by hand") {
  const auto x = var({1, 1, 1, 2}, {5, 1});
  const Tensor<double> mean = vec({1, 1}), variance = vec({4, 16});
  const auto y = batch_norm_eval(x, var({2}, {3, 1}), var({2}, {10, -1}), mean, variance, 0.0);
  CHECK(y.value()[0] == doctest::Approx(16));
  CHECK(y.value()[1] == doctest::Approx(-1));
  CHECK(list(mean) == Values{1, 1});
  CHECK(list(variance) == Values{4, 16});
}

TEST_CASE("batch_norm_eval: gradients to x, gamma and beta over ranks") {
  const auto f = [](const std::vector<Var<double>>& in) {
    Tensor<double> mean(in[1].shape()), variance(in[1].shape());
    for (std::int64_t c = 0; c < mean.numel(); ++c) {
      mean.mutable_data()[c] = 0.1 * static_cast<double>(c);
      variance.mutable_data()[c] = 0.5 + static_cast<double>(c);
    }
    return batch_norm_eval(in[0], in[1], in[2], mean, variance);
  };
  for (const Shape& shape : {Shape{1, 3}, Shape{2, 3, 2, 5}, Shape{3, 2, 19}}) {
    const Shape channels{shape[-1]};
    check_gradients(f, {random_var(shape, 1, -2, 2), random_var(channels, 2, 0.5, 1.5), random_var(channels, 3)});
  }
}

TEST_CASE("batch_norm_eval: running estimates that move on before backward do not change the gradient") {
  const auto x = random_var({4, 1}, 1), gamma = var({1}, {1}), beta = var({1}, {0});
  Tensor<double> mean = vec({0.5}), variance = vec({1});
  const auto y = batch_norm_eval(x, gamma, beta, mean, variance, 0.0);
  mean.fill(100);
  variance.fill(100);
  y.backward(Tensor<double>({4, 1}, 1.0));
  double expected = 0;
  for (const double v : x.value().values()) expected += v - 0.5;
  CHECK(gamma.grad().item() == doctest::Approx(expected));
  CHECK(x.grad()[0] == doctest::Approx(1));
}

TEST_CASE("batch_norm: the trace in evaluation mode is the affine function the op computes") {
  const auto x = random_var({2, 3, 3, 4}, 1), gamma = random_var({4}, 2), beta = random_var({4}, 3);
  const Tensor<double> mean = random_var({4}, 4).value(), variance = random_var({4}, 5, 0.1, 2).value();
  Var<double> y;
  const auto record = traced([&] { y = batch_norm_eval(x, gamma, beta, mean, variance); });
  CHECK(record.op == "batch_norm");
  REQUIRE(record.inputs.size() == 1);
  CHECK(record.inputs[0].id() == x.id());
  CHECK(record.output.id() == y.id());
  REQUIRE(record.attributes.scale.size() == 4);
  REQUIRE(record.attributes.shift.size() == 4);
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const auto c = static_cast<std::size_t>(i % 4);
    CHECK(y.value()[i] ==
          doctest::Approx(record.attributes.scale[c] * x.value()[i] + record.attributes.shift[c]).epsilon(1e-13));
  }
  const auto training = traced([&] { batch_norm_train(x, gamma, beta, mean.clone(), variance.clone()); });
  CHECK(training.op == "batch_norm_train");
}

TEST_CASE("batch_norm: the affine constants of float parameters are computed in double, fused") {
  const Tensor<float> gamma({1}, {0.1f}), beta({1}, {0.3f}), mean({1}, {0.7f}), variance({1}, {0.9f});
  const auto affine = batch_norm_affine(gamma, beta, mean, variance);
  const double scale = double{0.1f} / std::sqrt(double{0.9f} + 1e-5);
  CHECK(affine.scale[0] == scale);
  CHECK(affine.shift[0] == std::fma(-double{0.7f}, scale, double{0.3f}));
}

TEST_CASE("batch_norm: codes dropped, what does not fit is named") {
  const auto x = random_var({4, 2}, 1), gamma = random_var({2}, 2), beta = random_var({2}, 3);
  const Tensor<double> zero({2}, 0.0), one({2}, 1.0);
  CHECK(batch_norm_eval(with_codes(x), gamma, beta, zero, one).quant() == nullptr);
  CHECK(batch_norm_train(with_codes(x), gamma, beta, zero.clone(), one.clone()).quant() == nullptr);
  CHECK(names(error_of([&] { batch_norm_eval(x, random_var({3}, 1), beta, zero, one); }),
              {"batch_norm", "gamma", "[2]", "[3]"}));
  CHECK(names(error_of([&] { batch_norm_train(x, gamma, random_var({3}, 1), zero, one); }),
              {"batch_norm_train", "beta", "[2]", "[3]"}));
  CHECK(names(error_of([&] { batch_norm_eval(x, gamma, beta, vec({0}), one); }), {"batch_norm", "[1]", "[2]"}));
  CHECK(names(error_of([&] { batch_norm_eval(random_var({2}, 1), gamma, beta, zero, one); }), {"batch_norm", "[2]"}));
  CHECK(names(error_of([&] {
                batch_norm_train(random_var({1, 2}, 1), gamma, beta, zero, one);
              }),
              {"batch_norm_train", "more than one value", "[1,2]"}));
}
