#pragma once

/// Branch and bound over a reduced multiple-choice knapsack problem: depth first, the likelier half first.
///
/// At every node the linear relaxation (mckp_relaxation.hpp) gives a bound. Items whose reduced cost lifts it past
/// the best choice found so far, or that do not fit beside the least costs of the other groups, are removed for the
/// whole subtree. The open group that the relaxation splits most is then cut in two halves that separate its shares,
/// ordered by what its items cost at the current multipliers.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "bitgrain/search/mckp_core.hpp"
#include "bitgrain/search/mckp_live.hpp"
#include "bitgrain/search/mckp_polish.hpp"
#include "bitgrain/search/mckp_relaxation.hpp"

namespace bitgrain::mckp {

/// A choice is called optimal if no other is better by more than this share of its value's excess over the sum of the
/// groups' least values. (Not of the value itself, so one forced value of 1e8 does not blur the rest.)
inline constexpr double kOptimalityTolerance = 1e-9;

class Tree {
 public:
  Tree(const MckpProblem& problem, const Core& core, std::int64_t node_limit, double second_limit)
      : problem_(problem),
        core_(core),
        node_limit_(node_limit),
        second_limit_(second_limit),
        start_(Clock::now()),
        live_(core),
        relaxation_(core, live_) {
    for (std::size_t i = 0; i < problem.limits.size(); ++i) allowed_.push_back(allowed_sum(problem, i));
    integer_values_ =
        std::all_of(core.value.begin(), core.value.end(), [](double v) { return v == std::floor(v) && v < 0x1p50; });
    open_bound_ = -std::numeric_limits<double>::infinity();
  }

  /// Searches until the tree is exhausted (true) or a limit is reached (false).
  bool run() {
    double bound = -std::numeric_limits<double>::infinity();
    while (true) {
      if (out_of_budget()) {
        open_bound_ = bound;
        for (const auto* nodes : {&heap_, &stack_})
          for (const Node& node : *nodes) open_bound_ = std::min(open_bound_, node.bound);
        return false;
      }
      if (visit())
        bound = relaxation_.bound();
      else if (!resume(bound))
        return true;
    }
  }

  bool found() const { return !best_.empty(); }
  /// The best choice found, per group of the problem.
  const std::vector<int>& best() const { return best_; }
  double best_value() const { return total_value(problem_, best_); }
  /// Nothing that was not explored is below this (value of the problem). Meaningful after `run` returned false.
  double open_bound() const { return core_.value_offset + open_bound_; }
  std::int64_t nodes() const { return nodes_; }

 private:
  using Clock = std::chrono::steady_clock;
  // A subtree to explore later.
  struct Node {
    double bound = 0;
    std::int64_t number = 0;          // of equal bounds the newest goes first, as in a depth-first search
    std::vector<std::uint64_t> live;  // one bit per item
    Basis basis;
    bool operator<(const Node& other) const {  // least bound on top of the heap
      return bound != other.bound ? bound > other.bound : number < other.number;
    }
  };

  bool out_of_budget() const {
    if (nodes_ >= node_limit_) return true;
    if ((nodes_ & 63) != 0 || !std::isfinite(second_limit_)) return false;
    return std::chrono::duration<double>(Clock::now() - start_).count() >= second_limit_;
  }

  // Explores one node. True: it branched, and its first half is in force. False: nothing better is below it.
  bool visit() {
    ++nodes_;
    for (bool again = true; again;) {
      const RelaxationStatus status = relaxation_.solve(cutoff_);
      if (status == RelaxationStatus::kCutoff || status == RelaxationStatus::kInfeasible) return false;
      round_shares();
      if (relaxation_.bound() >= cutoff_) return false;
      again = false;
      if (!remove_hopeless(again)) return false;
      if (fresh_) polish();
    }
    return branch();
  }

  // Removes items that cannot be part of a better choice; `basic` tells whether the relaxation used one of them.
  // False: a constraint cannot be met.
  bool remove_hopeless(bool& basic) {
    const double gap = cutoff_ - relaxation_.bound();
    for (int g = 0; g < core_.groups; ++g)
      for (int j = live_.count(g) - 1; j >= 0; --j)
        if (const int item = live_.first(g)[j]; relaxation_.reduced_cost(item) >= gap) drop(item, basic);
    for (int i = 0; i < core_.constraints; ++i) {
      double spare = 1.0 + kSumTolerance;
      for (int g = 0; g < core_.groups; ++g) spare -= least_cost(g, i);
      if (spare < 0) return false;
      for (int g = 0; g < core_.groups; ++g) {
        const double most = least_cost(g, i) + spare;
        for (int j = live_.count(g) - 1; j >= 0; --j)
          if (const int item = live_.first(g)[j]; core_.costs(item)[i] > most) drop(item, basic);
      }
    }
    return true;
  }
  double least_cost(int g, int i) const {
    double least = core_.costs(live_.first(g)[0])[i];
    for (int j = 1; j < live_.count(g); ++j) least = std::min(least, core_.costs(live_.first(g)[j])[i]);
    return least;
  }
  void drop(int item, bool& basic) {
    const auto& extras = relaxation_.extras();
    basic = basic || relaxation_.key(core_.group_of[static_cast<std::size_t>(item)]) == item ||
            std::find(extras.begin(), extras.end(), item) != extras.end();
    live_.remove(item);
  }

  // Share of `item` in the relaxation.
  double share_of(int item) const {
    const auto& extras = relaxation_.extras();
    const int g = core_.group_of[static_cast<std::size_t>(item)];
    const bool is_key = relaxation_.key(g) == item;
    double share = is_key ? 1.0 : 0.0;
    for (std::size_t p = 0; p < extras.size(); ++p) {
      if (extras[p] < 0) continue;
      if (extras[p] == item) return relaxation_.extra_share(p);
      if (is_key && core_.group_of[static_cast<std::size_t>(extras[p])] == g) share -= relaxation_.extra_share(p);
    }
    return share;
  }
  // Groups with more than one basic item.
  std::vector<int> split_groups() const {
    std::vector<int> groups;
    for (const int item : relaxation_.extras())
      if (item >= 0) groups.push_back(core_.group_of[static_cast<std::size_t>(item)]);
    std::sort(groups.begin(), groups.end());
    groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
    return groups;
  }

  // Keys as they are, every combination of live items in the groups that the relaxation splits.
  void round_shares() {
    picked_.resize(static_cast<std::size_t>(core_.groups));
    std::vector<double> spare(static_cast<std::size_t>(core_.constraints), 1.0);
    double value = 0;
    const std::vector<int> split = split_groups();
    for (int g = 0; g < core_.groups; ++g) {
      if (std::binary_search(split.begin(), split.end(), g)) continue;
      const int item = relaxation_.key(g);
      picked_[static_cast<std::size_t>(g)] = item;
      value += core_.value[static_cast<std::size_t>(item)];
      for (std::size_t i = 0; i < spare.size(); ++i) spare[i] -= core_.costs(item)[i];
    }
    double combinations = 1;
    for (const int g : split) combinations *= live_.count(g);
    if (combinations <= 4096) enumerate(split, 0, value, spare);
  }
  void enumerate(const std::vector<int>& split, std::size_t depth, double value, const std::vector<double>& spare) {
    if (value >= cutoff_ || std::any_of(spare.begin(), spare.end(), [](double s) { return s < -kSumTolerance; }))
      return;
    if (depth == split.size()) {
      offer(picked_);
      return;
    }
    const int g = split[depth];
    std::vector<double> left(spare);
    for (int j = 0; j < live_.count(g); ++j) {
      const int item = live_.first(g)[j];
      for (std::size_t i = 0; i < left.size(); ++i) left[i] = spare[i] - core_.costs(item)[i];
      picked_[static_cast<std::size_t>(g)] = item;
      enumerate(split, depth + 1, value + core_.value[static_cast<std::size_t>(item)], left);
    }
  }

  // Local search around the best choice, among the items that are live here.
  void polish() {
    fresh_ = false;
    std::vector<int> items;
    for (int g = 0; g < core_.groups; ++g) items.insert(items.end(), live_.first(g), live_.first(g) + live_.count(g));
    std::vector<int> picked = best_picked_;
    if (Polish(core_, std::move(items)).run(picked)) offer(picked);
    fresh_ = false;
  }

  // Keeps a choice that satisfies every limit exactly and is better than the best so far.
  void offer(const std::vector<int>& picked) {
    CompensatedSum sum;
    for (const int item : picked) sum.add(core_.value[static_cast<std::size_t>(item)]);
    const double value = sum.value();
    if (found() && value >= best_value_) return;
    const std::vector<int> choice = core_.expand(picked);
    for (std::size_t i = 0; i < allowed_.size(); ++i)
      if (total_cost(problem_, choice, i) > allowed_[i]) return;
    best_ = choice;
    best_picked_ = picked;
    best_value_ = value;
    fresh_ = true;
    // A better choice of integer values is better by 1.
    cutoff_ = value - std::max(integer_values_ ? 1.0 - 1e-6 : 0.0, kOptimalityTolerance * value);
  }

  bool branch() {
    int group = -1;
    double most = 1e-9;
    for (const int g : split_groups()) {
      double largest = 0;
      for (int j = 0; j < live_.count(g); ++j) largest = std::max(largest, share_of(live_.first(g)[j]));
      if (live_.count(g) > 1 && 1 - largest > most) {
        most = 1 - largest;
        group = g;
      }
    }
    if (group < 0)
      for (int g = 0; g < core_.groups; ++g)
        if (live_.count(g) > 1 && (group < 0 || live_.count(g) > live_.count(group))) group = g;
    if (group < 0) {  // a leaf: one item per group
      for (int g = 0; g < core_.groups; ++g) picked_[static_cast<std::size_t>(g)] = live_.first(g)[0];
      offer(picked_);
      return false;
    }
    split(group);
    return true;
  }

  void split(int g) {
    const std::vector<double>& lambda = relaxation_.multipliers();
    const auto weight = [&](int item) {
      double sum = 0;
      for (std::size_t i = 0; i < lambda.size(); ++i) sum += lambda[i] * core_.costs(item)[i];
      return sum;
    };
    double mean = 0, total = 0;
    std::vector<int> items(live_.first(g), live_.first(g) + live_.count(g));
    for (const int item : items) {
      mean += share_of(item) * weight(item);
      total += share_of(item);
    }
    mean /= total;
    std::vector<int> light, heavy;
    double light_share = 0;
    for (const int item : items) {
      (weight(item) <= mean ? light : heavy).push_back(item);
      if (weight(item) <= mean) light_share += share_of(item);
    }
    if (light.empty() || heavy.empty()) {
      const int first =
          *std::max_element(items.begin(), items.end(), [&](int a, int b) { return share_of(a) < share_of(b); });
      light = {first};
      heavy.clear();
      for (const int item : items)
        if (item != first) heavy.push_back(item);
      light_share = total;
    }
    const bool light_first = 2 * light_share >= total;
    postpone(light_first ? light : heavy);
    for (const int item : light_first ? heavy : light) live_.remove(item);
  }

  // Stores the current node, less `removed`, for later.
  void postpone(const std::vector<int>& removed) {
    Node node;
    node.bound = relaxation_.bound();
    node.number = nodes_;
    node.basis = relaxation_.basis();
    node.live.assign((core_.value.size() + 63) / 64, 0);
    for (int g = 0; g < core_.groups; ++g)
      for (int j = 0; j < live_.count(g); ++j) {
        const auto item = static_cast<std::size_t>(live_.first(g)[j]);
        node.live[item / 64] |= std::uint64_t{1} << (item % 64);
      }
    for (const int i : removed) {
      const auto item = static_cast<std::size_t>(i);
      node.live[item / 64] &= ~(std::uint64_t{1} << (item % 64));
    }
    const std::size_t size = sizeof(Node) + node.live.size() * 8 + node.basis.key.size() * 4 + 64;
    if (heap_.size() * size < kHeapBytes) {
      heap_.push_back(std::move(node));
      std::push_heap(heap_.begin(), heap_.end());
    } else {
      stack_.push_back(std::move(node));
    }
  }

  // Goes to the stored node of least bound (the newest one while the heap is full). False: none is left.
  bool resume(double& bound) {
    while (!stack_.empty() && stack_.back().bound >= cutoff_) stack_.pop_back();
    Node node;
    if (!stack_.empty()) {
      node = std::move(stack_.back());
      stack_.pop_back();
    } else {
      if (heap_.empty() || heap_.front().bound >= cutoff_) return false;
      std::pop_heap(heap_.begin(), heap_.end());
      node = std::move(heap_.back());
      heap_.pop_back();
    }
    bound = node.bound;
    live_.undo_to(0);
    for (std::size_t item = 0; item < core_.value.size(); ++item)
      if ((node.live[item / 64] >> (item % 64) & 1) == 0) live_.remove(static_cast<int>(item));
    relaxation_.set_basis(node.basis);
    return true;
  }

  static constexpr std::size_t kHeapBytes = std::size_t{256} << 20;
  static constexpr double kSumTolerance = 1e-11;  // of scaled sums; what passes is checked exactly before it is kept

  const MckpProblem& problem_;
  const Core& core_;
  std::int64_t node_limit_;
  double second_limit_;
  Clock::time_point start_;
  LiveItems live_;
  Relaxation relaxation_;
  std::vector<double> allowed_;
  bool integer_values_ = false;
  std::vector<Node> heap_, stack_;
  std::vector<int> picked_, best_, best_picked_;
  bool fresh_ = false;
  double best_value_ = std::numeric_limits<double>::infinity();
  double cutoff_ = std::numeric_limits<double>::infinity();  // in core values: only what is below it is of interest
  double open_bound_;
  std::int64_t nodes_ = 0;
};

}  // namespace bitgrain::mckp
