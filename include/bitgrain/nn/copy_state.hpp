#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "bitgrain/nn/module.hpp"

namespace bitgrain {

/// Which names two models must share for `copy_state`.
enum class StateMatch {
  kExact,   ///< the same parameters and buffers in both
  kSource,  ///< every one of `from` exists in `to`, which may have more (the steps of a quantized model)
};

namespace detail {
// Every parameter and buffer as (name, tensor), parameters first.
template <class T>
std::vector<std::pair<std::string, Tensor<T>>> named_state(const Module<T>& model) {
  std::vector<std::pair<std::string, Tensor<T>>> all;
  for (const auto& p : model.parameters()) all.emplace_back(p.name, p.var.value());
  for (const auto& b : model.buffers()) all.emplace_back(b.name, b.tensor);
  return all;
}
}  // namespace detail

/// Copies parameters and buffers by name, converting between scalar types (a float model into its double twin, a
/// float network into a quantized one). Throws Error, before anything is written, at the first name that only one of
/// the two has or whose shapes differ. Returns the names in `to` that `from` did not have.
template <class From, class To>
std::vector<std::string> copy_state(const Module<From>& from, Module<To>& to, StateMatch match = StateMatch::kExact) {
  const auto source = detail::named_state(from);
  auto target = detail::named_state(static_cast<const Module<To>&>(to));
  std::map<std::string, Tensor<To>*> by_name;
  for (auto& [name, tensor] : target) by_name.emplace(name, &tensor);
  for (const auto& [name, tensor] : source) {
    const auto found = by_name.find(name);
    BITGRAIN_CHECK(found != by_name.end(), "copy_state: the target has no '", name, "'");
    BITGRAIN_CHECK(found->second->shape() == tensor.shape(), "copy_state: '", name, "' has shape ", tensor.shape(),
                   " in the source and ", found->second->shape(), " in the target");
  }
  std::map<std::string, bool> in_source;
  for (const auto& [name, tensor] : source) in_source.emplace(name, true);
  std::vector<std::string> left_alone;
  for (const auto& [name, tensor] : target)
    if (!in_source.contains(name)) left_alone.push_back(name);
  BITGRAIN_CHECK(match == StateMatch::kSource || left_alone.empty(), "copy_state: the source has no '",
                 left_alone.front(), "'");
  for (const auto& [name, tensor] : source) {
    To* into = by_name.at(name)->mutable_data();
    std::transform(tensor.data(), tensor.data() + tensor.numel(), into, [](From v) { return static_cast<To>(v); });
  }
  return left_alone;
}

}  // namespace bitgrain
