#pragma once

/// Where a training run stands, and the hooks that see it.

#include <cstdint>
#include <optional>
#include <string>

#include "bitgrain/data/loader.hpp"
#include "bitgrain/nn/module.hpp"
#include "bitgrain/optim/optimizer.hpp"
#include "bitgrain/train/evaluate.hpp"

namespace bitgrain {

/// What the steps of an epoch add up to.
struct EpochSums {
  double loss = 0;  ///< over images
  std::int64_t correct = 0, images = 0;
  double seconds = 0;  ///< of wall time, without the evaluation
};

/// What hooks and step functions may read, and `stop`, which they may set. With model, optimizer and random streams,
/// `epoch`, `step`, `sums` and `evaluation` say where a run stands: a checkpoint holds them.
struct TrainState {
  Module<float>& model;
  Optimizer<float>& optimizer;
  BatchLoader& loader;
  int epoch = 0, epochs = 1;                   ///< counted from 0
  std::int64_t step = 0, steps_per_epoch = 1;  ///< step: of the whole run, counted from 0
  EpochSums sums{};                            ///< of the epoch so far; changed by set_sums
  double loss = 0, accuracy = 0;               ///< training: running means over the epoch so far
  double last_loss = 0;                        ///< of the last step
  double images_per_second = 0;                ///< training, over the epoch so far
  std::optional<Evaluation> evaluation{};      ///< of the epoch that just ended, if one was asked for
  bool stop = false;                           ///< set it to end the run after this step, or this epoch

  std::int64_t total_steps() const { return static_cast<std::int64_t>(epochs) * steps_per_epoch; }
  std::int64_t step_in_epoch() const { return step - static_cast<std::int64_t>(epoch) * steps_per_epoch; }
  QuantProgress progress() const { return {epoch, epochs, step, total_steps(), false}; }
  bool finished() const { return epoch == epochs; }
  /// Also sets the means that follow from them.
  void set_sums(const EpochSums& s) {
    const auto images = static_cast<double>(s.images > 0 ? s.images : 1);
    sums = s;
    loss = s.loss / images;
    accuracy = static_cast<double>(s.correct) / images;
    images_per_second = s.seconds > 0 ? static_cast<double>(s.images) / s.seconds : 0;
  }
};

/// Sees a run at every turn; does nothing by default. Quantizers' own hooks (begin_epoch, begin_step, extra_loss) are
/// called by the trainer itself. A run that is resumed in the middle of an epoch begins that epoch again, for hooks
/// and quantizers, and goes on with its next step; `on_epoch_end` comes only when an epoch is complete.
class TrainHook {
 public:
  virtual ~TrainHook() = default;
  virtual void on_train_begin(TrainState&) {}
  virtual void on_epoch_begin(TrainState&) {}
  virtual void on_step_begin(TrainState&) {}
  /// A term added to the loss of this step; undefined for none.
  virtual Var<float> extra_loss(TrainState&) { return {}; }
  /// After backward, before the optimizer: gradients may be changed.
  virtual void on_gradients(TrainState&) {}
  virtual void on_step_end(TrainState&) {}
  virtual void on_epoch_end(TrainState&) {}
  virtual void on_train_end(TrainState&) {}
};

}  // namespace bitgrain
