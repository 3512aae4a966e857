#pragma once

/// Groups of options that several commands have.

#include <string>
#include <vector>

#include "bitgrain/data/dataset.hpp"
#include "bitgrain/data/input_table.hpp"
#include "bitgrain/run/model_spec.hpp"
#include "bitgrain/search/budget.hpp"
#include "option_set.hpp"

namespace cli {

/// Which images.
struct DataOptions {
  std::string data = "mnist-sample", dir, input = "normalised";
  std::int64_t train_images = 0, test_images = 0;
  int channels = 3;

  /// `with_input`: whether the command chooses how pixels become numbers (training does, evaluation reads it off the
  /// model).
  void declare(OptionSet& options, bool with_input);
  /// The images, cut down if so asked. Throws Error, saying how to get them, if they are not there.
  bitgrain::DatasetSplits load() const;
  /// The input table that `input` asks for; statistics are those of the training images.
  bitgrain::InputEncoding encoding(const bitgrain::ImageDataset& train) const;
};

/// Which architecture.
struct ModelOptions {
  std::string model = "resnet20", shortcut = "A";

  void declare(OptionSet& options);
  bitgrain::ModelSpec spec(const bitgrain::ImageDataset& images) const;
};

/// Weights that another program trained.
struct WeightOptions {
  std::string path, layout = "bitgrain";

  /// --layout; --weights is for commands that do not take the path as their argument.
  void declare(OptionSet& options, bool with_path);
};

/// Which quantizers and how many bits.
struct QuantOptions {
  std::string method = "float", bits;
  int weight_bits = 8, activation_bits = 8, first_last_bits = 0;
  bool per_channel = false;

  /// `methods` are the names --method takes; empty: the command has no --method.
  void declare(OptionSet& options, const std::vector<std::string>& methods);
};

/// How to train.
struct TrainingOptions {
  int epochs = 10, step_epochs = 10, warmup_epochs = 0, evaluate_every = 1, pad = 4;
  std::int64_t batch = 128;
  double learning_rate = 0.1, step_factor = 0.1, momentum = 0.9, weight_decay = 5e-4, label_smoothing = 0,
         clip_norm = 0, rise = 0.3, checkpoint_seconds = 60;
  std::int64_t checkpoint_steps = 0;
  bool profile = false, no_winograd = false, decay_all = false;
  std::string schedule = "one-cycle", optimizer = "sgd", augment = "none", grad_precision = "fp32";

  void declare(OptionSet& options);
  /// Only what the fine-tune of a search has: one cycle of SGD.
  void declare_finetune(OptionSet& options);
  /// --no-winograd, --grad-precision and --profile.
  void declare_arithmetic(OptionSet& options);
  /// How often the run is saved.
  void declare_checkpoints(OptionSet& options);
};

/// Upper limits; 0: not limited.
struct BudgetOptions {
  double average_bits = 0, payload_bytes = 0, model_bytes = 0, bitops = 0, activation_sum = 0, activation_max = 0,
         activation_peak = 0, latency = 0;

  void declare(OptionSet& options);
  bitgrain::Budget budget() const;
};

/// Where results go, and how the run goes on.
struct RunOptions {
  std::string out, config;
  bool force = false;
  std::uint64_t seed = 1;
  int threads = 0;

  void declare(OptionSet& options, bool with_seed = true);
};

/// --threads alone, for commands that only compute; 0: as many as there are cores.
void declare_threads(OptionSet& options, int& threads);

}  // namespace cli
