#include "bitgrain/search/limpq.hpp"

#include <doctest/doctest.h>

#include "bitgrain/search/baselines.hpp"
#include "search_fixture.hpp"

using namespace bitgrain;

namespace {
LimpqOptions quick() {
  LimpqOptions o;
  o.epochs = 2;
  o.batch_size = 32;
  return o;
}
Budget average_bits(double bits) {
  Budget budget;
  budget.average_weight_bits = bits;
  return budget;
}
}  // namespace

TEST_CASE("LIMPQ end to end: indicators grow as bits drop, the program is proven, the result fits and is trained") {
  SearchFixture f;
  LimpqSearch limpq(quick());
  const SearchResult result = search(limpq, f.net, f.search_data, average_bits(3), f.options);
  CHECK(limpq.solution().status == MckpStatus::kOptimal);
  CHECK(result.costs.average_weight_bits <= 3);
  CHECK(result.evaluation->arithmetic == "integer engine");
  CHECK(result.evaluation->accuracy() > 0.9);
  const LimpqIndicators& learned = limpq.indicators();
  REQUIRE(learned.weight_bits == std::vector<int>{8, 7, 6, 5, 4, 3, 2});
  for (const auto& steps : learned.weight_steps) {
    REQUIRE(steps.size() == 7);
    CHECK(steps.back() > 4 * steps.front());  // 2 bits against 8
    for (const double s : steps) CHECK(s >= 1e-5);
  }
  // batch norm copies are gone and parameters have their plain names again
  for (const auto& p : f.net.parameters()) CHECK(p.name.find("copy") == std::string::npos);
}

TEST_CASE("with activations among the candidates, BitOps bind weights and activations together") {
  SearchFixture f;
  f.options.activation_bits = {2, 4, 8};
  f.options.finetune.epochs = 1;
  const auto sample = encode_images<float>(f.train.images.slice(0, 1), f.encoding);
  const NetworkCosts costs = trace_costs(f.net, sample);
  Budget budget;
  budget.bitops = static_cast<double>(costs_of(costs, uniform_allocation(costs, 4, 4)).bitops);
  LimpqSearch limpq(quick());
  const SearchResult result = search(limpq, f.net, f.search_data, budget, f.options);
  CHECK(static_cast<double>(result.costs.bitops) <= *budget.bitops);
  CHECK(limpq.indicators().activation_steps[1].size() == 3);
  CHECK(result.allocation.activations.at("pool.act") == 8);
  CHECK(current_allocation<float>(f.net) == result.allocation);
}

TEST_CASE("the float network comes back for the fine-tune unless the jointly trained weights are kept") {
  for (const bool keep : {false, true}) {
    SearchFixture f;
    const auto before = f.weights();
    LimpqOptions o = quick();
    o.epochs = 1;
    o.keep_weights = keep;
    LimpqSearch limpq(o);
    const Budget budget = average_bits(4);
    const auto sample = encode_images<float>(f.train.images.slice(0, 1), f.encoding);
    SearchContext context{f.net, f.search_data, budget, f.options, trace_costs(f.net, sample)};
    const Allocation allocation = limpq.allocate(context);
    CHECK(context.installed == keep);
    CHECK((f.weights() == before) == !keep);
    if (!keep) continue;
    for (QuantSite<float>* site : quant_sites<float>(f.net)) {
      const auto* lsq = site->any()->get<Lsq<float>>();
      REQUIRE(lsq != nullptr);
      CHECK(lsq->initialised());  // with the learned step
    }
  }
}

TEST_CASE("layers of fixed bits stay in float while indicators train, and take their bits afterwards") {
  SearchFixture f;
  f.options.first_last_bits = 8;
  f.options.finetune.epochs = 1;
  LimpqSearch limpq(quick());
  const SearchResult result = search(limpq, f.net, f.search_data, average_bits(3.5), f.options);
  CHECK(limpq.indicators().weight_steps.front().empty());
  CHECK(limpq.indicators().weight_steps.back().empty());
  CHECK(result.allocation.weights.at("head") == 8);
}

TEST_CASE("LIMPQ is deterministic over threads") {
  const int before = num_threads();
  std::vector<Allocation> found;
  std::vector<std::vector<std::vector<double>>> learned;
  for (const int threads : {1, 2}) {
    set_num_threads(threads);
    SearchFixture f;
    f.options.finetune.epochs = 1;
    LimpqOptions o = quick();
    o.epochs = 1;
    LimpqSearch limpq(o);
    found.push_back(search(limpq, f.net, f.search_data, average_bits(3), f.options).allocation);
    learned.push_back(limpq.indicators().weight_steps);
  }
  set_num_threads(before);
  CHECK(found[0] == found[1]);
  CHECK(learned[0] == learned[1]);
}

TEST_CASE("a budget below the least candidate is infeasible, and the message says by how much") {
  SearchFixture f;
  LimpqOptions o = quick();
  o.epochs = 1;
  LimpqSearch limpq(o);
  CHECK_THROWS_WITH_AS(search(limpq, f.net, f.search_data, average_bits(1), f.options),
                       doctest::Contains("no bits fit the budget"), Error);
}
