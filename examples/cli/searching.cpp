// Searching bits for a network, with progress and metrics.

#include <memory>

#include "bitgrain/run/interrupt.hpp"
#include "bitgrain/run/kernel_table_json.hpp"
#include "bitgrain/run/metrics.hpp"
#include "bitgrain/run/progress.hpp"
#include "bitgrain/run/table.hpp"
#include "bitgrain/search/limpq.hpp"
#include "bitgrain/search/sensitivity.hpp"
#include "bitgrain/search/simple_methods.hpp"
#include "command.hpp"
#include "training.hpp"
#include "training_parts.hpp"

namespace cli {

using namespace bitgrain;

namespace {

std::unique_ptr<SearchMethod> make_method(const SearchChoices& choices, const TrainingOptions& finetune) {
  if (choices.method == "uniform") return std::make_unique<UniformSearch>();
  if (choices.method == "random") return std::make_unique<RandomSearch>();
  if (choices.method == "sensitivity") return std::make_unique<SensitivitySearch>();
  LimpqOptions limpq;
  limpq.epochs = choices.indicator_epochs;
  limpq.batch_size = finetune.batch;
  limpq.alpha = choices.alpha;
  limpq.keep_weights = choices.keep_weights;
  return std::make_unique<LimpqSearch>(limpq);
}

}  // namespace

SearchOutcome search_network(Network& network, const DatasetSplits& data, const SearchChoices& choices,
                             const Budget& budget, const TrainingOptions& finetune, std::uint64_t seed,
                             const RunFolder& run) {
  BITGRAIN_CHECK(data.train.size() >= finetune.batch, "--batch: ", finetune.batch, " images per step, but there are ",
                 data.train.size(), " training images");
  const InterruptGuard guard;
  InterruptHook interrupt(guard);
  Console console;
  ProgressHook progress(console, choices.method);
  MetricsHook metrics(run.path(), choices.method, diagnosed_images(data.test),
                      [&console](const std::string& line) { console.line(line); });
  SearchOptions options;
  options.weight_bits = choices.candidates;
  options.activation_bits = choices.activation_candidates;
  options.activation_level = choices.activation_bits;
  options.first_last_bits = choices.first_last_bits;
  options.seed = seed;
  options.finetune.epochs = finetune.epochs;
  options.finetune.learning_rate = finetune.learning_rate;
  options.finetune.weight_decay = finetune.weight_decay;
  options.finetune.label_smoothing = finetune.label_smoothing;
  options.finetune.batch_size = finetune.batch;
  options.finetune.augmentation = augmentation_of(finetune);
  if (!choices.latencies.empty()) {
    options.kernel_times = read_kernel_table(choices.latencies);
    options.kernel_times_from = "file '" + choices.latencies + "'";
    options.between_layers_ns =
        between_layers_from_json(read_json_file(choices.latencies), options.kernel_times_from);
    BITGRAIN_CHECK(!options.kernel_times.empty(), options.kernel_times_from, ", 'times': there are none");
  }
  options.hooks = {&interrupt, &progress, &metrics};
  options.log = [&](const std::string& line) {
    console.line(line);
    // `search` says what was chosen right before the fine-tune.
    if (line.starts_with(choices.method + " chose")) {
      progress.set_label("fine-tune");
      metrics.set_phase("fine-tune");
    }
  };
  const auto method = make_method(choices, finetune);
  const SearchResult found =
      search(*method, *network.model, {data.train, network.spec.encoding, &data.test}, budget, options);

  const bool float_activations = choices.activation_bits == 32 && choices.activation_candidates.empty();
  network.spec.quantization = {"lsq", float_activations ? "float" : "lsq", false, found.allocation};
  SearchOutcome outcome;
  outcome.signal = guard.signal();
  outcome.allocation = found.allocation;
  if (found.evaluation)
    outcome.test = Score{found.evaluation->accuracy(), found.evaluation->loss, found.evaluation->arithmetic};
  outcome.costs = fixed_text(found.costs.average_weight_bits, 3) + " bits per weight, " +
                  bytes_text(static_cast<double>(found.costs.payload_bytes)) + " of weights, " +
                  fixed_text(static_cast<double>(found.costs.bitops) * 1e-9, 3) + " G BitOps per image";
  outcome.latency = found.costs.latency;
  if (outcome.latency) {
    outcome.costs += ", " + seconds_text(*outcome.latency) + " per image alone";
    write_kernel_table(run / "kernels.json", found.kernel_times, found.between_layers_ns);
  }
  outcome.seconds_search = found.seconds_search;
  outcome.seconds_finetune = found.seconds_finetune;
  return outcome;
}

}  // namespace cli
