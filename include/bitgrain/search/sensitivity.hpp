#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "bitgrain/search/model_state.hpp"
#include "bitgrain/search/search.hpp"

namespace bitgrain {

struct SensitivityOptions {
  std::int64_t images = 512;  ///< of the training set, over which the loss is measured
};

/// Greedy search by sensitivity, one layer at a time: the loss of the float network with one layer's weights
/// quantized after training (least-squares range) and all others left in float, for every layer and candidate. All
/// layers start at the most bits; as long as the budget is exceeded, the layer steps down whose loss rises least for
/// what it saves.
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
      std::size_t best = layers.size();
      double least = std::numeric_limits<double>::infinity();
      for (std::size_t l = 0; l < layers.size(); ++l) {
        if (layers[l].fixed_bits || level[l] == 0) continue;
        const double rise = std::max(0.0, losses[l][level[l] - 1] - losses[l][level[l]]);
        const auto saved = static_cast<double>(layers[l].weights * (candidates[level[l]] - candidates[level[l] - 1]));
        // Equal rises (none at high bits): the larger saving first.
        const double price = (rise + 1e-9) / saved;
        if (price < least) {
          least = price;
          best = l;
        }
      }
      BITGRAIN_CHECK(best < layers.size(), "even ", candidates[0], " bits everywhere exceed the budget: ", exceeded);
      --level[best];
      allocation.weights.set(layers[best].name, candidates[level[best]]);
    }
    return allocation;
  }

 private:
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
