#pragma once

/// Local improvement of a choice that satisfies the constraints: changes one group, or two at once, while that lowers
/// the value and still fits. A good early choice lets the search tree cut far more.

#include <cstddef>
#include <utility>
#include <vector>

#include "bitgrain/search/mckp_core.hpp"

namespace bitgrain::mckp {

class Polish {
 public:
  /// Uses only `items` (of the core) as replacements.
  Polish(const Core& core, std::vector<int> items)
      : core_(core), items_(std::move(items)), m_(static_cast<std::size_t>(core.constraints)) {}

  /// Improves `picked` (one item per group, within all limits) in place. True if it got better.
  bool run(std::vector<int>& picked) {
    spare_.assign(m_, 1.0);
    for (const int item : picked)
      for (std::size_t i = 0; i < m_; ++i) spare_[i] -= core_.costs(item)[i];
    bool improved = false;
    // Each pass applies the best move it sees; few passes matter.
    for (int pass = 0; pass < 50 && (step_one(picked) || step_two(picked)); ++pass) improved = true;
    return improved;
  }

 private:
  static constexpr std::size_t kMostItemsForPairs = 1500;  // a pass looks at every pair

  double gain(const std::vector<int>& picked, int item) const {
    return core_.value[static_cast<std::size_t>(current(picked, item))] - core_.value[static_cast<std::size_t>(item)];
  }
  int current(const std::vector<int>& picked, int item) const {
    return picked[static_cast<std::size_t>(core_.group_of[static_cast<std::size_t>(item)])];
  }
  void replace(std::vector<int>& picked, int item) {
    int& slot = picked[static_cast<std::size_t>(core_.group_of[static_cast<std::size_t>(item)])];
    for (std::size_t i = 0; i < m_; ++i) spare_[i] += core_.costs(slot)[i] - core_.costs(item)[i];
    slot = item;
  }

  bool step_one(std::vector<int>& picked) {
    int best = -1;
    double most = kLeastGain;
    for (const int item : items_) {
      const double g = gain(picked, item);
      if (g <= most) continue;
      const double* to = core_.costs(item);
      const double* from = core_.costs(current(picked, item));
      bool fits = true;
      for (std::size_t i = 0; i < m_; ++i) fits = fits && to[i] - from[i] <= spare_[i];
      if (!fits) continue;
      most = g;
      best = item;
    }
    if (best < 0) return false;
    replace(picked, best);
    return true;
  }

  bool step_two(std::vector<int>& picked) {
    if (items_.size() > kMostItemsForPairs) return false;
    const std::size_t n = items_.size();
    gains_.resize(n);
    moves_.resize(n * m_);  // what each replacement costs more
    for (std::size_t a = 0; a < n; ++a) {
      gains_[a] = gain(picked, items_[a]);
      for (std::size_t i = 0; i < m_; ++i)
        moves_[a * m_ + i] = core_.costs(items_[a])[i] - core_.costs(current(picked, items_[a]))[i];
    }
    std::size_t best_a = n, best_b = n;
    double most = kLeastGain;
    for (std::size_t a = 0; a < n; ++a) {
      if (gains_[a] <= 0) continue;  // one of the two must gain
      for (std::size_t b = 0; b < n; ++b) {
        if (gains_[a] + gains_[b] <= most) continue;
        bool fits = true;
        for (std::size_t i = 0; i < m_; ++i) fits = fits && moves_[a * m_ + i] + moves_[b * m_ + i] <= spare_[i];
        if (!fits || core_.group_of[static_cast<std::size_t>(items_[a])] ==
                         core_.group_of[static_cast<std::size_t>(items_[b])])
          continue;
        most = gains_[a] + gains_[b];
        best_a = a;
        best_b = b;
      }
    }
    if (best_a == n) return false;
    replace(picked, items_[best_a]);
    replace(picked, items_[best_b]);
    return true;
  }

  static constexpr double kLeastGain = 1e-13;
  const Core& core_;
  std::vector<int> items_;
  std::size_t m_;
  std::vector<double> spare_, gains_, moves_;
};

}  // namespace bitgrain::mckp
