#include "bitgrain/search/search.hpp"

#include <doctest/doctest.h>

#include "bitgrain/search/limpq.hpp"
#include "bitgrain/search/sensitivity.hpp"
#include "bitgrain/search/simple_methods.hpp"
#include "error_of.hpp"
#include "search_fixture.hpp"

using namespace bitgrain;

namespace {
Budget budget_of_average(double bits) {
  Budget budget;
  budget.average_weight_bits = bits;
  return budget;
}
// Gives every layer the same bits whatever the budget says.
struct Stubborn final : SearchMethod {
  std::string name() const override { return "stubborn"; }
  Allocation allocate(SearchContext& context) override { return uniform_allocation(context.costs, 8, 4); }
};
}  // namespace

TEST_CASE("uniform and random search through the one interface: within budget, trained, judged in integers") {
  UniformSearch uniform;
  RandomSearch random;
  for (SearchMethod* method : {static_cast<SearchMethod*>(&uniform), static_cast<SearchMethod*>(&random)}) {
    SearchFixture f;
    const SearchResult result = search(*method, f.net, f.search_data, budget_of_average(4.5), f.options);
    CHECK(result.costs.average_weight_bits <= 4.5);
    CHECK(result.allocation.activations.at("stem.act") == 4);
    CHECK(result.allocation.activations.at("pool.act") == 8);
    CHECK(current_allocation<float>(f.net) == result.allocation);
    REQUIRE(result.evaluation.has_value());
    CHECK(result.evaluation->arithmetic == "integer engine");
    CHECK(result.evaluation->accuracy() > 0.9);
    if (method == &uniform) {
      for (const auto& [name, bits] : result.allocation.weights) CHECK(bits == 4);
    } else {
      CHECK(result.allocation.weights.distinct() > 1);
      CHECK(result.costs.average_weight_bits > 4.0);  // the budget is used
    }
  }
}

TEST_CASE("first and last layer keep the bits that the options fix") {
  SearchFixture f;
  f.options.first_last_bits = 8;
  UniformSearch uniform;
  const SearchResult result = search(uniform, f.net, f.search_data, budget_of_average(3.5), f.options);
  CHECK(result.allocation.weights.at("stem.conv") == 8);
  CHECK(result.allocation.weights.at("head") == 8);
  CHECK(result.allocation.weights.at("stage1.0.first.conv") == 3);
}

TEST_CASE("weights alone: activations at 32 bits stay in float and the result says so") {
  SearchFixture f;
  f.options.activation_level = 32;
  UniformSearch uniform;
  const SearchResult result = search(uniform, f.net, f.search_data, budget_of_average(3), f.options);
  CHECK(result.evaluation->arithmetic == "float engine (weights only)");
}

TEST_CASE("every method meets a latency, deterministically with a table of times, which the result hands on") {
  SearchFixture f;
  f.options.finetune.epochs = 1;
  f.options.weight_bits = {2, 3, 8};
  const auto sample = encode_images<float>(f.train.images.slice(0, 1), f.encoding);
  const NetworkCosts traced = trace_costs(f.net, sample);
  // Bytes take 1000 ns, bits by their passes, but odd bits are slow.
  deploy::KernelTable table = measure_kernels(traced, f.options.weight_bits, {4}, 0);
  for (deploy::KernelTime& time : table) {
    const bool bits = time.kernel == kernels::BitsKernel::kBitSerial;
    time.single_ns = time.batched_ns = !bits ? 1000 : time.bits.weights % 2 == 1 ? 990 : 100.0 * time.bits.weights;
  }
  NetworkCosts timed = traced;
  set_latencies(timed, table);
  const double all_two = *costs_of(timed, uniform_allocation(timed, 2, 4)).latency;
  const double all_eight = *costs_of(timed, uniform_allocation(timed, 8, 4)).latency;
  REQUIRE(all_two < all_eight);
  Budget budget;
  budget.latency = (all_two + all_eight) / 2;
  f.options.kernel_times = table;
  UniformSearch uniform;
  RandomSearch random;
  SensitivitySearch sensitivity({.images = 64});
  LimpqOptions quick;
  quick.epochs = 1;
  quick.batch_size = 64;
  LimpqSearch limpq(quick);
  const SearchResult result = search(uniform, f.net, f.search_data, budget, f.options);
  CHECK(*result.costs.latency <= *budget.latency);
  CHECK(result.costs.latency == costs_of(timed, result.allocation).latency);
  CHECK(result.kernel_times.size() == table.size());
  CHECK(result.allocation.weights.at("head") == 2);
  for (SearchMethod* method : std::vector<SearchMethod*>{&random, &sensitivity, &limpq}) {
    CAPTURE(method->name());
    SearchContext context{f.net, f.search_data, budget, f.options, timed};
    CHECK(*costs_of(timed, method->allocate(context)).latency <= *budget.latency);
  }
  budget.latency = all_two / 2;
  for (SearchMethod* method : std::vector<SearchMethod*>{&uniform, &random, &sensitivity})
    CHECK(contains(error_of([&] { search(*method, f.net, f.search_data, budget, f.options); }),
                   "The least possible latency is " + seconds_text(all_two)));
}

TEST_CASE("without a table of times a search under a latency measures first; float activations have none") {
  SearchFixture f;
  f.options.finetune.epochs = 1;
  Budget budget;
  budget.latency = 1;
  std::vector<std::string> lines;
  f.options.log = [&](const std::string& line) { lines.push_back(line); };
  f.options.seconds_per_measurement = 0;
  UniformSearch uniform;
  const SearchResult measured = search(uniform, f.net, f.search_data, budget, f.options);
  CHECK_FALSE(measured.kernel_times.empty());
  CHECK(measured.between_layers_ns >= 0);
  CHECK(measured.network.between_picoseconds == std::llround(measured.between_layers_ns * 1000));
  CHECK(lines.front() == "measuring the kernels of 8 layers");
  f.options.activation_level = 32;
  CHECK(contains(error_of([&] { search(uniform, f.net, f.search_data, budget, f.options); }),
                 "float activations and weights run on no integer kernel"));
}

TEST_CASE("a budget that cannot be met and a method that exceeds it are errors naming the limit") {
  SearchFixture f;
  UniformSearch uniform;
  CHECK_THROWS_WITH_AS(search(uniform, f.net, f.search_data, budget_of_average(1.5), f.options),
                       doctest::Contains("average_weight_bits"), Error);
  Stubborn stubborn;
  CHECK_THROWS_WITH_AS(search(stubborn, f.net, f.search_data, budget_of_average(3), f.options),
                       doctest::Contains("'stubborn' exceeded the budget"), Error);
}
