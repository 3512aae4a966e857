#include "bitgrain/nn/blocks.hpp"

#include <doctest/doctest.h>

#include "bitgrain/nn/float_layers.hpp"
#include "nn/check_module.hpp"

namespace bitgrain {
namespace {

using F = FloatLayers<double>;
const F::Options kOptions;

/// Gamma and beta away from their starting values, so that a block that drops one of them is found out.
void stir(Module<double>& block) {
  for (auto& p : block.parameters()) fill_normal(p.var.mutable_value(), RandomStream(5, p.name), 0.5, 0.3);
}

TEST_CASE("blocks register their children as conv or linear, bn and act, without a bias before batch norm") {
  CHECK(parameter_names(F::ConvBnAct(kOptions, 2, 3, Window2d::square(3))) ==
        std::vector<std::string>{"conv.weight", "bn.weight", "bn.bias"});
  CHECK(parameter_names(F::ConvBn(kOptions, 2, 3, Window2d::square(1))) ==
        std::vector<std::string>{"conv.weight", "bn.weight", "bn.bias"});
  CHECK(parameter_names(F::ConvBnAddAct(kOptions, 2, 3, Window2d::square(3))) ==
        std::vector<std::string>{"conv.weight", "bn.weight", "bn.bias"});
  CHECK(parameter_names(F::LinearBnAct(kOptions, 2, 3)) ==
        std::vector<std::string>{"linear.weight", "bn.weight", "bn.bias"});
  F::ConvBnAct block(kOptions, 4, 4, Window2d::square(3), 4);
  CHECK(block.act().name() == "act");
  CHECK(block.conv().groups() == 4);
}

TEST_CASE("blocks compute what their names say") {
  const Var<double> x(normal_tensor<double>(Shape{2, 4, 4, 2}, "x"));
  const Var<double> s(normal_tensor<double>(Shape{2, 2, 2, 3}, "s"));
  const auto same = [](const Var<double>& a, const Var<double>& b) {
    REQUIRE(a.shape() == b.shape());
    for (std::int64_t i = 0; i < a.numel(); ++i) REQUIRE(a.value()[i] == b.value()[i]);
  };
  F::ConvBn plain(kOptions, 2, 3, Window2d::square(3));
  stir(plain);
  same(plain(x), plain.bn()(plain.conv()(x)));
  F::ConvBnAct act(kOptions, 2, 3, Window2d::square(3));
  stir(act);
  same(act(x), relu(act.bn()(act.conv()(x))));
  F::ConvBnAddAct sum(kOptions, 2, 3, Window2d::square(3));
  stir(sum);
  same(sum(x, s), relu(add(sum.bn()(sum.conv()(x)), s)));
  F::LinearBnAct dense(kOptions, 2, 3);
  stir(dense);
  const Var<double> row(normal_tensor<double>(Shape{5, 2}, "row"));
  same(dense(row), relu(dense.bn()(dense.linear()(row))));
}

TEST_CASE("gradients of every block, in training and in evaluation mode") {
  const Tensor<double> x = normal_tensor<double>(Shape{3, 4, 4, 2}, "x");
  const Var<double> s(normal_tensor<double>(Shape{3, 2, 2, 3}, "s"));
  F::ConvBn plain(kOptions, 2, 3, Window2d::square(3));
  F::ConvBnAct act(kOptions, 2, 3, Window2d::square(3));
  F::ConvBnAddAct sum(kOptions, 2, 3, Window2d::square(3));
  F::LinearBnAct dense(kOptions, 4, 3);
  for (const bool training : {true, false}) {
    for (Module<double>* block : std::initializer_list<Module<double>*>{&plain, &act, &sum, &dense}) {
      stir(*block);
      block->set_training(training);
    }
    for (const auto& report : {check_module(plain, x), check_module(act, x),
                               check_module(sum, x, [&](const Var<double>& in) { return sum(in, s); }),
                               check_module(dense, normal_tensor<double>(Shape{6, 4}, "rows"))}) {
      CAPTURE(training);
      CHECK_MESSAGE(report.ok, report.text());
    }
  }
}

TEST_CASE("the gradient reaches the shortcut of an adding block") {
  F::ConvBnAddAct sum(kOptions, 2, 3, Window2d::square(3));
  const Var<double> x(normal_tensor<double>(Shape{3, 4, 4, 2}, "x"));
  const auto report = gradcheck([&](const std::vector<Var<double>>& in) { return sum(x, in[0]); },
                                {Var<double>(normal_tensor<double>(Shape{3, 2, 2, 3}, "s"), true)});
  CHECK_MESSAGE(report.ok, report.text());
}

TEST_CASE("fused training and the ops that a trace sees give the same values, gradients and running statistics") {
  const Var<double> x(normal_tensor<double>(Shape{3, 4, 4, 2}, "x"));
  const Var<double> s(normal_tensor<double>(Shape{3, 2, 2, 3}, "s"));
  F::ConvBnAddAct fused(kOptions, 2, 3, Window2d::square(3)), separate(kOptions, 2, 3, Window2d::square(3));
  for (auto* block : {&fused, &separate}) {
    stir(*block);
    block->bn().use_copies(2);
    block->bn().select_copy(1);
  }
  const Var<double> y = fused(x, s);
  Trace<double> trace;
  const Var<double> expected = separate(x, s);
  CHECK(trace.records.size() == 4);
  for (std::int64_t i = 0; i < y.numel(); ++i) CHECK(y.value()[i] == expected.value()[i]);
  y.backward(Tensor<double>(y.shape(), 1.0));
  expected.backward(Tensor<double>(y.shape(), 1.0));
  for (std::int64_t c = 0; c < 3; ++c) {
    CHECK(fused.bn().weight().grad()[c] == separate.bn().weight().grad()[c]);
    CHECK(fused.bn().bias().grad()[c] == separate.bn().bias().grad()[c]);
    CHECK(fused.bn().running_mean()[c] == separate.bn().running_mean()[c]);
    CHECK(fused.bn().running_var()[c] == separate.bn().running_var()[c]);
  }
  CHECK(fused.bn().running_mean()[0] != 0);
  for (std::int64_t i = 0; i < fused.conv().weight().numel(); ++i)
    CHECK(fused.conv().weight().grad()[i] == separate.conv().weight().grad()[i]);
}

TEST_CASE("a pooled ReLU is one op with the values of two, which a trace sees under their own names") {
  F::ReLU act(kOptions);
  MaxPool2d<double> pool(2);
  const Var<double> x(normal_tensor<double>(Shape{2, 4, 4, 3}, "x"), true);
  const Var<double> copy(x.value(), true);
  const Var<double> y = act_max_pool(act, pool, x);
  Trace<double> trace;
  const Var<double> expected = act_max_pool(act, pool, copy);
  REQUIRE(trace.records.size() == 2);
  CHECK(trace.records[0].op == "relu");
  CHECK(trace.records[1].op == "max_pool2d");
  REQUIRE(y.shape() == expected.shape());
  for (std::int64_t i = 0; i < y.numel(); ++i) CHECK(y.value()[i] == expected.value()[i]);
  y.backward(Tensor<double>(y.shape(), 1.0));
  expected.backward(Tensor<double>(y.shape(), 1.0));
  for (std::int64_t i = 0; i < x.numel(); ++i) CHECK(x.grad()[i] == copy.grad()[i]);
}

TEST_CASE("an adding block runs under its own name, and refuses a single input") {
  F::ConvBnAddAct sum(kOptions, 1, 1, Window2d::square(1));
  Trace<double> trace;
  const Var<double> x(normal_tensor<double>(Shape{2, 1, 1, 1}, "x"));
  sum(x, x);
  std::vector<std::string> ran;
  for (const auto& r : trace.records) ran.push_back(r.layer + ":" + r.op);
  CHECK(ran == std::vector<std::string>{"conv:conv2d", "bn:batch_norm_train", ":add", "act:relu"});
  CHECK_THROWS_WITH_AS(sum.forward(x), doctest::Contains("two inputs"), Error);
}

}  // namespace
}  // namespace bitgrain
