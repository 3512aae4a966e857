#pragma once

/// The part of a multiple-choice knapsack problem that needs thought: what is left after the safe reductions.
///
///  - a choice that exceeds a limit even if every other group takes its least cost is dropped;
///  - a constraint that holds whatever is chosen is dropped;
///  - a choice that is no better than another of its group in value and in every remaining cost is dropped (of equal
///    ones the first stays);
///  - a group with one choice left is settled.
///
/// What remains is shifted and scaled: the least value and the least cost of every group become 0, every limit
/// becomes 1. Costs are then shares of what a constraint has to give, in [0, 1], whatever their units.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

#include "bitgrain/search/mckp_problem.hpp"

namespace bitgrain::mckp {

/// The reduced problem in flat arrays. An *item* is a choice of a group that is still open.
struct Core {
  int groups = 0, constraints = 0;
  std::vector<int> begin;     ///< [groups + 1] items of group g are begin[g] .. begin[g + 1] - 1
  std::vector<int> group_of;  ///< [items]
  std::vector<double> value;  ///< [items], >= 0, least of each group 0
  std::vector<double> cost;   ///< [items][constraints], in [0, 1]; every limit is 1
  double value_offset = 0;    ///< what the shifts and the settled groups add to the total value

  std::vector<int> settled;         ///< [groups of the problem] the choice of a settled group, -1 where open
  std::vector<int> problem_group;   ///< [groups] index in the problem
  std::vector<int> problem_choice;  ///< [items] index in the group of the problem
  bool infeasible = false;          ///< the reductions alone showed that nothing fits

  const double* costs(int item) const {
    return cost.data() + static_cast<std::size_t>(item) * static_cast<std::size_t>(constraints);
  }
  /// The choice per group of the problem that picks item `picked[g]` in every open group.
  std::vector<int> expand(const std::vector<int>& picked) const {
    std::vector<int> choice = settled;
    for (int g = 0; g < groups; ++g)
      choice[static_cast<std::size_t>(problem_group[static_cast<std::size_t>(g)])] =
          problem_choice[static_cast<std::size_t>(picked[static_cast<std::size_t>(g)])];
    return choice;
  }
};

/// Applies the reductions above, one method each.
class Reduction {
 public:
  explicit Reduction(const MckpProblem& problem) : problem_(problem), kept_(problem.groups.size()) {
    for (std::size_t g = 0; g < kept_.size(); ++g) {
      kept_[g].resize(problem.groups[g].choices.size());
      std::iota(kept_[g].begin(), kept_[g].end(), 0);
    }
    for (std::size_t i = 0; i < problem.limits.size(); ++i) {
      allowed_.push_back(allowed_sum(problem, i));
      active_.push_back(i);
    }
  }

  Core run() {
    Core core;
    if (!drop_too_costly()) {
      core.infeasible = true;
      core.settled.assign(kept_.size(), -1);
      return core;
    }
    do drop_dominated();
    while (drop_slack_constraints());  // one constraint less to compare in: more choices may be dominated
    fill(core);
    return core;
  }

 private:
  double cost(std::size_t g, int j, std::size_t i) const {
    return problem_.groups[g].choices[static_cast<std::size_t>(j)].costs[i];
  }
  double value(std::size_t g, int j) const { return problem_.groups[g].choices[static_cast<std::size_t>(j)].value; }
  double least(std::size_t g, std::size_t i) const {
    double best = cost(g, kept_[g][0], i);
    for (const int j : kept_[g]) best = std::min(best, cost(g, j, i));
    return best;
  }
  double least_sum(std::size_t i) const {
    CompensatedSum sum;
    for (std::size_t g = 0; g < kept_.size(); ++g) sum.add(least(g, i));
    return sum.value();
  }

  // Dropping a choice can raise the least cost of another kind, so this repeats until nothing changes. False: a
  // limit is below its least sum, or a group lost all its choices.
  bool drop_too_costly() {
    for (bool changed = true; changed;) {
      changed = false;
      for (const std::size_t i : active_) {
        const double spare = allowed_[i] - least_sum(i);
        if (spare < 0) return false;
        for (std::size_t g = 0; g < kept_.size(); ++g) {
          const double floor = least(g, i);
          const auto dropped = std::erase_if(kept_[g], [&](int j) { return cost(g, j, i) - floor > spare; });
          if (kept_[g].empty()) return false;
          changed = changed || dropped > 0;
        }
      }
    }
    return true;
  }

  bool drop_slack_constraints() {
    return std::erase_if(active_, [&](std::size_t i) {
             CompensatedSum most;
             for (std::size_t g = 0; g < kept_.size(); ++g) {
               double largest = cost(g, kept_[g][0], i);
               for (const int j : kept_[g]) largest = std::max(largest, cost(g, j, i));
               most.add(largest);
             }
             return most.value() <= allowed_[i];
           }) > 0;
  }

  void drop_dominated() {
    for (std::size_t g = 0; g < kept_.size(); ++g) {
      // Best value first: a choice can only be dominated by one before it, or by one of equal value.
      const auto total = [&](int j) {
        return std::accumulate(active_.begin(), active_.end(), 0.0,
                               [&](double sum, std::size_t i) { return sum + cost(g, j, i); });
      };
      std::vector<double> totals(problem_.groups[g].choices.size());
      for (const int j : kept_[g]) totals[static_cast<std::size_t>(j)] = total(j);
      std::sort(kept_[g].begin(), kept_[g].end(), [&](int a, int b) {
        if (value(g, a) != value(g, b)) return value(g, a) < value(g, b);
        const double in_a = totals[static_cast<std::size_t>(a)], in_b = totals[static_cast<std::size_t>(b)];
        return in_a != in_b ? in_a < in_b : a < b;
      });
      std::vector<int> best;
      for (const int j : kept_[g]) {
        const bool dominated = std::any_of(best.begin(), best.end(), [&](int k) {
          return std::all_of(active_.begin(), active_.end(),
                             [&](std::size_t i) { return cost(g, k, i) <= cost(g, j, i); });
        });
        if (!dominated) best.push_back(j);
      }
      kept_[g] = best;
    }
  }

  void fill(Core& core) const {
    core.constraints = static_cast<int>(active_.size());
    core.settled.assign(kept_.size(), -1);
    CompensatedSum offset;
    for (std::size_t g = 0; g < kept_.size(); ++g) {
      offset.add(value(g, kept_[g][0]));  // sorted: the first has the least value
      if (kept_[g].size() == 1) {
        core.settled[g] = kept_[g][0];
        continue;
      }
      core.begin.push_back(static_cast<int>(core.value.size()));
      core.problem_group.push_back(static_cast<int>(g));
      for (const int j : kept_[g]) {
        core.group_of.push_back(core.groups);
        core.value.push_back(value(g, j) - value(g, kept_[g][0]));
        core.problem_choice.push_back(j);
      }
      ++core.groups;
    }
    core.begin.push_back(static_cast<int>(core.value.size()));
    core.value_offset = offset.value();

    core.cost.resize(core.value.size() * active_.size());
    for (std::size_t a = 0; a < active_.size(); ++a) {
      const std::size_t i = active_[a];
      // Positive: were it 0, every kept choice would cost the least and the constraint would have been dropped.
      const double spare = allowed_[i] - least_sum(i);
      for (std::size_t item = 0; item < core.value.size(); ++item) {
        const auto g = static_cast<std::size_t>(core.problem_group[static_cast<std::size_t>(core.group_of[item])]);
        core.cost[item * active_.size() + a] = (cost(g, core.problem_choice[item], i) - least(g, i)) / spare;
      }
    }
  }

  const MckpProblem& problem_;
  std::vector<std::vector<int>> kept_;  // choices of each group that are still possible
  std::vector<double> allowed_;         // the largest sum of each constraint
  std::vector<std::size_t> active_;     // constraints that can be violated
};

/// The reduced form of `problem`, which must have passed `check`.
inline Core reduce(const MckpProblem& problem) { return Reduction(problem).run(); }

}  // namespace bitgrain::mckp
