// Training a network with progress, metrics, checkpoints and an orderly end.

#include "training.hpp"

#include <chrono>
#include <memory>

#include "bitgrain/kernels/winograd_setting.hpp"
#include "bitgrain/ops/grad_precision.hpp"
#include "bitgrain/optim/adamw.hpp"
#include "bitgrain/optim/one_cycle.hpp"
#include "bitgrain/optim/sgd.hpp"
#include "bitgrain/run/checkpoint_hook.hpp"
#include "bitgrain/run/interrupt.hpp"
#include "bitgrain/run/metrics.hpp"
#include "bitgrain/run/profile_hook.hpp"
#include "bitgrain/run/progress.hpp"
#include "bitgrain/run/table.hpp"
#include "bitgrain/train/trainer.hpp"
#include "command.hpp"
#include "training_parts.hpp"

namespace cli {

using namespace bitgrain;

namespace {

std::unique_ptr<Optimizer<float>> make_optimizer(Module<float>& model, const TrainingOptions& options) {
  auto parameters = model.parameters();
  for (auto& p : parameters)
    p.decay = p.decay || (options.decay_all && (p.name.ends_with("weight") || p.name.ends_with("bias")));
  if (options.optimizer == "sgd") {
    SgdOptions sgd;
    sgd.learning_rate = options.learning_rate;
    sgd.momentum = options.momentum;
    sgd.nesterov = options.momentum > 0;
    sgd.weight_decay = options.weight_decay;
    return std::make_unique<Sgd<float>>(parameters, sgd);
  }
  AdamOptions adam;
  adam.learning_rate = options.learning_rate;
  adam.weight_decay = options.weight_decay;
  if (options.optimizer == "adam") return std::make_unique<Adam<float>>(parameters, adam);
  return std::make_unique<AdamW<float>>(parameters, adam);
}

Schedule make_schedule(const TrainingOptions& options, std::int64_t steps_per_epoch) {
  const std::int64_t steps = options.epochs * steps_per_epoch, warmup = options.warmup_epochs * steps_per_epoch;
  if (options.schedule == "one-cycle") {
    if (warmup > 0) throw UsageError("--warmup-epochs: --schedule one-cycle has a rise of its own");
    OneCycle cycle{.max_rate = options.learning_rate, .steps = steps, .rise = options.rise};
    cycle.cycle_momentum = options.optimizer == "sgd" && options.momentum > 0;
    return cycle;
  }
  if (warmup >= steps) throw UsageError("--warmup-epochs: must be fewer than --epochs");
  Schedule schedule = ConstantLr{options.learning_rate};
  if (options.schedule == "cosine") schedule = CosineLr{options.learning_rate, steps - warmup, 0};
  if (options.schedule == "step")
    schedule = StepLr{options.learning_rate, options.step_epochs * steps_per_epoch, options.step_factor};
  if (warmup > 0) schedule = Warmup{schedule, warmup, 0};
  return schedule;
}

}  // namespace

Augmentation augmentation_of(const TrainingOptions& options) {
  return {options.augment == "none" ? 0 : options.pad, options.augment == "pad-crop-flip"};
}

Tensor<std::uint8_t> diagnosed_images(const ImageDataset& images) {
  constexpr std::int64_t kImages = 16;
  return images.images.slice(0, std::min(kImages, images.size()));
}

TrainingOutcome train_network(Network& network, const DatasetSplits& data, const TrainingOptions& options,
                              std::uint64_t seed, const RunFolder& run, const std::string& identity, bool resume) {
  const auto start = std::chrono::steady_clock::now();
  kernels::set_winograd(!options.no_winograd);
  set_grad_precision(options.grad_precision == "bf16" ? GradPrecision::bf16 : GradPrecision::fp32);
  BITGRAIN_CHECK(data.train.size() >= options.batch, "--batch: ", options.batch, " images per step, but there are ",
                 data.train.size(), " training images");
  BatchLoader loader(data.train, network.spec.encoding,
                     LoaderOptions::training(options.batch, seed, augmentation_of(options)));
  const auto optimizer = make_optimizer(*network.model, options);
  TrainOptions train;
  train.epochs = options.epochs;
  train.label_smoothing = options.label_smoothing;
  train.clip_norm = options.clip_norm;
  train.evaluate_every = options.evaluate_every;
  train.validation = &data.test;
  Trainer trainer(*network.model, *optimizer, make_schedule(options, loader.steps()), loader, train);

  const InterruptGuard guard;
  InterruptHook interrupt(guard);
  Console console;
  const SayLine say_line = [&console](const std::string& line) { console.line(line); };
  ProgressHook progress(console);
  MetricsHook metrics(run.path(), "train", diagnosed_images(data.test), say_line);
  CheckpointHook checkpoint(run / "checkpoint.safetensors", identity,
                            {options.checkpoint_seconds, options.checkpoint_steps}, say_line);
  checkpoint.describe_network(to_metadata(network.spec));
  ProfileHook profile;  // first, so that what other hooks do between steps is left out
  if (options.profile) trainer.add_hook(profile);
  for (TrainHook* hook : {static_cast<TrainHook*>(&interrupt), static_cast<TrainHook*>(&progress),
                          static_cast<TrainHook*>(&metrics), static_cast<TrainHook*>(&checkpoint)})
    trainer.add_hook(*hook);
  TrainState& state = trainer.state();
  if (resume) {
    checkpoint.resume(state);
    metrics.resume_after(state.epoch);
    say("going on behind step " + count_text(state.step) + " of " + count_text(state.total_steps()));
  }
  try {
    trainer.fit();
  } catch (const Error& error) {
    console.clear();
    if (checkpoint.saved_step() < 0) fail(error.what(), ". No checkpoint was saved before");
    fail(error.what(), ". The last good checkpoint, of step ", checkpoint.saved_step(), ", stays in ",
         checkpoint.path(), "; to go on from its weights in another way, give it to --init");
  }

  if (options.profile) say(profile.text());

  TrainingOutcome outcome;
  outcome.signal = state.finished() ? 0 : guard.signal();
  outcome.epochs_done = state.epoch;
  outcome.steps_done = state.step;
  outcome.saved_step = checkpoint.saved_step();
  outcome.save_error = checkpoint.error().empty() ? metrics.error() : checkpoint.error();
  if (state.evaluation)
    outcome.test = Score{state.evaluation->accuracy(), state.evaluation->loss, state.evaluation->arithmetic};
  outcome.best_accuracy = checkpoint.best_accuracy();
  outcome.train_accuracy = state.accuracy;
  outcome.images_per_second = state.images_per_second;
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return outcome;
}

}  // namespace cli
