#pragma once

/// The training loop.
///
/// Methods do not change it: a quantizer's schedule and extra loss reach it through its site, a search's through a
/// TrainHook, and a method that needs several passes per batch (LIMPQ) replaces the step function.

#include <chrono>
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "bitgrain/ops/add.hpp"
#include "bitgrain/ops/cross_entropy.hpp"
#include "bitgrain/optim/clip_grad.hpp"
#include "bitgrain/optim/schedule.hpp"
#include "bitgrain/train/fault_finder.hpp"
#include "bitgrain/train/finite.hpp"
#include "bitgrain/train/train_state.hpp"

namespace bitgrain {

/// What a step found out about its batch.
struct StepResult {
  double loss = 0;
  std::int64_t correct = 0;
};

/// Computes the loss of a batch and leaves gradients in the parameters.
using StepFunction = std::function<StepResult(TrainState&, const Batch&)>;

struct TrainOptions {
  int epochs = 1;
  double label_smoothing = 0;
  double clip_norm = 0;    ///< largest global gradient norm; 0: not clipped
  double clip_value = 0;   ///< largest gradient element; 0: not clipped
  int evaluate_every = 1;  ///< epochs between evaluations of `validation`; 0: never. The last epoch always is.
  const ImageDataset* validation = nullptr;  ///< not owned; null: no evaluation
};

/// Rows whose largest logit is at the label (ties go to the lowest class).
template <class T>
std::int64_t count_correct(const Tensor<T>& logits, const std::vector<std::int32_t>& labels) {
  const std::int64_t classes = logits.shape()[-1];
  std::int64_t correct = 0;
  for (std::size_t r = 0; r < labels.size(); ++r) {
    const T* row = logits.data() + static_cast<std::int64_t>(r) * classes;
    correct += std::max_element(row, row + classes) - row == labels[r];
  }
  return correct;
}

/// A batch as the network reads it: real values that carry the input's codes.
inline Var<float> batch_input(const Batch& batch, const InputEncoding& encoding) {
  Var<float> x(batch.images);
  x.set_quant(std::make_shared<const QuantInfo>(encoding.quant_info()));
  return x;
}

/// Trains `model` with `optimizer` under `schedule` (a function of the step) on the batches of `loader`.
class Trainer {
 public:
  Trainer(Module<float>& model, Optimizer<float>& optimizer, Schedule schedule, BatchLoader& loader,
          const TrainOptions& options)
      : state_{model, optimizer, loader}, schedule_(std::move(schedule)), options_(options) {
    BITGRAIN_CHECK(options.epochs >= 1, "training needs at least 1 epoch, got ", options.epochs);
    state_.epochs = options.epochs;
    state_.steps_per_epoch = loader.steps();
    step_function_ = [this](TrainState& state, const Batch& batch) { return standard_step(state, batch); };
  }

  /// Hooks run in the order they were added; the caller owns them.
  void add_hook(TrainHook& hook) { hooks_.push_back(&hook); }
  void set_step_function(StepFunction step) { step_function_ = std::move(step); }
  TrainState& state() { return state_; }

  /// Runs from where the state stands until the last epoch, or until somebody sets `stop`. An epoch that is stopped
  /// in its middle is neither evaluated nor ended: a later `fit` of the same state goes on with its next step.
  ///
  /// Throws Error when the loss or a gradient stops being a number, before the optimizer takes it in; the step is
  /// then computed once more to find the layer in which that began.
  void fit() {
    sites_ = quant_sites(state_.model);
    for (TrainHook* hook : hooks_) hook->on_train_begin(state_);
    while (!state_.finished() && !state_.stop) run_epoch();
    for (TrainHook* hook : hooks_) hook->on_train_end(state_);
  }

  /// Forward, cross-entropy, extra losses, backward: what a step does unless a method replaces it. Extra losses
  /// drive the gradients but are not part of the reported loss.
  StepResult standard_step(TrainState& state, const Batch& batch) {
    const Var<float> logits = state.model(batch_input(batch, state.loader.encoding()));
    const Var<float> loss = cross_entropy(logits, batch.labels, static_cast<float>(options_.label_smoothing));
    Var<float> total = loss;
    const auto include = [&total](const Var<float>& extra) {
      if (extra.defined()) total = add(total, extra);
    };
    for (QuantSite<float>* site : sites_) include(site->extra_loss());
    for (TrainHook* hook : hooks_) include(hook->extra_loss(state));
    total.backward();
    return {static_cast<double>(loss.item()), count_correct(logits.value(), batch.labels)};
  }

 private:
  using Clock = std::chrono::steady_clock;

  void run_epoch() {
    state_.model.set_training(true);
    state_.loader.begin_epoch(state_.epoch);
    QuantProgress begin = state_.progress();
    begin.resumed = state_.step_in_epoch() > 0;
    begin.step -= state_.step_in_epoch();
    if (!begin.resumed) state_.set_sums({});
    state_.evaluation.reset();
    for (QuantSite<float>* site : sites_) site->begin_epoch(begin);
    for (TrainHook* hook : hooks_) hook->on_epoch_begin(state_);
    const double seconds_before = state_.sums.seconds;
    const auto start = Clock::now();
    while (state_.step_in_epoch() < state_.steps_per_epoch && !state_.stop) {
      EpochSums sums = run_step();
      sums.seconds = seconds_before + std::chrono::duration<double>(Clock::now() - start).count();
      state_.set_sums(sums);
      ++state_.step;
      for (TrainHook* hook : hooks_) hook->on_step_end(state_);
    }
    state_.optimizer.zero_grad();
    if (state_.stop) return;
    const bool last = state_.epoch + 1 == state_.epochs;
    const bool due = options_.evaluate_every > 0 && (state_.epoch + 1) % options_.evaluate_every == 0;
    if (options_.validation && (due || last)) {
      const ProfilePause pause;
      state_.evaluation = evaluate(state_.model, *options_.validation, state_.loader.encoding());
    }
    for (TrainHook* hook : hooks_) hook->on_epoch_end(state_);
    ++state_.epoch;
  }

  // One update; returns what the epoch adds up to with it, without the time.
  EpochSums run_step() {
    for (QuantSite<float>* site : sites_) site->begin_step(state_.progress());
    for (TrainHook* hook : hooks_) hook->on_step_begin(state_);
    apply_schedule(schedule_, state_.step, state_.optimizer);
    state_.optimizer.zero_grad();
    profile_mark("step", "schedule and hooks");
    state_.loader.fill(state_.step_in_epoch(), batch_);
    profile_mark("step", "batch");
    stream_positions_.clear();
    for (const auto& s : state_.model.random_streams()) stream_positions_.push_back(s.stream->position());
    const StepResult result = step_function_(state_, batch_);
    profile_mark("step", "loss and accuracy");
    // Reading the gradients once more costs less than 0.5 % of a step.
    const std::string bad_gradient = first_bad_gradient(state_.model.parameters());
    if (!std::isfinite(result.loss) || !bad_gradient.empty()) report_bad_step(result.loss, bad_gradient);
    profile_mark("step", "check of gradients");
    for (TrainHook* hook : hooks_) hook->on_gradients(state_);
    clip();
    state_.optimizer.step();
    profile_mark("step", "optimizer");
    state_.last_loss = result.loss;
    return {state_.sums.loss + result.loss * static_cast<double>(batch_.size()), state_.sums.correct + result.correct,
            state_.sums.images + batch_.size(), 0};
  }

  // The same step once more (same batch, same random numbers), with every op watched.
  [[noreturn]] void report_bad_step(double loss, const std::string& bad_gradient) {
    const std::string what = std::isfinite(loss)
                                 ? "the gradient of '" + bad_gradient + "' is no longer finite"
                                 : std::string("the loss became ") + (std::isnan(loss) ? "NaN" : "infinite");
    FaultFinder finder(state_.model);
    state_.optimizer.zero_grad();
    const auto streams = state_.model.random_streams();
    for (std::size_t i = 0; i < streams.size(); ++i) streams[i].stream->set_position(stream_positions_[i]);
    step_function_(state_, batch_);
    fail(what, " at step ", state_.step, " (epoch ", state_.epoch + 1, ", learning rate ",
         state_.optimizer.learning_rate(), "). ", finder.finding(), ". Lower the learning rate, or clip gradients");
  }

  void clip() {
    if (options_.clip_value > 0) clip_grad_value(state_.model.parameters(), options_.clip_value);
    if (options_.clip_norm > 0) clip_grad_norm(state_.model.parameters(), options_.clip_norm);
  }

  TrainState state_;
  Schedule schedule_;
  TrainOptions options_;
  StepFunction step_function_;
  std::vector<TrainHook*> hooks_;
  std::vector<QuantSite<float>*> sites_;
  Batch batch_;
  std::vector<std::uint64_t> stream_positions_;  // before the step, for report_bad_step
};

}  // namespace bitgrain
