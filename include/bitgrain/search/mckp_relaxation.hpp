#pragma once

/// The linear relaxation of a multiple-choice knapsack problem (shares of choices instead of choices), by the dual
/// simplex method, and the bound it gives.
///
/// With multipliers lambda_i >= 0 on the constraints (limits are 1, see mckp_core.hpp), every choice satisfies
///
///     value >= L(lambda) = sum_g min_j (v_gj + lambda . c_gj) - sum_i lambda_i,
///
/// so L is a lower bound for *any* lambda: rounding in the simplex can weaken a bound, never falsify one. The largest
/// L is the value of the relaxation. At a vertex of the dual each group has a *key* item, and as many further
/// columns as there are constraints are basic: items that tie with the key of their group, or slacks. Only this
/// small matrix D is ever inverted (generalised upper bounding, Dantzig and Van Slyke 1967), afresh at every step:
///
///     D y = 1 - sum_g c_key(g),   lambda D = -delta      (columns: c_item - c_key, delta: v_item - v_key; or a unit)
///
/// y are the shares of the basic items, the key takes the rest of its group. A negative share leaves, the column
/// whose reduced cost runs out first enters, and L grows.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "bitgrain/search/mckp_core.hpp"
#include "bitgrain/search/mckp_live.hpp"

namespace bitgrain::mckp {

/// A vertex of the dual: where the next solve starts.
struct Basis {
  std::vector<int> key;    ///< [groups] item
  std::vector<int> extra;  ///< [constraints] item, or ~i for the slack of constraint i
};

enum class RelaxationStatus {
  kOptimal,     ///< the shares are an optimum of the relaxation
  kCutoff,      ///< the bound reached the cutoff
  kInfeasible,  ///< proven: no shares, hence no choices, satisfy the constraints
  kStalled,     ///< stopped early; the bound holds, the shares may break constraints
};

class Relaxation {
 public:
  Relaxation(const Core& core, const LiveItems& live)
      : core_(core),
        live_(live),
        m_(static_cast<std::size_t>(core.constraints)),
        lambda_(m_, 0.0),
        share_(m_, 0.0),
        inverse_(m_ * m_, 0.0),
        work_(m_ * 2 * m_),
        least_(static_cast<std::size_t>(core.groups), 0.0) {
    cold_start();
  }

  Basis basis() const { return basis_; }
  void set_basis(const Basis& basis) { basis_ = basis; }

  /// Maximises L over the live items, from the current basis. Stops when the bound reaches `cutoff`.
  RelaxationStatus solve(double cutoff) {
    if (!revive_keys() || !factorize()) cold_start();
    // Far more steps than a solve takes: only rounding could make the simplex walk in circles.
    const int limit = 200 + 20 * (core_.groups + core_.constraints);
    for (int step = 0; step < limit; ++step) {
      const int leaving = most_violated();
      if (leaving < 0) {
        evaluate();
        return bound_ >= cutoff ? RelaxationStatus::kCutoff : RelaxationStatus::kOptimal;
      }
      const auto p = static_cast<std::size_t>(leaving);
      const double sign = share_[p] < 0 ? 1.0 : -1.0;  // a removed item leaves downwards, to a share of 0
      for (std::size_t i = 0; i < m_; ++i) direction_[i] = sign * inverse_[p * m_ + i];
      const Entering entering = ratio_test();
      if (entering.column == kNoColumn) {
        evaluate();
        return is_infeasible_ray() ? RelaxationStatus::kInfeasible : RelaxationStatus::kStalled;
      }
      if (objective() + entering.ratio * std::abs(share_[p]) >= cutoff) {
        for (std::size_t i = 0; i < m_; ++i) lambda_[i] += entering.ratio * direction_[i];
        evaluate();
        if (bound_ >= cutoff) return RelaxationStatus::kCutoff;
      }
      basis_.extra[p] = entering.column;
      if (!factorize()) {
        cold_start();
        evaluate();
        return RelaxationStatus::kStalled;
      }
    }
    evaluate();
    return RelaxationStatus::kStalled;
  }

  /// Lower bound on the value of every choice of live items that satisfies the constraints.
  double bound() const { return bound_; }
  /// What the bound rises by, at least, if `item` is chosen. Valid after `solve`.
  double reduced_cost(int item) const {
    return priced(item) - least_[static_cast<std::size_t>(core_.group_of[static_cast<std::size_t>(item)])];
  }
  /// The multipliers, one per constraint, >= 0.
  const std::vector<double>& multipliers() const { return lambda_; }
  /// The item of a group with the whole or part of its share.
  int key(int group) const { return basis_.key[static_cast<std::size_t>(group)]; }
  /// Basic items besides the keys, with their shares: ~i where the slack of constraint i is basic.
  const std::vector<int>& extras() const { return basis_.extra; }
  double extra_share(std::size_t p) const { return share_[p]; }

  /// Starts again at lambda = 0: the least values as keys, all slacks basic. Always dual feasible.
  void cold_start() {
    basis_.key.resize(least_.size());
    basis_.extra.resize(m_);
    std::fill(lambda_.begin(), lambda_.end(), 0.0);
    direction_.assign(m_, 0.0);
    for (int g = 0; g < core_.groups; ++g) basis_.key[static_cast<std::size_t>(g)] = cheapest(g);
    for (std::size_t i = 0; i < m_; ++i) basis_.extra[i] = ~static_cast<int>(i);
    factorize();
  }

 private:
  static constexpr int kNoColumn = std::numeric_limits<int>::min();
  static constexpr double kShareTolerance = 1e-10;
  struct Entering {
    int column = kNoColumn;
    double ratio = std::numeric_limits<double>::infinity();
  };

  std::size_t group_of(int item) const {
    return static_cast<std::size_t>(core_.group_of[static_cast<std::size_t>(item)]);
  }
  double dot(const std::vector<double>& weights, const double* costs) const {
    double sum = 0;
    for (std::size_t i = 0; i < m_; ++i) sum += weights[i] * costs[i];
    return sum;
  }
  double priced(int item) const {
    return core_.value[static_cast<std::size_t>(item)] + dot(lambda_, core_.costs(item));
  }
  // The live item of least v + lambda . c; of equal ones the first.
  int cheapest(int g) const {
    int best = live_.first(g)[0];
    double least = priced(best);
    for (int j = 1; j < live_.count(g); ++j) {
      const int item = live_.first(g)[j];
      const double price = priced(item);
      if (price < least || (price == least && item < best)) {
        best = item;
        least = price;
      }
    }
    return best;
  }

  // Gives every group a live key. False where that would disturb the basis.
  bool revive_keys() {
    for (std::size_t g = 0; g < basis_.key.size(); ++g) {
      if (live_.contains(basis_.key[g])) continue;
      int* replacement = nullptr;
      bool has_extras = false;
      for (int& column : basis_.extra) {
        if (column < 0 || group_of(column) != g) continue;
        has_extras = true;
        if (live_.contains(column)) replacement = &column;
      }
      if (replacement != nullptr)
        std::swap(*replacement, basis_.key[g]);  // the old key now leaves like any removed item
      else if (!has_extras)
        basis_.key[g] = cheapest(static_cast<int>(g));  // raises this group's minimum: stays dual feasible
      else
        return false;
    }
    return true;
  }

  // Inverts D and computes shares and multipliers from it. False if D is singular.
  bool factorize() {
    // Gauss-Jordan with partial pivoting on [D | 1]; D is at most a few columns wide.
    const std::size_t width = 2 * m_;
    std::fill(work_.begin(), work_.end(), 0.0);
    for (std::size_t p = 0; p < m_; ++p) {
      const int column = basis_.extra[p];
      if (column < 0) {
        work_[static_cast<std::size_t>(~column) * width + p] = 1.0;
      } else {
        const double* item = core_.costs(column);
        const double* key = core_.costs(basis_.key[group_of(column)]);
        for (std::size_t i = 0; i < m_; ++i) work_[i * width + p] = item[i] - key[i];
      }
      work_[p * width + m_ + p] = 1.0;
    }
    for (std::size_t c = 0; c < m_; ++c) {
      std::size_t pivot = c;
      for (std::size_t r = c + 1; r < m_; ++r)
        if (std::abs(work_[r * width + c]) > std::abs(work_[pivot * width + c])) pivot = r;
      if (std::abs(work_[pivot * width + c]) < 1e-13) return false;
      if (pivot != c) std::swap_ranges(&work_[pivot * width], &work_[pivot * width] + width, &work_[c * width]);
      const double scale = 1.0 / work_[c * width + c];
      for (std::size_t k = c; k < width; ++k) work_[c * width + k] *= scale;
      for (std::size_t r = 0; r < m_; ++r) {
        const double factor = work_[r * width + c];
        if (r == c || factor == 0) continue;
        for (std::size_t k = c; k < width; ++k) work_[r * width + k] -= factor * work_[c * width + k];
      }
    }
    for (std::size_t p = 0; p < m_; ++p)
      for (std::size_t i = 0; i < m_; ++i) inverse_[p * m_ + i] = work_[p * width + m_ + i];
    compute_shares();
    return true;
  }
  void compute_shares() {
    rest_.assign(m_, 1.0);
    for (const int key : basis_.key) {
      const double* costs = core_.costs(key);
      for (std::size_t i = 0; i < m_; ++i) rest_[i] -= costs[i];
    }
    std::fill(lambda_.begin(), lambda_.end(), 0.0);
    for (std::size_t p = 0; p < m_; ++p) {
      double share = 0;
      for (std::size_t i = 0; i < m_; ++i) share += inverse_[p * m_ + i] * rest_[i];
      share_[p] = share;
      const int column = basis_.extra[p];
      if (column < 0) continue;
      const double delta = core_.value[static_cast<std::size_t>(column)] -
                           core_.value[static_cast<std::size_t>(basis_.key[group_of(column)])];
      for (std::size_t i = 0; i < m_; ++i) lambda_[i] -= delta * inverse_[p * m_ + i];
    }
  }

  // The basic column farthest outside its range, -1 if there is none. A key whose share is negative changes places
  // with the largest share of its group and is then the column that leaves.
  int most_violated() {
    int worst = -1;
    double violation = kShareTolerance;
    bool key_is_worst = false;
    for (std::size_t p = 0; p < m_; ++p) {
      const int column = basis_.extra[p];
      double excess = -share_[p];
      if (column >= 0) {
        if (!live_.contains(column)) excess = std::abs(share_[p]);
        double key_share = 1.0;
        for (std::size_t q = 0; q < m_; ++q)
          if (basis_.extra[q] >= 0 && group_of(basis_.extra[q]) == group_of(column)) key_share -= share_[q];
        if (-key_share > violation) {
          violation = -key_share;
          worst = static_cast<int>(p);
          key_is_worst = true;
        }
      }
      if (excess > violation) {
        violation = excess;
        worst = static_cast<int>(p);
        key_is_worst = false;
      }
    }
    if (!key_is_worst) return worst;
    const std::size_t g = group_of(basis_.extra[static_cast<std::size_t>(worst)]);
    auto largest = static_cast<std::size_t>(worst);
    for (std::size_t q = 0; q < m_; ++q)
      if (basis_.extra[q] >= 0 && group_of(basis_.extra[q]) == g && live_.contains(basis_.extra[q]) &&
          (!live_.contains(basis_.extra[largest]) || share_[q] > share_[largest]))
        largest = q;
    if (!live_.contains(basis_.extra[largest])) return worst;
    std::swap(basis_.extra[largest], basis_.key[g]);
    factorize();
    return static_cast<int>(largest);
  }

  // Along lambda + t direction, the first live column whose reduced cost reaches 0; of ties the one of largest pivot.
  Entering ratio_test() const {
    Entering best;
    double best_pivot = 0;
    const auto offer = [&](int column, double reduced, double slope) {
      if (slope > -1e-11) return;
      const double ratio = std::max(reduced, 0.0) / -slope;
      if (ratio < best.ratio || (ratio == best.ratio && -slope > best_pivot)) {
        best = {column, ratio};
        best_pivot = -slope;
      }
    };
    for (std::size_t i = 0; i < m_; ++i)
      if (std::find(basis_.extra.begin(), basis_.extra.end(), ~static_cast<int>(i)) == basis_.extra.end())
        offer(~static_cast<int>(i), lambda_[i], direction_[i]);
    for (int g = 0; g < core_.groups; ++g) {
      const int key = basis_.key[static_cast<std::size_t>(g)];
      const double price = priced(key);
      const double slope = dot(direction_, core_.costs(key));
      for (int j = 0; j < live_.count(g); ++j) {
        const int item = live_.first(g)[j];
        const double item_slope = dot(direction_, core_.costs(item)) - slope;
        if (item_slope > -1e-11 || item == key) continue;
        if (std::find(basis_.extra.begin(), basis_.extra.end(), item) != basis_.extra.end()) continue;
        offer(item, priced(item) - price, item_slope);
      }
    }
    return best;
  }

  // L at the current vertex, from the keys.
  double objective() const {
    double sum = 0;
    for (const int key : basis_.key) sum += priced(key);
    for (const double multiplier : lambda_) sum -= multiplier;
    return sum;
  }

  // L at max(lambda, 0) over the live items, less what rounding may have added.
  void evaluate() {
    for (double& multiplier : lambda_) multiplier = std::max(multiplier, 0.0);
    double sum = 0, size = 0;
    for (int g = 0; g < core_.groups; ++g) {
      double least = priced(live_.first(g)[0]);
      for (int j = 1; j < live_.count(g); ++j) least = std::min(least, priced(live_.first(g)[j]));
      least_[static_cast<std::size_t>(g)] = least;
      sum += least;
      size += std::abs(least);
    }
    for (const double multiplier : lambda_) {
      sum -= multiplier;
      size += multiplier;
    }
    bound_ = sum - 1e-14 * size;
  }

  // Farkas: if sum_g min_j (d . c_gj) > sum_i d_i for some d >= 0, no choice fits.
  bool is_infeasible_ray() const {
    double needed = 0, available = 0;
    std::vector<double> ray(m_);
    for (std::size_t i = 0; i < m_; ++i) available += ray[i] = std::max(direction_[i], 0.0);
    for (int g = 0; g < core_.groups; ++g) {
      double least = std::numeric_limits<double>::infinity();
      for (int j = 0; j < live_.count(g); ++j) least = std::min(least, dot(ray, core_.costs(live_.first(g)[j])));
      needed += least;
    }
    return needed > available * (1 + 1e-11);
  }

  const Core& core_;
  const LiveItems& live_;
  std::size_t m_;
  Basis basis_;
  std::vector<double> lambda_, share_, inverse_, work_, rest_, direction_;
  std::vector<double> least_;  // [groups] min_j (v + lambda . c) at the last evaluation
  double bound_ = 0;
};

}  // namespace bitgrain::mckp
