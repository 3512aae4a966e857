#pragma once

/// Random multiple-choice knapsack problems for the tests of the exact solver.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bitgrain/base/random.hpp"
#include "bitgrain/search/mckp_problem.hpp"

namespace bitgrain::testing {

enum class Flavour {
  kUncorrelated,  ///< integer values and costs without relation
  kCorrelated,    ///< dear choices have better values: hard
  kTies,          ///< values 0..3, costs 0..4: many equal choices
  kReal,          ///< real numbers, some of them negative or zero
  kForbidden,     ///< LIMPQ-like values below 1, some of them 1e8
};

struct ProblemShape {
  int groups = 5, choices = 4, limits = 2;
  double tightness = 0.4;  ///< where limits lie between the least and the largest sum
  Flavour flavour = Flavour::kUncorrelated;
};

/// A problem of the given shape; groups have 1 to `choices` choices where `ragged`.
inline MckpProblem random_problem(const ProblemShape& shape, RandomStream& random, bool ragged = true) {
  MckpProblem problem;
  const auto limits = static_cast<std::size_t>(shape.limits);
  std::vector<double> least(limits, 0.0), most(limits, 0.0);
  const auto integer = [&](double low, double high) { return std::floor(random.uniform(low, high + 1)); };
  for (int g = 0; g < shape.groups; ++g) {
    MckpGroup group;
    group.name = "g" + std::to_string(g);
    const int count =
        ragged ? 1 + static_cast<int>(random.below(static_cast<std::uint32_t>(shape.choices))) : shape.choices;
    std::vector<double> low(limits, 1e300), high(limits, -1e300);
    for (int j = 0; j < count; ++j) {
      MckpChoice choice;
      choice.label = "c" + std::to_string(j);
      double sum = 0;
      for (std::size_t i = 0; i < limits; ++i) {
        double cost = 0;
        switch (shape.flavour) {
          case Flavour::kTies:
            cost = integer(0, 4);
            break;
          case Flavour::kReal:
            cost = random.bernoulli(0.2) ? 0.0 : random.uniform(-0.3, 1.0);
            break;
          default:
            cost = integer(1, 1000);
        }
        choice.costs.push_back(cost);
        sum += cost;
        low[i] = std::min(low[i], cost);
        high[i] = std::max(high[i], cost);
      }
      switch (shape.flavour) {
        case Flavour::kUncorrelated:
          choice.value = integer(-200, 1000);
          break;
        case Flavour::kCorrelated:
          choice.value = 1000.0 * shape.limits - sum + integer(-20, 20);
          break;
        case Flavour::kTies:
          choice.value = integer(0, 3);
          break;
        case Flavour::kReal:
          choice.value = random.normal();
          break;
        case Flavour::kForbidden:
          choice.value = random.bernoulli(0.1) ? 1e8 : random.uniform();
          break;
      }
      group.choices.push_back(choice);
    }
    for (std::size_t i = 0; i < limits; ++i) {
      least[i] += low[i];
      most[i] += high[i];
    }
    problem.groups.push_back(group);
  }
  for (std::size_t i = 0; i < limits; ++i) {
    double limit = least[i] + shape.tightness * (most[i] - least[i]);
    if (shape.flavour != Flavour::kReal) limit = std::floor(limit);
    problem.limits.push_back({"limit" + std::to_string(i), limit});
  }
  return problem;
}

/// The best value over all choices by enumeration; infinity if none satisfies the limits.
inline double brute_force(const MckpProblem& problem) {
  std::vector<double> allowed;
  for (std::size_t i = 0; i < problem.limits.size(); ++i) allowed.push_back(mckp::allowed_sum(problem, i));
  std::vector<int> choice(problem.groups.size(), 0);
  double best = INFINITY;
  while (true) {
    bool fits = true;
    for (std::size_t i = 0; i < allowed.size() && fits; ++i)
      fits = mckp::total_cost(problem, choice, i) <= allowed[i];
    if (fits) best = std::min(best, mckp::total_value(problem, choice));
    std::size_t g = 0;
    for (; g < choice.size(); ++g) {
      if (++choice[g] < static_cast<int>(problem.groups[g].choices.size())) break;
      choice[g] = 0;
    }
    if (g == choice.size()) return best;
  }
}

}  // namespace bitgrain::testing
