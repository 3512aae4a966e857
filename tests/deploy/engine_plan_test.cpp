#include "bitgrain/deploy/engine_plan.hpp"

#include <doctest/doctest.h>

#include "deploy/random_network.hpp"
#include "deploy/small_network.hpp"

namespace {
using namespace bitgrain;
using namespace bitgrain::deploy;
}  // namespace

TEST_CASE("convolutions read by one requantization alone run with it, and their accumulators need no memory") {
  const IntegerNetwork net = deploy_test::small_network();
  const EnginePlan plan = plan_engine(net);
  std::vector<int> order, convolutions;
  for (const EngineStep& step : plan.steps) {
    order.push_back(step.op);
    convolutions.push_back(step.convolution);
  }
  CHECK(order == std::vector<int>{1, 3, 4, 5, 6, 7, 8, 10});
  CHECK(convolutions == std::vector<int>{0, -1, 2, -1, -1, -1, -1, 9});
  for (const std::size_t sum : {1u, 3u, 10u}) CHECK(plan.offset[sum] == -1);
  CHECK(plan.offset[9] == plan.offset[8]);  // flatten moves nothing
}

TEST_CASE("accumulators that two ops read, and one of two in a sum, are kept") {
  IntegerNetwork net = deploy_test::small_network();
  net.values.push_back(deploy_test::sums("again", 1, 3));
  RequantizeOp again = std::get<RequantizeOp>(net.ops[10]);
  again.output = 12;
  net.ops.emplace_back(again);
  CHECK(plan_engine(net).steps.size() == 10);
  CHECK(plan_engine(net).offset[10] >= 0);
  IntegerNetwork sum = deploy_test::small_network();
  auto& relu = std::get<RequantizeOp>(sum.ops[4]);
  relu.terms[1].value = 3;
  CHECK(plan_engine(sum).offset[3] >= 0);
}

TEST_CASE("values that live at the same time never share memory, in random networks") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const IntegerNetwork net =
        deploy_test::random_network(seed, seed % 4 == 3 ? Arithmetic::kFloat : Arithmetic::kInteger);
    const EnginePlan plan = plan_engine(net);
    // owner[byte] is the value whose elements stand there; a step must find its inputs as they were written.
    std::vector<int> owner(static_cast<std::size_t>(plan.arena_bytes), -1);
    const auto range = [&](int v) {
      const Value& value = net.values[static_cast<std::size_t>(v)];
      const std::int64_t first = plan.offset[static_cast<std::size_t>(v)];
      return std::pair(first, first + value.numel() * stored_bytes(net, value));
    };
    const auto write = [&](int v) {
      const auto [first, last] = range(v);
      REQUIRE(first % 64 == 0);
      REQUIRE(last <= plan.arena_bytes);
      for (std::int64_t i = first; i < last; ++i) owner[static_cast<std::size_t>(i)] = v;
    };
    const auto intact = [&](int v) {
      const auto [first, last] = range(v);
      for (std::int64_t i = first; i < last; ++i)
        if (owner[static_cast<std::size_t>(i)] != v) return false;
      return true;
    };
    write(0);
    bool all = true;
    for (const EngineStep& step : plan.steps) {
      const Op& op = net.ops[static_cast<std::size_t>(step.op)];
      std::vector<int> inputs;
      for_each_input(op, [&](int term, int value) {
        const bool fused = step.convolution >= 0 && term == step.term;
        inputs.push_back(fused ? std::get<ConvOp>(net.ops[static_cast<std::size_t>(step.convolution)]).input : value);
      });
      for (const int input : inputs) all = all && intact(input);
      write(op_output(op));
      // The output must not have been written over an input, which the op still reads.
      if (!std::holds_alternative<FlattenOp>(op))
        for (const int input : inputs) all = all && intact(input);
    }
    CHECK_MESSAGE(all, "seed ", seed);
    CHECK_MESSAGE(intact(net.output()), "seed ", seed);
  }
}
