#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "bitgrain/search/best_allocation.hpp"
#include "bitgrain/search/model_state.hpp"
#include "bitgrain/search/search.hpp"

namespace bitgrain {

struct SensitivityOptions {
  std::int64_t images = 512;  ///< of the training set, over which the loss is measured
};

/// Greedy search by sensitivity, one layer at a time: the loss of the float network with one layer's weights
/// quantized after training (least-squares range) and all others left in float, for every layer and candidate. All
/// layers start at the most bits; as long as the budget is exceeded, the layer steps down whose loss rises least for
/// the bits it saves. Where only latency is exceeded, the step is to any smaller candidate that is faster, and time
/// is what it saves; if no step is left, because fewer bits are not always faster, the exact solver decides by the
/// same losses.
class SensitivitySearch final : public SearchMethod {
 public:
  explicit SensitivitySearch(const SensitivityOptions& options = {}) : options_(options) {}
  std::string name() const override { return "sensitivity"; }

  Allocation allocate(SearchContext& context) override {
    std::vector<int> candidates = context.options.weight_bits;
    BITGRAIN_CHECK(!candidates.empty(), "sensitivity needs candidate bits");
    std::sort(candidates.begin(), candidates.end());
    losses_ = measure(context, candidates);
    return descend(context, candidates, losses_);
  }

  /// Rise of the loss over the float network, [layer of the cost model][candidate in ascending order].
  const std::vector<std::vector<double>>& losses() const { return losses_; }

  /// The greedy descent on given losses, for tests and for other measures of sensitivity.
  static Allocation descend(const SearchContext& context, const std::vector<int>& candidates,
                            const std::vector<std::vector<double>>& losses) {
    const auto& layers = context.costs.layers;
    Allocation allocation;
    allocation.activations = context.activation_levels();
    std::vector<std::size_t> level(layers.size(), candidates.size() - 1);
    for (const LayerCost& layer : layers)
      allocation.weights.set(layer.name, layer.fixed_bits ? layer.fixed_bits : candidates.back());
    for (std::string exceeded = violations(context, allocation); !exceeded.empty();
         exceeded = violations(context, allocation)) {
      const bool only_latency = exceeds_only_latency(context, allocation);
      std::size_t best = layers.size(), target = 0;
      double least = std::numeric_limits<double>::infinity();
      for (std::size_t l = 0; l < layers.size(); ++l) {
        if (layers[l].fixed_bits || level[l] == 0) continue;
        for (std::size_t to = only_latency ? 0 : level[l] - 1; to < level[l]; ++to) {
          const double rise = std::max(0.0, losses[l][to] - losses[l][level[l]]);
          const double saved = only_latency
                                   ? saved_time(context, allocation, layers[l], candidates[level[l]], candidates[to])
                                   : static_cast<double>(layers[l].weights * (candidates[level[l]] - candidates[to]));
          if (saved <= 0) continue;
          // Equal rises (none at high bits): the larger saving first.
          const double price = (rise + 1e-9) / saved;
          if (price >= least) continue;
          least = price;
          best = l;
          target = to;
        }
      }
      if (best == layers.size()) {
        BITGRAIN_CHECK(context.budget.latency, "even ", candidates[0],
                       " bits everywhere exceed the budget: ", exceeded);
        return best_by_losses(context, candidates, losses);
      }
      level[best] = target;
      allocation.weights.set(layers[best].name, candidates[target]);
    }
    return allocation;
  }

 private:
  // Picoseconds that the layer is faster at `to` weight bits than at `from`.
  static double saved_time(const SearchContext& context, const Allocation& allocation, const LayerCost& layer,
                           int from, int to) {
    for (const TensorCost& tensor : context.costs.tensors)
      if (tensor.name == layer.input_tensor) {
        const int bits = NetworkCosts::tensor_bits(tensor, allocation);
        return static_cast<double>(picoseconds_of(layer, from, bits) - picoseconds_of(layer, to, bits));
      }
    return 0;
  }
  static Allocation best_by_losses(const SearchContext& context, const std::vector<int>& candidates,
                                   const std::vector<std::vector<double>>& losses) {
    BitChoices choices;
    choices.weight_bits = candidates;
    choices.activations = context.activation_levels();
    choices.weight_value = [&](std::size_t l, int bits) {
      const auto k = std::find(candidates.begin(), candidates.end(), bits) - candidates.begin();
      return losses[l][static_cast<std::size_t>(k)];
    };
    context.log("sensitivity: no step down is left that saves time; the exact solver decides");
    return best_allocation(context.costs, choices, context.budget, "sensitivity").allocation;
  }
  static bool exceeds_only_latency(const SearchContext& context, const Allocation& allocation) {
    Budget others = context.budget;
    others.latency.reset();
    return budget_violations(costs_of(context.costs, allocation), others).empty();
  }
  static std::string violations(const SearchContext& context, const Allocation& allocation) {
    return budget_violations(costs_of(context.costs, allocation), context.budget);
  }

  std::vector<std::vector<double>> measure(SearchContext& context, const std::vector<int>& candidates) const {
    const ImageDataset images = context.data.train.head(std::min(options_.images, context.data.train.size()));
    const auto in_float = quantizer_factory<float>("float");
    const auto rounded = quantizer_factory<float>("uniform-mse");
    install_quantizers<float>(context.model, in_float, in_float);
    const double base = evaluate_graph(context.model, images, context.data.encoding).loss;
    std::vector<std::vector<double>> losses;
    for (const LayerCost& layer : context.costs.layers) {
      losses.emplace_back();
      for (QuantSite<float>* site : quant_sites(context.model)) {
        if (!site->is_weight() || site->site_name() != layer.name) continue;
        for (const int bits : candidates) {
          QuantizerSpec spec = site->spec();
          spec.name = site->site_name();
          spec.bits = bits;
          *site->any() = rounded(spec);
          losses.back().push_back(evaluate_graph(context.model, images, context.data.encoding).loss - base);
        }
        *site->any() = in_float(site->spec());
      }
      context.log("sensitivity of " + layer.name + ": loss +" + std::to_string(losses.back().front()) + " at " +
                  std::to_string(candidates.front()) + " bits");
    }
    return losses;
  }

  SensitivityOptions options_;
  std::vector<std::vector<double>> losses_;
};

}  // namespace bitgrain
