#pragma once

/// Uniform and random bits as searches: what every other search is compared with.

#include "bitgrain/search/baselines.hpp"
#include "bitgrain/search/search.hpp"

namespace bitgrain {

/// The largest bit-width among the candidates that fits the budget, everywhere.
class UniformSearch final : public SearchMethod {
 public:
  std::string name() const override { return "uniform"; }
  Allocation allocate(SearchContext& context) override {
    return largest_uniform_allocation(context.costs, context.options.weight_bits, context.options.activation_level,
                                      context.budget);
  }
};

/// Random bits that use up the budget; another seed, other bits.
class RandomSearch final : public SearchMethod {
 public:
  std::string name() const override { return "random"; }
  Allocation allocate(SearchContext& context) override {
    return random_allocation(context.costs, context.options.weight_bits, context.activation_levels(), context.budget,
                             context.options.seed);
  }
};

}  // namespace bitgrain
