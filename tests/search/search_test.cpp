#include "bitgrain/search/search.hpp"

#include <doctest/doctest.h>

#include "bitgrain/search/simple_methods.hpp"
#include "search_fixture.hpp"

using namespace bitgrain;

namespace {
Budget average_bits(double bits) {
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
    const SearchResult result = search(*method, f.net, f.search_data, average_bits(4.5), f.options);
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
  const SearchResult result = search(uniform, f.net, f.search_data, average_bits(3.5), f.options);
  CHECK(result.allocation.weights.at("stem.conv") == 8);
  CHECK(result.allocation.weights.at("head") == 8);
  CHECK(result.allocation.weights.at("stage1.0.first.conv") == 3);
}

TEST_CASE("weights alone: activations at 32 bits stay in float and the result says so") {
  SearchFixture f;
  f.options.activation_level = 32;
  UniformSearch uniform;
  const SearchResult result = search(uniform, f.net, f.search_data, average_bits(3), f.options);
  CHECK(result.evaluation->arithmetic == "float engine (weights only)");
}

TEST_CASE("a budget that cannot be met and a method that exceeds it are errors naming the limit") {
  SearchFixture f;
  UniformSearch uniform;
  CHECK_THROWS_WITH_AS(search(uniform, f.net, f.search_data, average_bits(1.5), f.options),
                       doctest::Contains("average_weight_bits"), Error);
  Stubborn stubborn;
  CHECK_THROWS_WITH_AS(search(stubborn, f.net, f.search_data, average_bits(3), f.options),
                       doctest::Contains("'stubborn' exceeded the budget"), Error);
}
