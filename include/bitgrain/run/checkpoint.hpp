#pragma once

/// Checkpoints: where a training stands after an epoch, in a safetensors file. Batches, augmentation and schedules
/// are functions of (seed, epoch, step), so parameters, buffers, the optimizer's state and the positions of the
/// random streams are all there is: a run that was killed and resumed ends with the same weights, bit for bit.

#include <algorithm>
#include <string>
#include <utility>

#include "bitgrain/run/safetensors.hpp"
#include "bitgrain/train/train_state.hpp"

namespace bitgrain {

namespace detail {
// Calls visit(name, tensor) for everything a checkpoint holds.
template <class Visit>
void for_each_checkpoint_tensor(TrainState& state, Visit&& visit) {
  for (auto& p : state.model.parameters()) visit("model." + p.name, p.var.mutable_value());
  for (auto& b : state.model.buffers()) visit("model." + b.name, b.tensor);
  for (auto& s : state.optimizer.state()) visit("optimizer." + s.name, s.tensor);
}
}  // namespace detail

/// Writes a checkpoint of a training whose first `epochs_done` epochs are complete. `run` identifies the run: a
/// checkpoint is only loaded into the same one. `best_accuracy` is the best evaluation so far, for the report.
inline void save_checkpoint(const std::string& path, TrainState& state, int epochs_done, const std::string& run,
                            double best_accuracy = 0) {
  SafetensorsWriter writer;
  detail::for_each_checkpoint_tensor(state, [&](const std::string& name, Tensor<float>& t) { writer.add(name, t); });
  Json streams = Json::object();
  for (const auto& s : state.model.random_streams()) streams[s.name] = s.stream->position();
  const Json position = {{"epochs_done", epochs_done},
                         {"steps_per_epoch", state.steps_per_epoch},
                         {"best_accuracy", best_accuracy},
                         {"random_streams", streams}};
  writer.set_metadata("format", "bitgrain checkpoint 1");
  writer.set_metadata("position", position.dump());
  writer.set_metadata("run", run);
  writer.save(path);
}

/// Puts a training (Trainer::state(), before `fit`) where the checkpoint was taken; returns the best accuracy until
/// then. Throws Error, before anything is changed, if the file is damaged, of another run, or does not fit model and
/// optimizer.
inline double load_checkpoint(const std::string& path, TrainState& state, const std::string& run) {
  const SafetensorsFile file = SafetensorsFile::read(path);
  const auto metadata = [&](const char* key) {
    const auto found = file.metadata().find(key);
    BITGRAIN_CHECK(found != file.metadata().end(), file.where(), ": this is not a checkpoint: it has no '", key, "'");
    return found->second;
  };
  BITGRAIN_CHECK(metadata("format") == "bitgrain checkpoint 1", file.where(), ": the format '", metadata("format"),
                 "' is not known");
  BITGRAIN_CHECK(metadata("run") == run, file.where(), ": this checkpoint belongs to another run: ", metadata("run"));
  const std::string where = file.where() + ", metadata 'position'";
  const Json position = parse_json(metadata("position"), where);
  const int epochs_done = json_field<int>(position, "epochs_done", where);
  BITGRAIN_CHECK(epochs_done >= 0 && epochs_done <= state.epochs, where, ": ", epochs_done, " of ", state.epochs,
                 " epochs cannot be done");
  BITGRAIN_CHECK(json_field<std::int64_t>(position, "steps_per_epoch", where) == state.steps_per_epoch, where,
                 ": the epochs of this run have ", state.steps_per_epoch, " steps");
  const double best_accuracy = json_field<double>(position, "best_accuracy", where);
  BITGRAIN_CHECK(position.contains("random_streams"), where, ": the key 'random_streams' is missing");
  std::size_t tensors = 0;
  detail::for_each_checkpoint_tensor(state, [&](const std::string& name, Tensor<float>& t) {
    const Shape stored = file.tensor<float>(name).shape();
    BITGRAIN_CHECK(stored == t.shape(), file.where(), ": tensor '", name, "' has shape ", stored, ", the run's has ",
                   t.shape());
    ++tensors;
  });
  BITGRAIN_CHECK(tensors == file.entries().size(), file.where(), ": ", file.entries().size(),
                 " tensors, the run has ", tensors);
  const auto streams = state.model.random_streams();
  for (const auto& s : streams) json_field<std::uint64_t>(position["random_streams"], s.name.c_str(), where);

  detail::for_each_checkpoint_tensor(
      state, [&](const std::string& name, Tensor<float>& t) { t.copy_from(file.tensor<float>(name)); });
  for (const auto& s : streams)
    s.stream->set_position(json_field<std::uint64_t>(position["random_streams"], s.name.c_str(), where));
  state.epoch = epochs_done;
  state.step = epochs_done * state.steps_per_epoch;
  return best_accuracy;
}

/// Saves a checkpoint behind every `every`-th completed epoch. An epoch that was interrupted is done again on resume.
class CheckpointHook final : public TrainHook {
 public:
  CheckpointHook(std::string path, std::string run, int every = 1)
      : path_(std::move(path)), run_(std::move(run)), every_(every) {}

  /// Goes on with the file at its path; see load_checkpoint.
  void resume(TrainState& state) {
    best_accuracy_ = load_checkpoint(path_, state, run_);
    saved_ = state.epoch;
  }
  void on_epoch_end(TrainState& state) override {
    if (state.evaluation) best_accuracy_ = std::max(best_accuracy_, state.evaluation->accuracy());
    const int done = state.epoch + 1;
    if (state.step_in_epoch() == state.steps_per_epoch && (done % every_ == 0 || state.stop)) {
      save_checkpoint(path_, state, done, run_, best_accuracy_);
      saved_ = done;
    }
  }
  /// Epochs that the file on disk holds; 0: nothing was saved.
  int saved_epochs() const { return saved_; }
  /// Of all evaluations of the run; 0: there was none.
  double best_accuracy() const { return best_accuracy_; }

 private:
  std::string path_, run_;
  int every_, saved_ = 0;
  double best_accuracy_ = 0;
};

}  // namespace bitgrain
