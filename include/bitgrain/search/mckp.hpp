#pragma once

/// The exact solver for multiple-choice knapsack problems with several constraints (mckp_problem.hpp).
///
/// It answers with a choice that satisfies every limit and a proof that none is better by more than 1e-9 of its value
/// (of what its value exceeds the sum of the groups' least values by), or with a proof that nothing fits and by how
/// much. The steps, one header each: safe reductions (mckp_core), linear relaxation by a dual simplex whose bounds
/// hold whatever rounding does (mckp_relaxation), local search (mckp_polish), branch and bound (mckp_tree).
///
/// LIMPQ's published ResNet-50 problem (52 groups of 25 choices, 2 limits) takes about 2 ms on one thread. The
/// problem is NP-hard: hundreds of groups under five or more tight limits can exceed any budget, so the search counts
/// its nodes and stops at `node_limit` with the best choice so far and how much better another could be at most.
///
/// One thread, no randomness: the same problem gives the same answer, unless `second_limit` cut the search short.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "bitgrain/search/mckp_certificate.hpp"
#include "bitgrain/search/mckp_core.hpp"
#include "bitgrain/search/mckp_problem.hpp"
#include "bitgrain/search/mckp_tree.hpp"

namespace bitgrain {

/// When to stop without a proof.
struct MckpOptions {
  std::int64_t node_limit = 1'000'000;                            ///< nodes of the search tree; deterministic
  double second_limit = std::numeric_limits<double>::infinity();  ///< wall-clock seconds; not deterministic
};

enum class MckpStatus {
  kOptimal,     ///< proven optimal
  kInfeasible,  ///< proven: no choice satisfies all limits
  kLimit,       ///< a limit of MckpOptions came first
};

/// "optimal", "infeasible" or "limit".
constexpr const char* to_string(MckpStatus status) {
  switch (status) {
    case MckpStatus::kOptimal:
      return "optimal";
    case MckpStatus::kInfeasible:
      return "infeasible";
    case MckpStatus::kLimit:
      return "limit";
  }
  return "unknown";
}

struct MckpSolution {
  MckpStatus status = MckpStatus::kLimit;
  /// Index of the choice of every group; empty if no choice within the limits was found.
  std::vector<int> choice;
  double value = std::numeric_limits<double>::infinity();  ///< total value of `choice`
  std::vector<double> costs;                               ///< total costs of `choice`, one per limit
  /// Proven: no choice within the limits has a value below this. Equals `value` when optimal, infinity when
  /// infeasible.
  double bound = -std::numeric_limits<double>::infinity();
  std::int64_t nodes = 0;                 ///< nodes of the search tree
  double seconds = 0;                     ///< wall clock, all steps
  std::vector<MckpShortfall> shortfalls;  ///< infeasible only: one entry per limit
  std::string message;                    ///< for people; empty when optimal

  /// How much better than `choice` another could still be, as a share of |value|. 0 when optimal.
  double gap() const {
    if (status == MckpStatus::kOptimal) return 0;
    return value == bound ? 0 : (value - bound) / std::abs(value);
  }
};

/// Solves `problem`. Throws Error, naming group and choice, if it is malformed (mckp::check).
inline MckpSolution solve_mckp(const MckpProblem& problem, const MckpOptions& options = {}) {
  const auto start = std::chrono::steady_clock::now();
  mckp::check(problem);
  BITGRAIN_CHECK(options.node_limit >= 1, "the node limit must be at least 1, got ", options.node_limit);
  BITGRAIN_CHECK(options.second_limit >= 0, "the limit in seconds must not be negative, got ", options.second_limit);
  MckpSolution solution;
  const auto take = [&](std::vector<int> choice) {
    solution.value = mckp::total_value(problem, choice);
    for (std::size_t i = 0; i < problem.limits.size(); ++i)
      solution.costs.push_back(mckp::total_cost(problem, choice, i));
    solution.choice = std::move(choice);
  };
  const auto decide = [&](MckpStatus status, double bound) {
    solution.status = status;
    solution.bound = bound;
  };

  const mckp::Core core = mckp::reduce(problem);
  if (core.infeasible) {
    decide(MckpStatus::kInfeasible, std::numeric_limits<double>::infinity());
  } else if (core.groups == 0) {
    take(core.settled);
    decide(MckpStatus::kOptimal, solution.value);
  } else {
    mckp::Tree tree(problem, core, options.node_limit, options.second_limit);
    const bool finished = tree.run();
    solution.nodes = tree.nodes();
    if (tree.found()) take(tree.best());
    if (!finished) {
      decide(MckpStatus::kLimit, std::min(tree.open_bound(), solution.value));
      solution.message = "stopped after " + std::to_string(tree.nodes()) + " nodes: " +
                         (tree.found() ? "best value " + mckp::number_text(solution.value) + ", "
                                       : std::string("no choice within the limits found yet, ")) +
                         "none can be below " + mckp::number_text(solution.bound);
    } else if (tree.found()) {
      decide(MckpStatus::kOptimal, solution.value);
    } else {
      decide(MckpStatus::kInfeasible, std::numeric_limits<double>::infinity());
    }
  }
  if (solution.status == MckpStatus::kInfeasible) {
    solution.shortfalls = mckp::shortfalls(problem, options.node_limit, options.second_limit);
    solution.message = mckp::explain(solution.shortfalls);
  }
  solution.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return solution;
}

}  // namespace bitgrain
