#pragma once

/// LIMPQ: learned layer-wise importance (Tang et al., "Mixed-precision neural network quantization via learned
/// layer-wise importance", ECCV 2022).
///
/// *Joint indicator training.* Every site holds one LSQ step per candidate bit-width (quant/lsq_bank.hpp). Each
/// mini-batch makes n + 1 passes: all sites at b bits, for every candidate b from the largest down, then one with
/// random bits per layer; gradients add up, are clipped to [-1, 1] element by element, and make one SGD step. The
/// learned step is the importance: the larger it is at b bits, the more the layer suffers there.
///
/// *Integer program.* Minimise the sum of s_a + alpha s_w under the budget (search/limpq_program.hpp), solved
/// exactly.
///
/// Layers of fixed bits stay in float meanwhile, as in the released code. With activations at one level, only weight
/// bits vary between passes. Batch norm has one copy per candidate, chosen by the bits of the layer before it.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bitgrain/nn/batch_norm2d.hpp"
#include "bitgrain/optim/schedule.hpp"
#include "bitgrain/quant/lsq_bank.hpp"
#include "bitgrain/search/best_allocation.hpp"
#include "bitgrain/search/limpq_program.hpp"
#include "bitgrain/search/model_state.hpp"
#include "bitgrain/search/search.hpp"

namespace bitgrain {

/// Defaults are those of the released code.
struct LimpqOptions {
  int epochs = 5;
  double learning_rate = 0.01, final_learning_rate = 1e-5;  ///< one half cosine
  double momentum = 0.9, weight_decay = 2.5e-5;
  std::int64_t batch_size = 256;
  double label_smoothing = 0.1;
  double alpha = 2;  ///< of weights against activations in the integer program
  /// The released code divides by sqrt of the whole batch's count; the paper of LSQ by that of one image.
  LsqGradientScale gradient_scale = LsqGradientScale::kPerBatch;
  double min_step = 1e-5, max_step = 1;  ///< steps are clamped to these in the forward pass
  bool switchable_batch_norm = true;
  /// Fine-tune from the weights, steps and batch norm of the indicator training instead of the float network.
  bool keep_weights = false;
};

class LimpqSearch final : public SearchMethod {
 public:
  explicit LimpqSearch(const LimpqOptions& options = {}) : options_(options) {}
  std::string name() const override { return "limpq"; }

  Allocation allocate(SearchContext& context) override {
    const ModelState float_state(context.model);
    candidates_ = sorted_down(context.options.weight_bits);
    activation_candidates_ = sorted_down(context.options.activation_bits);
    install_banks(context);
    map_batch_norms(context);
    train_indicators(context);
    read_indicators(context);
    const Allocation allocation = solve(context);
    settle(context, allocation, float_state);
    return allocation;
  }

  /// What was learned: [layer of the cost model][candidate, largest first]; empty for fixed layers.
  const LimpqIndicators& indicators() const { return indicators_; }
  const MckpSolution& solution() const { return solution_; }

 private:
  static std::vector<int> sorted_down(std::vector<int> bits) {
    std::sort(bits.begin(), bits.end(), std::greater<>());
    bits.erase(std::unique(bits.begin(), bits.end()), bits.end());
    return bits;
  }

  void install_banks(SearchContext& context) {
    BITGRAIN_CHECK(!candidates_.empty(), "LIMPQ needs candidate bits for the weights");
    std::map<std::string, int> fixed;
    for (const auto& layer : context.costs.layers) fixed[layer.name] = layer.fixed_bits;
    for (const auto& tensor : context.costs.tensors) fixed[tensor.name] = tensor.fixed_bits;
    LsqOptions lsq;
    lsq.gradient_scale = options_.gradient_scale;
    lsq.weight_init = LsqInit::kThreeSigma;
    lsq.min_step = options_.min_step;
    lsq.max_step = options_.max_step;
    weights_.clear();
    activations_.clear();
    for (QuantSite<float>* site : quant_sites(context.model)) {
      BITGRAIN_CHECK(site->any() != nullptr, "LIMPQ needs a model over AnyLayers; site '", site->site_name(),
                     "' has a quantizer of a fixed type");
      QuantizerSpec spec = site->spec();
      spec.name = site->site_name();
      const int fixed_bits = fixed[spec.name];
      if (site->is_weight()) {
        if (fixed_bits) {
          *site->any() = Float<float>(spec);
        } else {
          *site->any() = LsqBank<float>(spec, candidates_, lsq);
          weights_[spec.name] = site;
        }
      } else if (fixed_bits) {
        *site->any() = LsqBank<float>(spec, {fixed_bits}, lsq);
      } else if (activation_candidates_.empty()) {
        if (context.options.activation_level == 32)
          *site->any() = Float<float>(spec);
        else
          *site->any() = LsqBank<float>(spec, {context.options.activation_level}, lsq);
      } else {
        *site->any() = LsqBank<float>(spec, activation_candidates_, lsq);
        activations_[spec.name] = site;
      }
    }
  }

  // Batch norm "x.bn" follows layer "x.conv" or "x.linear": it takes that layer's bits.
  void map_batch_norms(SearchContext& context) {
    batch_norms_.clear();
    if (!options_.switchable_batch_norm) return;
    for (BatchNorm2d<float>* bn : batch_norms(context.model)) {
      if (!bn->name().ends_with("bn")) continue;
      const std::string block = bn->name().substr(0, bn->name().size() - 2);
      for (const char* layer : {"conv", "linear"}) {
        const auto site = weights_.find(block + layer);
        if (site == weights_.end()) continue;
        bn->use_copies(static_cast<int>(candidates_.size()));
        batch_norms_.emplace_back(bn, site->second);
      }
    }
  }

  void select_batch_norms() {
    for (auto& [bn, site] : batch_norms_) bn->select_copy(candidate_index(site->bits()));
  }
  int candidate_index(int bits) const {
    return static_cast<int>(std::find(candidates_.begin(), candidates_.end(), bits) - candidates_.begin());
  }

  void select_all(int bits) {
    for (auto& [name, site] : weights_) site->set_bits(bits);
    for (auto& [name, site] : activations_) site->set_bits(nearest_activation(bits));
    select_batch_norms();
  }
  int nearest_activation(int bits) const {
    return *std::min_element(activation_candidates_.begin(), activation_candidates_.end(),
                             [bits](int a, int b) { return std::abs(a - bits) < std::abs(b - bits); });
  }
  // One random width per layer; the tensor it reads gets the same (or the nearest candidate).
  void select_random(const SearchContext& context, std::int64_t step) {
    RandomStream random(context.options.seed, "limpq.random_bits");
    random.set_position(static_cast<std::uint64_t>(step) << 16);
    for (const LayerCost& layer : context.costs.layers) {
      const auto site = weights_.find(layer.name);
      if (site == weights_.end()) continue;
      const int bits = candidates_[random.below(static_cast<std::uint32_t>(candidates_.size()))];
      site->second->set_bits(bits);
      const auto tensor = activations_.find(layer.input_tensor);
      if (tensor != activations_.end()) tensor->second->set_bits(nearest_activation(bits));
    }
    select_batch_norms();
  }

  void train_indicators(SearchContext& context) {
    BatchLoader loader(
        context.data.train, context.data.encoding,
        LoaderOptions::training(options_.batch_size, context.options.seed, context.options.finetune.augmentation));
    Sgd<float> optimizer(context.model.parameters(), {.learning_rate = options_.learning_rate,
                                                      .momentum = options_.momentum,
                                                      .nesterov = false,
                                                      .weight_decay = options_.weight_decay,
                                                      .groups = {}});
    TrainOptions train;
    train.epochs = options_.epochs;
    train.label_smoothing = options_.label_smoothing;
    train.clip_value = 1;
    const CosineLr schedule{.learning_rate = options_.learning_rate,
                            .steps = options_.epochs * loader.steps(),
                            .final_rate = options_.final_learning_rate};
    Trainer trainer(context.model, optimizer, schedule, loader, train);
    trainer.set_step_function([&](TrainState& state, const Batch& batch) {
      StepResult result;
      for (const int bits : candidates_) {
        select_all(bits);
        const StepResult pass = trainer.standard_step(state, batch);  // gradients add up
        result.loss += pass.loss / static_cast<double>(candidates_.size() + 1);
        result.correct = pass.correct;  // reported: the accuracy at the fewest bits
      }
      select_random(context, state.step);
      result.loss += trainer.standard_step(state, batch).loss / static_cast<double>(candidates_.size() + 1);
      return result;
    });
    for (TrainHook* hook : context.options.hooks) trainer.add_hook(*hook);
    context.log("limpq: training the importance indicators, " + std::to_string(candidates_.size() + 1) +
                " passes per batch");
    trainer.fit();
  }

  void read_indicators(const SearchContext& context) {
    indicators_ = {};
    indicators_.alpha = options_.alpha;
    indicators_.weight_bits = candidates_;
    indicators_.activation_bits = activation_candidates_;
    const auto read = [](const auto& sites, const std::string& name, const std::vector<int>& bits) {
      std::vector<double> steps;
      const auto site = sites.find(name);
      if (site == sites.end()) return steps;
      for (const int b : bits) steps.push_back(site->second->any()->template get<LsqBank<float>>()->indicator(b));
      return steps;
    };
    for (const LayerCost& layer : context.costs.layers)
      indicators_.weight_steps.push_back(read(weights_, layer.name, candidates_));
    for (const TensorCost& tensor : context.costs.tensors)
      indicators_.activation_steps.push_back(read(activations_, tensor.name, activation_candidates_));
  }

  Allocation solve(const SearchContext& context) {
    BestAllocation best = best_allocation(context.costs, limpq_choices(indicators_, context.activation_levels()),
                                          context.budget, "LIMPQ");
    solution_ = std::move(best.solution);
    if (solution_.value >= kLimpqForbidden)
      context.log("limpq: the budget leaves no choice but bits that the outlier rule forbids");
    context.log("limpq: integer program " + std::string(to_string(solution_.status)) + " after " +
                std::to_string(solution_.nodes) + " nodes");
    return best.allocation;
  }

  // Leaves the float network, or the jointly trained one with its steps at the chosen bits.
  void settle(SearchContext& context, const Allocation& allocation, const ModelState& float_state) {
    for (auto& [bn, site] : batch_norms_) bn->keep_copy(candidate_index(allocation.weights.at(site->site_name())));
    if (!options_.keep_weights) {
      float_state.restore(context.model);
      return;
    }
    std::map<std::string, double> steps;
    for (QuantSite<float>* site : quant_sites(context.model)) {
      const auto* bank = site->any()->get<LsqBank<float>>();
      if (!bank) continue;
      const auto& chosen = site->is_weight() ? allocation.weights : allocation.activations;
      steps[site->site_name()] = bank->indicator(chosen.at(site->site_name()));
    }
    const auto lsq = [&steps](const QuantizerSpec& spec) {
      Lsq<float> quantizer(spec);
      const auto step = steps.find(spec.name);
      if (step != steps.end()) quantizer.set_step(step->second);
      return AnyQuantizer<float>(std::move(quantizer));
    };
    const bool float_activations = context.options.activation_level == 32 && activation_candidates_.empty();
    install_quantizers<float>(context.model, lsq, float_activations ? quantizer_factory<float>("float") : lsq,
                              allocation);
    context.installed = true;
  }

  LimpqOptions options_;
  std::vector<int> candidates_, activation_candidates_;  // largest first
  std::map<std::string, QuantSite<float>*> weights_, activations_;
  std::vector<std::pair<BatchNorm2d<float>*, QuantSite<float>*>> batch_norms_;
  LimpqIndicators indicators_;
  MckpSolution solution_;
};

}  // namespace bitgrain
