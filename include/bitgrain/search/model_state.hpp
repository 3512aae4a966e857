#pragma once

#include <string>
#include <unordered_map>

#include "bitgrain/nn/module.hpp"

namespace bitgrain {

/// A copy of a model's parameters and buffers by name, to return to: searches that train put the weights back.
class ModelState {
 public:
  explicit ModelState(const Module<float>& model) {
    for (const auto& p : model.parameters()) tensors_[p.name] = p.var.value().clone();
    for (const auto& b : model.buffers()) tensors_[b.name] = b.tensor.clone();
  }
  /// Writes back everything that has the same name and shape; what is new since then (steps of other quantizers) is
  /// left alone.
  void restore(Module<float>& model) const {
    for (auto& p : model.parameters()) restore_one(p.name, p.var.mutable_value());
    for (auto& b : model.buffers()) restore_one(b.name, b.tensor);
  }

 private:
  void restore_one(const std::string& name, Tensor<float>& tensor) const {
    const auto found = tensors_.find(name);
    if (found != tensors_.end() && found->second.shape() == tensor.shape()) tensor.copy_from(found->second);
  }
  std::unordered_map<std::string, Tensor<float>> tensors_;
};

}  // namespace bitgrain
