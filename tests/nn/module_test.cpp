#include "bitgrain/nn/module.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace bitgrain {
namespace {

struct Leaf : Module<float> {
  Leaf() {
    register_parameter("weight", weight);
    register_parameter("bias", bias, false);
    register_buffer("count", count);
    register_stream("", random);
  }
  Var<float> forward(const Var<float>& x) override {
    seen = std::string(NameScope::current());
    return x;
  }
  void again(const char* name) { register_parameter(name, weight); }
  Var<float> weight{Tensor<float>(Shape{2, 3}, 1.0F), true};
  Var<float> bias{Tensor<float>(Shape{3}, 0.0F), true};
  Tensor<float> count{Shape{1}, 0.0F};
  RandomStream random{1, "leaf"};
  std::string seen;
};

struct Block : Module<float> {
  Block() {
    register_module("first", first);
    register_module("second", second);
  }
  Var<float> forward(const Var<float>& x) override { return second(first(x)); }
  void add(const std::string& name, Module<float>& child) { register_module(name, child); }
  Leaf first, second;
};

struct Net : Module<float> {
  Net() { register_module("stage1.0", block); }
  Var<float> forward(const Var<float>& x) override { return block(x); }
  Block block;
};

TEST_CASE("a module knows its full name once the outermost constructor has run") {
  const Net net;
  CHECK(net.name().empty());
  CHECK(net.block.name() == "stage1.0");
  CHECK(net.block.second.name() == "stage1.0.second");
}

TEST_CASE("a child that is registered after its parent was named gets the full name") {
  Net net;
  Block late;
  net.block.add("late", late);
  CHECK(late.name() == "stage1.0.late");
  CHECK(late.first.name() == "stage1.0.late.first");
}

TEST_CASE("parameters, buffers and random streams are listed by full name in order of registration") {
  Net net;
  std::vector<std::string> names;
  for (const auto& p : net.parameters()) names.push_back(p.name);
  CHECK(names == std::vector<std::string>{"stage1.0.first.weight", "stage1.0.first.bias", "stage1.0.second.weight",
                                          "stage1.0.second.bias"});
  CHECK(net.parameters()[0].decay);
  CHECK_FALSE(net.parameters()[1].decay);
  CHECK(net.parameter_count() == 18);
  REQUIRE(net.buffers().size() == 2);
  CHECK(net.buffers()[1].name == "stage1.0.second.count");
  REQUIRE(net.random_streams().size() == 2);
  CHECK(net.random_streams()[1].name == "stage1.0.second");
  CHECK(net.random_streams()[1].stream == &net.block.second.random);
}

TEST_CASE("a listed parameter or buffer is the one the module uses, not a copy") {
  Net net;
  net.parameters()[2].var.mutable_value().fill(7.0F);
  net.buffers()[0].tensor.fill(5.0F);
  CHECK(net.block.second.weight.value()[0] == 7.0F);
  CHECK(net.block.first.count[0] == 5.0F);
}

TEST_CASE("training mode reaches every module below") {
  Net net;
  CHECK(net.block.first.training());
  net.set_training(false);
  CHECK_FALSE(net.training());
  CHECK_FALSE(net.block.first.training());
  net.block.set_training(true);
  CHECK_FALSE(net.training());
  CHECK(net.block.second.training());
}

TEST_CASE("forward runs with the name of the module in scope, also after a nested call") {
  Net net;
  net(Var<float>(Tensor<float>(Shape{1}, 0.0F)));
  CHECK(net.block.first.seen == "stage1.0.first");
  CHECK(net.block.second.seen == "stage1.0.second");
  CHECK(NameScope::current().empty());
}

TEST_CASE("zero_grad drops every gradient") {
  Net net;
  net.block.first.weight.add_grad(Tensor<float>(Shape{2, 3}, 1.0F));
  net.zero_grad();
  CHECK_FALSE(net.block.first.weight.grad().defined());
}

TEST_CASE("two children or two parameters of one name are an error that names it") {
  Net net;
  Leaf leaf;
  CHECK_THROWS_WITH_AS(net.block.add("first", leaf), doctest::Contains("'first'"), Error);
  CHECK_THROWS_WITH_AS(net.block.first.again("weight"), doctest::Contains("'weight'"), Error);
}

}  // namespace
}  // namespace bitgrain
