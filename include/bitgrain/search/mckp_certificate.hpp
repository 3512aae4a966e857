#pragma once

/// Why a multiple-choice knapsack problem has no solution, and by how much, in numbers a person can act on.
///
/// For every limit: the least sum any choice reaches if the other limits did not exist. Where each limit can be met
/// alone and only all together cannot, also the least sum that is reached while the *other* limits hold; that is a
/// knapsack problem with one constraint less, solved exactly.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bitgrain/search/mckp_problem.hpp"
#include "bitgrain/search/mckp_tree.hpp"

namespace bitgrain {

/// How one limit of an infeasible problem stands.
struct MckpShortfall {
  std::string name;        ///< of the limit
  double limit = 0;        ///< as given
  double least_alone = 0;  ///< the least sum any choice reaches
  /// The least sum while all other limits hold; a lower bound of it if `exact` is false; infinity if the other limits
  /// already exclude each other; NaN if not computed (some limit cannot be met even alone).
  double least_with_others = std::numeric_limits<double>::quiet_NaN();
  bool exact = true;
};

namespace mckp {

/// The least of cost `i` over all choices that keep the other limits: (value or lower bound, exact).
inline std::pair<double, bool> least_cost_with_others(const MckpProblem& problem, std::size_t i,
                                                      std::int64_t node_limit, double second_limit) {
  MckpProblem relaxed = problem;
  const auto at = static_cast<std::ptrdiff_t>(i);
  relaxed.limits.erase(relaxed.limits.begin() + at);
  for (MckpGroup& group : relaxed.groups)
    for (MckpChoice& choice : group.choices) {
      choice.value = choice.costs[i];
      choice.costs.erase(choice.costs.begin() + at);
    }
  const Core core = reduce(relaxed);
  if (core.infeasible) return {std::numeric_limits<double>::infinity(), true};
  Tree tree(relaxed, core, node_limit, second_limit);
  const bool finished = tree.run();
  if (!finished) return {tree.open_bound(), false};
  return {tree.found() ? tree.best_value() : std::numeric_limits<double>::infinity(), true};
}

/// One entry per limit of a problem that has no solution.
inline std::vector<MckpShortfall> shortfalls(const MckpProblem& problem, std::int64_t node_limit,
                                             double second_limit) {
  std::vector<MckpShortfall> result;
  bool each_alone = true;
  for (std::size_t i = 0; i < problem.limits.size(); ++i) {
    CompensatedSum least;
    for (const MckpGroup& group : problem.groups) {
      double best = std::numeric_limits<double>::infinity();
      for (const MckpChoice& choice : group.choices) best = std::min(best, choice.costs[i]);
      least.add(best);
    }
    MckpShortfall entry;
    entry.name = problem.limits[i].name;
    entry.limit = problem.limits[i].limit;
    entry.least_alone = least.value();
    each_alone = each_alone && entry.least_alone <= allowed_sum(problem, i);
    result.push_back(entry);
  }
  if (each_alone)
    for (std::size_t i = 0; i < result.size(); ++i)
      std::tie(result[i].least_with_others, result[i].exact) =
          least_cost_with_others(problem, i, node_limit, second_limit);
  return result;
}

/// `number`, up to 12 digits.
inline std::string number_text(double number) {
  std::ostringstream text;
  text.precision(12);
  text << number;
  return text.str();
}

/// ", x % above": how far `needed` is above `limit`; empty where a percentage says nothing.
inline std::string excess_text(double needed, double limit) {
  if (!(limit > 0) || !(needed > limit)) return {};
  std::ostringstream text;
  text.precision(3);
  text << ", " << 100 * (needed - limit) / limit << " % above";
  return text.str();
}

/// The certificate as text, one sentence per limit.
inline std::string explain(const std::vector<MckpShortfall>& shortfalls) {
  std::string text;
  bool each_alone = true;
  for (const MckpShortfall& s : shortfalls) each_alone = each_alone && !std::isnan(s.least_with_others);
  text = each_alone ? "infeasible: each limit can be met alone, but not all together."
                    : "infeasible: no choice is small enough.";
  for (const MckpShortfall& s : shortfalls) {
    const std::string limit = "limit " + number_text(s.limit);
    if (!each_alone) {
      text += " \"" + s.name + "\" needs at least " + number_text(s.least_alone) + " (" + limit +
              excess_text(s.least_alone, s.limit) + ").";
    } else if (std::isinf(s.least_with_others)) {
      text += " Even without \"" + s.name + "\" (" + limit + ", least alone " + number_text(s.least_alone) +
              ") the other limits exclude each other.";
    } else {
      text += " With the other limits kept, \"" + s.name + "\" needs at least " + number_text(s.least_with_others) +
              " (" + limit + excess_text(s.least_with_others, s.limit) + "; alone " + number_text(s.least_alone) +
              ").";
    }
  }
  return text;
}

}  // namespace mckp
}  // namespace bitgrain
