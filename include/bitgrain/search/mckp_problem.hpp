#pragma once

/// The multiple-choice knapsack problem with several constraints: what a search hands to the exact solver.
///
///     minimise    sum over groups g of value[g][choice(g)]
///     subject to  sum over groups g of cost_i[g][choice(g)] <= limit_i   for every constraint i,
///     one choice per group.
///
/// **When a sum counts as within its limit.** Sums are compensated (Neumaier), taken in the order of the groups. A
/// constraint whose costs are all integers (bits, bytes, BitOps) is compared exactly: one bit above the limit is
/// above it. Otherwise costs are rounded reals, and 1e-9 of the limit is allowed for that.

#include <cmath>
#include <cstddef>
#include <string>
#include <unordered_set>
#include <vector>

#include "bitgrain/base/check.hpp"

namespace bitgrain {

/// One way to settle a group.
struct MckpChoice {
  std::string label;          ///< for people and for JSON, e.g. "w2a4"; unique within its group
  double value = 0;           ///< what is minimised; any finite number (1e8 is LIMPQ's way to forbid a choice)
  std::vector<double> costs;  ///< one per limit, any finite number
};

/// A decision: exactly one of `choices`. In a search: the bits of one layer.
struct MckpGroup {
  std::string name;  ///< unique within the problem
  std::vector<MckpChoice> choices;
};

/// An upper limit on the sum of one kind of cost.
struct MckpLimit {
  std::string name;  ///< "bitops", "size", ...
  double limit = 0;
};

struct MckpProblem {
  std::vector<MckpGroup> groups;
  std::vector<MckpLimit> limits;  ///< may be empty: then the cheapest value of each group wins
};

namespace mckp {

/// Sums of non-integer costs may exceed their limit by this share of it.
inline constexpr double kFeasibilityTolerance = 1e-9;

/// Neumaier's compensated sum: exact for integers below 2^53, else within an ulp or so of the true sum.
class CompensatedSum {
 public:
  void add(double x) {
    const double total = sum_ + x;
    correction_ += std::abs(sum_) >= std::abs(x) ? (sum_ - total) + x : (x - total) + sum_;
    sum_ = total;
  }
  double value() const { return sum_ + correction_; }

 private:
  double sum_ = 0, correction_ = 0;
};

/// Throws Error, naming group and choice, unless `problem` is well formed: unique names, no empty group, one cost per
/// limit in every choice, all numbers finite (and below 1e100, so that sums stay finite).
inline void check(const MckpProblem& problem) {
  const auto usable = [](double x) { return std::abs(x) < 1e100; };  // false for NaN
  std::unordered_set<std::string> names;
  for (const MckpLimit& limit : problem.limits) {
    BITGRAIN_CHECK(names.insert(limit.name).second, "limit \"", limit.name, "\" is given twice");
    BITGRAIN_CHECK(usable(limit.limit), "limit \"", limit.name, "\" must be finite, got ", limit.limit);
  }
  names.clear();
  for (const MckpGroup& group : problem.groups) {
    BITGRAIN_CHECK(names.insert(group.name).second, "group \"", group.name, "\" is given twice");
    BITGRAIN_CHECK(!group.choices.empty(), "group \"", group.name, "\" has no choices");
    std::unordered_set<std::string> labels;
    for (const MckpChoice& choice : group.choices) {
      const auto where = [&] { return "group \"" + group.name + "\", choice \"" + choice.label + "\": "; };
      BITGRAIN_CHECK(labels.insert(choice.label).second, where(), "the label is given twice");
      BITGRAIN_CHECK(usable(choice.value), where(), "the value must be finite, got ", choice.value);
      BITGRAIN_CHECK(choice.costs.size() == problem.limits.size(), where(), "expected ", problem.limits.size(),
                     " costs (one per limit), got ", choice.costs.size());
      for (std::size_t i = 0; i < choice.costs.size(); ++i)
        BITGRAIN_CHECK(usable(choice.costs[i]), where(), "cost \"", problem.limits[i].name, "\" must be finite, got ",
                       choice.costs[i]);
    }
  }
}

/// The largest sum that still counts as within limit `i`: see the head of this file.
inline double allowed_sum(const MckpProblem& problem, std::size_t i) {
  const double limit = problem.limits[i].limit;
  for (const MckpGroup& group : problem.groups)
    for (const MckpChoice& choice : group.choices)
      if (choice.costs[i] != std::floor(choice.costs[i])) return limit + kFeasibilityTolerance * std::abs(limit);
  return std::floor(limit);
}

/// Total value of one choice per group.
inline double total_value(const MckpProblem& problem, const std::vector<int>& choice) {
  CompensatedSum sum;
  for (std::size_t g = 0; g < problem.groups.size(); ++g)
    sum.add(problem.groups[g].choices[static_cast<std::size_t>(choice[g])].value);
  return sum.value();
}

/// Total cost `i` of one choice per group.
inline double total_cost(const MckpProblem& problem, const std::vector<int>& choice, std::size_t i) {
  CompensatedSum sum;
  for (std::size_t g = 0; g < problem.groups.size(); ++g)
    sum.add(problem.groups[g].choices[static_cast<std::size_t>(choice[g])].costs[i]);
  return sum.value();
}

}  // namespace mckp
}  // namespace bitgrain
