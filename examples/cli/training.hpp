#pragma once

/// Trainings as the commands run them: with progress, metrics, checkpoints, and an orderly end on Ctrl-C.

#include <optional>
#include <string>

#include "bitgrain/quant/allocation.hpp"
#include "network.hpp"

namespace cli {

struct TrainingOutcome {
  int signal = 0;  ///< that interrupted it; 0: it is finished
  int epochs_done = 0;
  std::int64_t steps_done = 0, saved_step = 0;  ///< saved_step: of the last good checkpoint; -1: there is none
  std::string save_error;                       ///< why the last checkpoint or the last metrics were not saved
  std::optional<Score> test;                    ///< at the end
  double best_accuracy = 0;                     ///< over all epochs
  double train_accuracy = 0, images_per_second = 0, seconds = 0;
};

/// Trains `network` as the options say. Metrics and checkpoints go to `run`; `identity` is what the checkpoint
/// belongs to. With `resume` it goes on from the checkpoint.
TrainingOutcome train_network(Network& network, const bitgrain::DatasetSplits& data, const TrainingOptions& options,
                              std::uint64_t seed, const bitgrain::RunFolder& run, const std::string& identity,
                              bool resume);

/// Options of a search beside those that a fine-tune shares with a training.
struct SearchChoices {
  std::string method = "limpq";
  std::vector<int> candidates = {2, 3, 4, 5, 6, 7, 8}, activation_candidates;
  int activation_bits = 4, first_last_bits = 0;
  int indicator_epochs = 1;
  double alpha = 2;
  bool keep_weights = false;
  std::string latencies;  ///< a file of kernel times; empty: measured where latency is limited
};

struct SearchOutcome {
  int signal = 0;  ///< that interrupted it; 0: none did
  bitgrain::Allocation allocation;
  std::optional<Score> test;
  std::string costs;              ///< a line for people
  std::optional<double> latency;  ///< seconds, if it was limited: the times are in the run's kernels.json
  double seconds_search = 0, seconds_finetune = 0;
};

/// Searches bits for `network`, which holds float weights, and fine-tunes it under them; the spec of `network` tells
/// afterwards what it has become.
SearchOutcome search_network(Network& network, const bitgrain::DatasetSplits& data, const SearchChoices& choices,
                             const bitgrain::Budget& budget, const TrainingOptions& finetune, std::uint64_t seed,
                             const bitgrain::RunFolder& run);

}  // namespace cli
