#pragma once

/// Bringing a float network along from elsewhere, and taking one out.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "bitgrain/run/pytorch_layout.hpp"
#include "bitgrain/run/weight_set.hpp"

namespace bitgrain {

namespace detail {
// `text` with every `from` replaced by `to`.
inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}
}  // namespace detail

/// The names under which the tensor that is called `ours` here is looked for in a file, best first:
///
///     1. `ours` itself
///     2. as torchvision and its descendants name the parts of these networks:
///        stem.conv, stem.bn                     conv1, bn1                    (ResNets)
///        stage2.0.first.conv, stage2.0.first.bn layer2.0.conv1, layer2.0.bn1  (second: conv2, bn2)
///        stage2.0.shortcut.conv, .bn            layer2.0.downsample.0, .1, or layer2.0.shortcut.0, .1
///        conv3.conv, conv3.bn                   conv3, bn3                    (VGG-7; fc1.linear, fc1.bn: fc1, bn7)
///        head                                   fc, linear, fc2, classifier
inline std::vector<std::string> names_elsewhere(const std::string& ours) {
  std::string name = "." + ours;
  const auto replace = [&name](const char* from, const std::string& to) { name = detail::replaced(name, from, to); };
  replace(".stem.conv.", ".conv1.");
  replace(".stem.bn.", ".bn1.");
  replace(".stage", ".layer");
  replace(".first.conv.", ".conv1.");
  replace(".first.bn.", ".bn1.");
  replace(".second.conv.", ".conv2.");
  replace(".second.bn.", ".bn2.");
  replace(".fc1.linear.", ".fc1.");
  replace(".fc1.bn.", ".bn7.");
  for (int i = 1; i <= 6; ++i) {
    const std::string n = std::to_string(i);
    replace((".conv" + n + ".conv.").c_str(), ".conv" + n + ".");
    replace((".conv" + n + ".bn.").c_str(), ".bn" + n + ".");
  }
  std::vector<std::string> names = {ours};
  const auto add = [&names, &name](const char* conv, const char* bn, const char* head) {
    std::string there = detail::replaced(name, ".shortcut.conv.", conv);
    there = detail::replaced(there, ".shortcut.bn.", bn);
    names.push_back(detail::replaced(there, ".head.", head).substr(1));
  };
  add(".downsample.0.", ".downsample.1.", ".fc.");
  add(".shortcut.0.", ".shortcut.1.", ".linear.");
  add(".downsample.0.", ".downsample.1.", ".fc2.");
  add(".downsample.0.", ".downsample.1.", ".classifier.");
  return names;
}

namespace detail {
// What wrappers put before every name: DataParallel, torch.compile, Lightning.
inline void drop_common_prefix(std::map<std::string, Tensor<float>>& tensors) {
  for (bool dropped = true; dropped;) {
    dropped = false;
    for (const std::string prefix : {"module.", "_orig_mod.", "model.", "net.", "network.", "state_dict."}) {
      const auto has = [&prefix](const auto& named) { return named.first.starts_with(prefix); };
      if (tensors.empty() || !std::all_of(tensors.begin(), tensors.end(), has)) continue;
      std::map<std::string, Tensor<float>> shorter;
      for (auto& [name, tensor] : tensors) shorter.emplace(name.substr(prefix.size()), tensor);
      tensors = std::move(shorter);
      dropped = true;
    }
  }
}
}  // namespace detail

/// Copies `set` into the float network `model`. With `layout` its tensors stand in PyTorch's order. Names are found
/// by `names_elsewhere`, after a prefix that all tensors share ("module.", "model.", ...) was dropped. Network and
/// set must have the same tensors (of a single .npy file: the network must have it): Error, before anything is
/// written, lists every tensor that is missing, left over or of another shape, with its shape.
inline void import_weights(WeightSet set, Module<float>& model, const PyTorchLayout* layout) {
  detail::drop_common_prefix(set.tensors);
  std::vector<std::pair<std::string, Tensor<float>>> targets;
  for (auto& p : model.parameters()) targets.emplace_back(p.name, p.var.mutable_value());
  for (auto& b : model.buffers()) targets.emplace_back(b.name, b.tensor);
  std::vector<std::pair<std::size_t, Tensor<float>>> found;
  std::string problems;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const auto& [name, target] = targets[i];
    const Shape expected = layout ? layout->shape_there(name, target.shape()) : target.shape();
    auto entry = set.tensors.end();
    for (const std::string& candidate : names_elsewhere(name))
      if (entry == set.tensors.end()) entry = set.tensors.find(candidate);
    if (entry == set.tensors.end()) {
      if (!set.one_tensor) problems += detail::concat("\n  missing: '", name, "' ", expected);
      continue;
    }
    if (entry->second.shape() != expected)
      problems += detail::concat("\n  of another shape: '", entry->first, "' ", entry->second.shape(),
                                 ", the network's '", name, "' has ", expected);
    else
      found.emplace_back(i, entry->second);
    set.tensors.erase(entry);
  }
  for (const auto& [name, tensor] : set.tensors)
    problems += detail::concat("\n  not in the network: '", name, "' ", tensor.shape());
  BITGRAIN_CHECK(problems.empty(), set.where, " does not fit the network:", problems);
  for (auto& [i, tensor] : found) {
    auto& [name, target] = targets[i];
    target.copy_from(layout ? layout->from_pytorch(name, tensor, target.shape()) : tensor);
  }
}

/// The tensors of `model` by name, in PyTorch's order if there is a `layout`.
inline std::vector<std::pair<std::string, Tensor<float>>> export_weights(const Module<float>& model,
                                                                         const PyTorchLayout* layout) {
  std::vector<std::pair<std::string, Tensor<float>>> all;
  const auto add = [&](const std::string& name, const Tensor<float>& tensor) {
    all.emplace_back(name, layout ? layout->to_pytorch(name, tensor) : tensor);
  };
  for (const auto& p : model.parameters()) add(p.name, p.var.value());
  for (const auto& b : model.buffers()) add(b.name, b.tensor);
  return all;
}

}  // namespace bitgrain
