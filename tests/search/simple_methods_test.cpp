#include "bitgrain/search/simple_methods.hpp"

#include <doctest/doctest.h>

#include "search_fixture.hpp"

using namespace bitgrain;

TEST_CASE("random search gives the same bits for the same seed and others for another, all within the payload") {
  SearchFixture f;
  Budget budget;
  budget.payload_bytes = 1500;
  std::vector<Allocation> found;
  for (const std::uint64_t seed : {1u, 1u, 2u}) {
    f.options.seed = seed;
    const auto sample = encode_images<float>(f.train.images.slice(0, 1), f.encoding);
    SearchContext context{f.net, f.search_data, budget, f.options, trace_costs(f.net, sample)};
    RandomSearch random;
    found.push_back(random.allocate(context));
    CHECK(costs_of(context.costs, found.back()).payload_bytes <= 1500);
  }
  CHECK(found[0] == found[1]);
  CHECK_FALSE(found[0] == found[2]);
}
