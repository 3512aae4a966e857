#pragma once

/// Checkpoints: where a training stands after any step, in a safetensors file. Batches, augmentation and schedules
/// are functions of (seed, epoch, step), so parameters, buffers, the optimizer's state, the positions of the random
/// streams and the running sums of the epoch are all there is: a run that was killed and resumed ends with the same
/// weights, bit for bit.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bitgrain/kernels/kernel_set.hpp"
#include "bitgrain/run/network_spec.hpp"
#include "bitgrain/run/run_identity.hpp"
#include "bitgrain/run/safetensors.hpp"
#include "bitgrain/train/finite.hpp"
#include "bitgrain/train/train_state.hpp"

namespace bitgrain {

/// What a checkpoint knows beside the state itself.
struct CheckpointInfo {
  std::string run;                               ///< identifies the run, see run_identity.hpp
  double best_accuracy = 0;                      ///< of all evaluations so far
  std::map<std::string, std::string> network{};  ///< to_metadata(NetworkSpec), if the network is one of the library
  std::string kernels{};  ///< instruction set that wrote it: weights repeat to the last bit on the same one only
};

namespace detail {
inline constexpr const char* kCheckpointFormat = "bitgrain checkpoint 2";

// Calls visit(name, tensor) for everything a checkpoint holds.
template <class Visit>
void for_each_checkpoint_tensor(TrainState& state, Visit&& visit) {
  for (auto& p : state.model.parameters()) visit("model." + p.name, p.var.mutable_value());
  for (auto& b : state.model.buffers()) visit("model." + b.name, b.tensor);
  for (auto& s : state.optimizer.state()) visit("optimizer." + s.name, s.tensor);
}

inline Json position_to_json(const TrainState& state, double best_accuracy) {
  Json streams = Json::object();
  for (const auto& s : state.model.random_streams()) streams[s.name] = s.stream->position();
  const EpochSums& sums = state.sums;
  Json position = {
      {"epoch", state.epoch},
      {"step", state.step},
      {"steps_per_epoch", state.steps_per_epoch},
      {"sums", {{"loss", sums.loss}, {"correct", sums.correct}, {"images", sums.images}, {"seconds", sums.seconds}}},
      {"best_accuracy", best_accuracy},
      {"random_streams", streams}};
  if (const auto& e = state.evaluation)
    position["evaluation"] = {
        {"correct", e->correct}, {"count", e->count}, {"loss", e->loss}, {"arithmetic", e->arithmetic}};
  return position;
}

// The part of a state that is no tensor.
struct CheckpointPosition {
  int epoch = 0;
  std::int64_t step = 0;
  EpochSums sums;
  std::optional<Evaluation> evaluation;
  double best_accuracy = 0;
  std::vector<std::uint64_t> streams;  // as Module::random_streams lists them
};

inline CheckpointPosition position_from_json(const Json& json, const TrainState& state, const std::string& where) {
  CheckpointPosition p;
  p.epoch = json_field<int>(json, "epoch", where);
  p.step = json_field<std::int64_t>(json, "step", where);
  BITGRAIN_CHECK(p.epoch >= 0 && p.epoch <= state.epochs, where, ": ", p.epoch, " of ", state.epochs,
                 " epochs cannot be done");
  const auto steps = json_field<std::int64_t>(json, "steps_per_epoch", where);
  BITGRAIN_CHECK(steps == state.steps_per_epoch, where, ": the epochs of that run had ", steps,
                 " steps, those of this one have ", state.steps_per_epoch);
  const std::int64_t first = p.epoch * steps, last = p.epoch < state.epochs ? first + steps : first;
  BITGRAIN_CHECK(p.step >= first && p.step <= last, where, ": step ", p.step, " is not in epoch ", p.epoch + 1);
  BITGRAIN_CHECK(json.contains("sums"), where, ": the key 'sums' is missing");
  const Json& sums = json["sums"];
  p.sums = {json_field<double>(sums, "loss", where), json_field<std::int64_t>(sums, "correct", where),
            json_field<std::int64_t>(sums, "images", where), json_field<double>(sums, "seconds", where)};
  p.best_accuracy = json_field<double>(json, "best_accuracy", where);
  if (json.contains("evaluation")) {
    const Json& e = json["evaluation"];
    p.evaluation =
        Evaluation{json_field<std::int64_t>(e, "correct", where), json_field<std::int64_t>(e, "count", where),
                   json_field<double>(e, "loss", where), json_field<std::string>(e, "arithmetic", where)};
  }
  BITGRAIN_CHECK(json.contains("random_streams"), where, ": the key 'random_streams' is missing");
  for (const auto& s : state.model.random_streams())
    p.streams.push_back(json_field<std::uint64_t>(json["random_streams"], s.name.c_str(), where));
  return p;
}
}  // namespace detail

/// The name of the first tensor of a state that is not all finite; empty if there is none.
inline std::string first_bad_tensor(TrainState& state) {
  std::string bad;
  detail::for_each_checkpoint_tensor(state, [&](const std::string& name, const Tensor<float>& t) {
    if (bad.empty() && !all_finite(t)) bad = name;
  });
  return bad;
}

/// Writes a checkpoint: the old file stays until the new one is on the disk. Throws Error if it cannot be written.
inline void save_checkpoint(const std::string& path, TrainState& state, const CheckpointInfo& info) {
  SafetensorsWriter writer;
  for (const auto& [key, value] : info.network) writer.set_metadata(key, value);
  detail::for_each_checkpoint_tensor(state, [&](const std::string& name, Tensor<float>& t) { writer.add(name, t); });
  writer.set_metadata("format", detail::kCheckpointFormat);
  writer.set_metadata("position", detail::position_to_json(state, info.best_accuracy).dump());
  writer.set_metadata("run", info.run);
  writer.set_metadata("kernels", kernels::kernels_in_use());
  writer.save(path);
}

/// Puts a training (Trainer::state(), before `fit`) where the checkpoint was taken. Throws Error, before anything is
/// changed, if the file is damaged, of another run than `run` (naming the difference), or does not fit model and
/// optimizer.
inline CheckpointInfo load_checkpoint(const std::string& path, TrainState& state, const std::string& run) {
  const SafetensorsFile file = SafetensorsFile::read(path);
  const auto metadata = [&](const char* key) {
    const auto found = file.metadata().find(key);
    BITGRAIN_CHECK(found != file.metadata().end(), file.where(), ": this is not a checkpoint: it has no '", key, "'");
    return found->second;
  };
  BITGRAIN_CHECK(metadata("format") == detail::kCheckpointFormat, file.where(), ": the format '", metadata("format"),
                 "' is not known; this program reads '", detail::kCheckpointFormat, "'");
  CheckpointInfo info;
  info.run = metadata("run");
  info.kernels = metadata("kernels");
  BITGRAIN_CHECK(info.run == run, file.where(),
                 ": this checkpoint belongs to another run: ", run_difference(info.run, run));
  const std::string where = file.where() + ", metadata 'position'";
  const auto position = detail::position_from_json(parse_json(metadata("position"), where), state, where);
  std::size_t tensors = 0;
  detail::for_each_checkpoint_tensor(state, [&](const std::string& name, Tensor<float>& t) {
    const Shape stored = file.tensor<float>(name).shape();
    BITGRAIN_CHECK(stored == t.shape(), file.where(), ": tensor '", name, "' has shape ", stored, ", the run's has ",
                   t.shape());
    ++tensors;
  });
  BITGRAIN_CHECK(tensors == file.entries().size(), file.where(), ": ", file.entries().size(),
                 " tensors, the run has ", tensors);

  detail::for_each_checkpoint_tensor(
      state, [&](const std::string& name, Tensor<float>& t) { t.copy_from(file.tensor<float>(name)); });
  const auto streams = state.model.random_streams();
  for (std::size_t i = 0; i < streams.size(); ++i) streams[i].stream->set_position(position.streams[i]);
  state.epoch = position.epoch;
  state.step = position.step;
  state.set_sums(position.sums);
  state.evaluation = position.evaluation;
  info.best_accuracy = position.best_accuracy;
  return info;
}

/// The network inside a checkpoint, as save_model_file would have written it; any other file as it is. (So an
/// unfinished run can be evaluated, exported, and started from.)
inline SafetensorsFile read_network_file(const std::string& path) {
  SafetensorsFile file = SafetensorsFile::read(path);
  const auto format = file.metadata().find("format");
  if (format == file.metadata().end() || format->second != detail::kCheckpointFormat) return file;
  SafetensorsWriter network;
  for (const auto& [key, value] : file.metadata()) network.set_metadata(key, value);
  network.set_metadata("format", detail::kNetworkFormat);
  constexpr std::string_view kPrefix = "model.";
  for (const SafetensorsEntry& e : file.entries())
    if (e.name.starts_with(kPrefix)) network.add(e.name.substr(kPrefix.size()), e.dtype, e.shape, file.bytes(e));
  return SafetensorsFile(network.bytes(), file.where());
}

}  // namespace bitgrain
