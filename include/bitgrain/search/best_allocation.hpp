#pragma once

/// The best bits within a budget, proven: allocation_problem and the exact solver in one call.

#include <string>
#include <utility>

#include "bitgrain/search/allocation_problem.hpp"
#include "bitgrain/search/least_latency.hpp"
#include "bitgrain/search/mckp.hpp"

namespace bitgrain {

struct BestAllocation {
  Allocation allocation;
  MckpSolution solution;
};

/// The allocation of least value within `budget`. Throws Error, beginning with `who`, if there is none: by how much
/// each limit is missed and, where latency is limited, the least that is possible.
inline BestAllocation best_allocation(const NetworkCosts& network, const BitChoices& choices, const Budget& budget,
                                      const std::string& who) {
  const AllocationProblem problem = allocation_problem(network, choices, budget);
  MckpSolution solution = solve_mckp(problem.problem);
  BITGRAIN_CHECK(!solution.choice.empty(), who, ": no bits fit the budget: ", solution.message,
                 least_latency_text(network, choices, budget));
  Allocation allocation = problem.allocation(solution.choice);
  return {std::move(allocation), std::move(solution)};
}

}  // namespace bitgrain
