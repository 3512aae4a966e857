#pragma once

/// One interface for every search: given this model, this data and this budget, which bits?
///
/// A method decides an Allocation; `search` checks it against the budget, fine-tunes under it and leaves the model
/// trained. Methods train with the ordinary Trainer, in one of two ways. *Measure, then choose* (LIMPQ, sensitivity,
/// the baselines): `allocate` returns bits and the common fine-tune follows. *Learn while training* (DQ, CSQ, BSQ,
/// DropBits, SSPS): `allocate` runs a Trainer with a TrainHook of its own, whose extra_loss is the budget term (it
/// reads every site's parameters and the cost model), whose on_epoch_begin moves temperatures, freezes choices (SSPS)
/// or re-quantizes (BSQ), and whose on_train_end hardens every site; it returns what the hardened sites hold, and
/// sets `context.trained` if no fine-tune is wanted. What several passes per batch need (LIMPQ) is a step function.
/// Evaluation before codes exist is the training graph's; the trainer sees to that.

#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bitgrain/optim/one_cycle.hpp"
#include "bitgrain/optim/sgd.hpp"
#include "bitgrain/quant/install.hpp"
#include "bitgrain/search/between_layers.hpp"
#include "bitgrain/search/kernel_latency.hpp"
#include "bitgrain/search/trace_costs.hpp"
#include "bitgrain/train/trainer.hpp"

namespace bitgrain {

/// What a search trains and validates on. Nothing is owned.
struct SearchData {
  const ImageDataset& train;
  const InputEncoding& encoding;
  const ImageDataset* validation = nullptr;  ///< for the reports of the fine-tune; never used to choose bits
};

/// LSQ training under the found bits, one cycle of the learning rate.
struct FinetuneOptions {
  int epochs = 4;
  double learning_rate = 0.02;  ///< peak
  double weight_decay = 1e-4;   ///< none on step sizes
  double label_smoothing = 0;
  std::int64_t batch_size = 128;
  Augmentation augmentation;
};

struct SearchOptions {
  std::vector<int> weight_bits = {2, 3, 4, 5, 6, 7, 8};  ///< candidates
  std::vector<int> activation_bits;  ///< candidates; empty: every tensor stays at `activation_level`
  int activation_level = 4;          ///< bits of activations that are not searched; 32: float
  int first_last_bits = 0;           ///< weight bits of the first and the last layer; 0: searched like all others
  std::uint64_t seed = 1;
  FinetuneOptions finetune;
  /// What a limit on latency counts with, and where it is from, for messages; empty: measured on this machine before
  /// anything else. With the same table the same bits are found.
  deploy::KernelTable kernel_times;
  std::string kernel_times_from = "the table of kernel times";
  double between_layers_ns = 0;                      ///< comes with that table; measured if there is none
  double seconds_per_measurement = 0.02;             ///< of a layer at a pair of bits
  std::vector<TrainHook*> hooks;                     ///< of every training the search runs (progress, metrics)
  std::function<void(const std::string& line)> log;  ///< hears what the search does; may be empty
};

/// What a method works with.
struct SearchContext {
  Module<float>& model;  ///< over AnyLayers, with trained float weights
  const SearchData& data;
  const Budget& budget;
  const SearchOptions& options;
  NetworkCosts costs;
  bool trained = false;    ///< set it when the model is left trained under the allocation: no fine-tune follows
  bool installed = false;  ///< set it when the quantizers of the allocation are in place already

  void log(const std::string& line) const {
    if (options.log) options.log(line);
  }
  /// Bits of every tensor when activations are not searched.
  BitsByName activation_levels() const {
    BitsByName bits;
    for (const TensorCost& tensor : costs.tensors)
      if (tensor.has_quantizer)
        bits.set(tensor.name, tensor.fixed_bits ? tensor.fixed_bits : options.activation_level);
    return bits;
  }
};

/// A way to choose bits.
class SearchMethod {
 public:
  virtual ~SearchMethod() = default;
  virtual std::string name() const = 0;
  /// Bits for every layer and tensor within the budget. The float weights are left as they were unless `trained` or
  /// `installed` is set.
  virtual Allocation allocate(SearchContext& context) = 0;
};

struct SearchResult {
  Allocation allocation;
  AllocationCosts costs;
  NetworkCosts network;
  deploy::KernelTable kernel_times;  ///< what latency was counted with, for an engine; empty: it was not limited
  double between_layers_ns = 0;      ///< the rest of what was counted
  double seconds_search = 0, seconds_finetune = 0;
  std::optional<Evaluation> evaluation;  ///< of the validation images after the fine-tune
};

/// Trains a model whose quantizers are installed. Returns the last evaluation, if there is a validation set.
inline std::optional<Evaluation> finetune(Module<float>& model, const SearchData& data,
                                          const FinetuneOptions& options, std::uint64_t seed,
                                          const std::vector<TrainHook*>& hooks) {
  BatchLoader loader(data.train, data.encoding,
                     LoaderOptions::training(options.batch_size, seed, options.augmentation));
  Sgd<float> optimizer(model.parameters(), {.learning_rate = options.learning_rate,
                                            .momentum = 0.9,
                                            .nesterov = true,
                                            .weight_decay = options.weight_decay,
                                            .groups = {}});
  TrainOptions train;
  train.epochs = options.epochs;
  train.label_smoothing = options.label_smoothing;
  train.validation = data.validation;
  const OneCycle schedule{.max_rate = options.learning_rate, .steps = options.epochs * loader.steps()};
  Trainer trainer(model, optimizer, schedule, loader, train);
  for (TrainHook* hook : hooks) trainer.add_hook(*hook);
  trainer.fit();
  return trainer.state().evaluation;
}

namespace detail {
// Gives the layers of the context their times, measured now if the options bring none; notes them in `result`.
inline void count_latency(SearchContext& context, SearchResult& result) {
  const SearchOptions& options = context.options;
  result.kernel_times = options.kernel_times;
  result.between_layers_ns = options.between_layers_ns;
  if (options.kernel_times.empty()) {
    context.log("measuring the kernels of " + std::to_string(context.costs.layers.size()) + " layers");
    const auto progress = [&](std::size_t done, std::size_t all) {
      context.log("measured layer " + std::to_string(done) + " of " + std::to_string(all));
    };
    result.kernel_times = measure_kernels(
        context.costs, options.weight_bits,
        options.activation_bits.empty() ? std::vector<int>{options.activation_level} : options.activation_bits,
        options.seconds_per_measurement, progress);
    const ImageDataset& images = context.data.train;
    result.between_layers_ns =
        between_layers_ns(context.model, context.data.encoding, images.height(), images.width(), result.kernel_times,
                          10 * options.seconds_per_measurement);
  }
  set_latencies(context.costs, result.kernel_times, options.kernel_times_from);
  context.costs.between_picoseconds = std::llround(result.between_layers_ns * 1000);
}
}  // namespace detail

/// Chooses bits for `model` by `method` within `budget` and leaves it trained under them. `model` is built over
/// AnyLayers and holds trained float weights. Throws Error if the budget cannot be met, or if the method's answer
/// exceeds it.
inline SearchResult search(SearchMethod& method, Module<float>& model, const SearchData& data, const Budget& budget,
                           const SearchOptions& options = {}) {
  using Clock = std::chrono::steady_clock;
  const auto seconds_since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  const auto start = Clock::now();
  budget.validate();
  data.train.validate();
  const auto sample = encode_images<float>(data.train.images.slice(0, 1), data.encoding);
  SearchContext context{model, data, budget, options, trace_costs(model, sample)};
  if (options.first_last_bits > 0) {
    context.costs.layers.front().fixed_bits = options.first_last_bits;
    context.costs.layers.back().fixed_bits = options.first_last_bits;
  }
  SearchResult result;
  if (budget.latency) detail::count_latency(context, result);
  result.allocation = method.allocate(context);
  result.network = context.costs;
  result.costs = costs_of(context.costs, result.allocation);
  const std::string violations = budget_violations(result.costs, budget);
  BITGRAIN_CHECK(violations.empty(), "search '", method.name(), "' exceeded the budget: ", violations);
  result.seconds_search = seconds_since(start);
  context.log(method.name() + " chose " + std::to_string(result.costs.average_weight_bits) +
              " weight bits on average, " + std::to_string(result.costs.payload_bytes) + " bytes" +
              (result.costs.latency ? ", " + seconds_text(*result.costs.latency) : std::string()));
  if (context.trained) return result;

  if (!context.installed) {
    const auto lsq = quantizer_factory<float>("lsq");
    const auto activations =
        options.activation_level == 32 && options.activation_bits.empty() ? quantizer_factory<float>("float") : lsq;
    install_quantizers<float>(model, lsq, activations, result.allocation);
  }
  const auto finetune_start = Clock::now();
  result.evaluation = finetune(model, data, options.finetune, options.seed, options.hooks);
  result.seconds_finetune = seconds_since(finetune_start);
  return result;
}

}  // namespace bitgrain
