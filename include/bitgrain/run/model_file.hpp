#pragma once

/// A network in a safetensors file: parameters and buffers by full name, NetworkSpec as metadata.

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "bitgrain/nn/module.hpp"
#include "bitgrain/run/network_spec.hpp"
#include "bitgrain/run/safetensors.hpp"

namespace bitgrain {

/// Writes the parameters and buffers of `model` and what rebuilds it, whole or not at all.
inline void save_model_file(const std::string& path, const Module<float>& model, const NetworkSpec& spec) {
  SafetensorsWriter writer;
  for (const auto& [key, value] : to_metadata(spec)) writer.set_metadata(key, value);
  for (const auto& p : model.parameters()) writer.add(p.name, p.var.value());
  for (const auto& b : model.buffers()) writer.add(b.name, b.tensor);
  writer.save(path);
}

/// Which tensors `load_tensors` takes.
enum class LoadTensors {
  kAll,      ///< parameters, buffers, quantizers
  kWeights,  ///< all but the quantizers' own parameters: the start of a network that is quantized otherwise
};

namespace detail {
// QuantSiteModule names them so: "stem.conv.weight_quantizer.step", "stem.act.quantizer.step".
inline bool is_quantizer_parameter(const std::string& name) {
  return name.find(".weight_quantizer.") != std::string::npos || name.find(".quantizer.") != std::string::npos;
}
}  // namespace detail

/// Copies tensors from `file` into `model` by name; T may be double (the witness). File and model must agree: Error,
/// before anything is written, names the first tensor that only one of them has or whose shapes differ.
template <class T>
void load_tensors(const SafetensorsFile& file, Module<T>& model, LoadTensors which = LoadTensors::kAll) {
  std::vector<std::pair<std::string, Tensor<T>>> targets;
  for (auto& p : model.parameters()) targets.emplace_back(p.name, p.var.mutable_value());
  for (auto& b : model.buffers()) targets.emplace_back(b.name, b.tensor);
  const auto wanted = [which](const std::string& name) {
    return which == LoadTensors::kAll || !detail::is_quantizer_parameter(name);
  };
  std::erase_if(targets, [&](const auto& target) { return !wanted(target.first); });
  std::map<std::string, bool> known;
  for (const auto& [name, tensor] : targets) {
    known[name] = true;
    BITGRAIN_CHECK(file.has(name), file.where(), ": there is no tensor '", name, "', which the network has");
    const Tensor<float> stored = file.tensor<float>(name);
    BITGRAIN_CHECK(stored.shape() == tensor.shape(), file.where(), ": tensor '", name, "' has shape ", stored.shape(),
                   ", the network's has ", tensor.shape());
  }
  for (const auto& entry : file.entries())
    BITGRAIN_CHECK(known.contains(entry.name) || !wanted(entry.name), file.where(), ": tensor '", entry.name,
                   "' does not exist in the network");
  for (auto& [name, tensor] : targets) tensor.copy_from(file.tensor<float>(name).template cast<T>());
}

/// Reads the metadata of a network file. Throws Error if it is not one.
inline NetworkSpec network_spec_of(const SafetensorsFile& file) {
  return network_spec_from_metadata(file.metadata(), file.where());
}

}  // namespace bitgrain
