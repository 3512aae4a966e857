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

/// What hooks and step functions may read, and `stop`, which they may set.
struct TrainState {
  Module<float>& model;
  Optimizer<float>& optimizer;
  BatchLoader& loader;
  int epoch = 0, epochs = 1;                   ///< counted from 0
  std::int64_t step = 0, steps_per_epoch = 1;  ///< step: of the whole run, counted from 0
  double loss = 0, accuracy = 0;               ///< training: running means over the epoch so far
  double last_loss = 0;                        ///< of the last step
  double images_per_second = 0;                ///< training, over the epoch so far
  std::optional<Evaluation> evaluation{};      ///< of the epoch that just ended, if one was asked for
  bool stop = false;                           ///< set it to end the run after this step

  std::int64_t total_steps() const { return static_cast<std::int64_t>(epochs) * steps_per_epoch; }
  std::int64_t step_in_epoch() const { return step - static_cast<std::int64_t>(epoch) * steps_per_epoch; }
  QuantProgress progress() const { return {epoch, epochs, step, total_steps()}; }
};

/// Sees a run at every turn; does nothing by default. Quantizers' own hooks (begin_epoch, begin_step, extra_loss) are
/// called by the trainer itself.
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
