#pragma once

/// LIMPQ's integer program: bits from learned importance indicators.
///
/// Tang et al., "Mixed-Precision Neural Network Quantization via Learned Layer-wise Importance", ECCV 2022
/// (arXiv 2203.08368). The indicator of a layer at b bits is the step size that LSQ learned for it at b bits: the
/// larger the step, the more the layer suffers from few bits. With s_w, s_a for weights and activations,
///
///     minimise sum over layers l of s_a[l][b_a] + alpha s_w[l][b_w]
///     subject to  sum MACs_l b_w b_a <= BitOps limit,   sum n_l b_w <= size limit in bits.
///
/// Outlier rule (from the released code): steps should grow as bits drop. Where the step at the next smaller
/// candidate is below the one at the larger, the smaller is forbidden by a value of 1e8. The learned values are
/// compared before any is changed; done in place, one outlier would forbid everything below it.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "bitgrain/base/check.hpp"
#include "bitgrain/search/allocation_problem.hpp"
#include "bitgrain/search/mckp_problem.hpp"

namespace bitgrain {

/// Value of a choice that the outlier rule forbids.
inline constexpr double kLimpqForbidden = 1e8;

/// Applies the outlier rule to learned steps, `steps[k]` being that of `bits[k]`. Throws Error unless there is one
/// finite step per candidate.
inline std::vector<double> limpq_forbid_outliers(const std::vector<int>& bits, std::vector<double> steps) {
  BITGRAIN_CHECK(bits.size() == steps.size(), "expected one indicator for each of ", bits.size(),
                 " candidate bits, got ", steps.size());
  for (std::size_t k = 0; k < bits.size(); ++k)
    BITGRAIN_CHECK(std::isfinite(steps[k]), "the indicator at ", bits[k], " bits must be finite, got ", steps[k]);
  std::vector<std::size_t> order(bits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return bits[a] > bits[b]; });
  const std::vector<double> learned = steps;
  for (std::size_t k = 1; k < order.size(); ++k)
    if (learned[order[k]] < learned[order[k - 1]]) steps[order[k]] = kLimpqForbidden;
  return steps;
}

/// Indicators of a network whose activation quantizers belong to tensors.
struct LimpqIndicators {
  std::vector<int> weight_bits;                       ///< candidates, e.g. {6, 5, 4, 3, 2}
  std::vector<int> activation_bits;                   ///< candidates; empty: activations stay as they are
  std::vector<std::vector<double>> weight_steps;      ///< [NetworkCosts::layers][weight_bits]; fixed layers: empty
  std::vector<std::vector<double>> activation_steps;  ///< [NetworkCosts::tensors][activation_bits]; fixed: empty
  double alpha = 2;                                   ///< weight of weights against activations
};

/// LIMPQ's program for any budget, as input of `allocation_problem`. `activations` are the bits of tensors where
/// there are no activation candidates. Throws Error if indicators are missing.
inline BitChoices limpq_choices(const LimpqIndicators& indicators, BitsByName activations = {}) {
  // One table of values per layer or tensor, outliers forbidden.
  const auto table = [](const std::vector<int>& bits, const std::vector<std::vector<double>>& steps, double factor) {
    std::vector<std::vector<double>> values;
    for (const auto& row : steps) {
      values.push_back(row.empty() ? row : limpq_forbid_outliers(bits, row));
      for (double& value : values.back())
        if (value != kLimpqForbidden) value *= factor;
    }
    return BitValue([bits, values = std::move(values)](std::size_t index, int b) {
      const auto k = static_cast<std::size_t>(std::find(bits.begin(), bits.end(), b) - bits.begin());
      BITGRAIN_CHECK(index < values.size() && k < values[index].size(), "there is no indicator for number ", index,
                     " at ", b, " bits");
      return values[index][k];
    });
  };
  BitChoices choices;
  choices.weight_bits = indicators.weight_bits;
  choices.activation_bits = indicators.activation_bits;
  choices.activations = std::move(activations);
  choices.weight_value = table(indicators.weight_bits, indicators.weight_steps, indicators.alpha);
  choices.activation_value = table(indicators.activation_bits, indicators.activation_steps, 1.0);
  return choices;
}

/// A layer of the published program, which gives every layer activation bits of its own.
struct LimpqLayer {
  std::string name;
  std::int64_t weights = 0;
  std::int64_t macs = 0;
  std::vector<double> weight_steps;      ///< learned step at every candidate
  std::vector<double> activation_steps;  ///< the same for the layer's input
};

/// The two limits of the published program.
struct LimpqLimits {
  double bitops = 0;     ///< sum MACs b_w b_a
  double size_bits = 0;  ///< sum n b_w, over the layers of the program
};

/// Limits as the released code's command line says them: the BitOps of a network with `weight_level` and
/// `activation_level` bits everywhere, and a payload `compression` times smaller than 32-bit weights, of which the
/// `fixed_weights` (first convolution, last layer) take 8 bits each.
inline LimpqLimits limpq_limits(const std::vector<LimpqLayer>& layers, int weight_level, int activation_level,
                                double compression, std::int64_t fixed_weights) {
  BITGRAIN_CHECK(weight_level >= 1 && activation_level >= 1 && compression > 0 && fixed_weights >= 0,
                 "expected positive levels and compression, got ", weight_level, ", ", activation_level, ", ",
                 compression, " and ", fixed_weights, " fixed weights");
  std::int64_t macs = 0, weights = 0;
  for (const LimpqLayer& layer : layers) {
    macs += layer.macs;
    weights += layer.weights;
  }
  const auto real = [](std::int64_t count) { return static_cast<double>(count); };
  return {real(macs * weight_level * activation_level),
          32 * real(weights + fixed_weights) / compression - 8 * real(fixed_weights)};
}

/// The published program: groups named after the layers, choices "w6a6" ... of every pair of candidates, limits
/// "bitops" and "size" (in bits). Throws Error, naming the layer, if indicators are missing.
inline MckpProblem limpq_program(const std::vector<LimpqLayer>& layers, const std::vector<int>& bits,
                                 const LimpqLimits& limits, double alpha = 2) {
  MckpProblem problem;
  problem.limits = {{"bitops", limits.bitops}, {"size", limits.size_bits}};
  for (const LimpqLayer& layer : layers) {
    BITGRAIN_CHECK(layer.weight_steps.size() == bits.size() && layer.activation_steps.size() == bits.size(),
                   "layer \"", layer.name, "\": expected ", bits.size(),
                   " indicators for weights and activations, got ", layer.weight_steps.size(), " and ",
                   layer.activation_steps.size());
    const std::vector<double> weight = limpq_forbid_outliers(bits, layer.weight_steps);
    const std::vector<double> activation = limpq_forbid_outliers(bits, layer.activation_steps);
    MckpGroup group{layer.name, {}};
    for (std::size_t j = 0; j < bits.size(); ++j)
      for (std::size_t k = 0; k < bits.size(); ++k)
        group.choices.push_back(
            {"w" + std::to_string(bits[j]) + "a" + std::to_string(bits[k]),
             activation[k] + alpha * weight[j],
             {static_cast<double>(layer.macs * bits[j] * bits[k]), static_cast<double>(layer.weights * bits[j])}});
    problem.groups.push_back(std::move(group));
  }
  return problem;
}

}  // namespace bitgrain
