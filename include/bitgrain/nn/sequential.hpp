#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bitgrain/nn/module.hpp"

namespace bitgrain {

/// Runs its children one after the other. Owns them.
///
///     Sequential<float> net;
///     net.emplace<Linear<float>>("fc1", 784, 100);
///     net.emplace<ReLU<float>>("act");
template <class T>
class Sequential : public Module<T> {
 public:
  /// Appends a child and returns it. Throws Error when `layer` is null or the name is taken.
  Module<T>& add(const std::string& name, std::unique_ptr<Module<T>> layer) {
    BITGRAIN_CHECK(layer != nullptr, "Sequential: the layer '", name, "' is null");
    this->register_module(name, *layer);
    layers_.push_back(std::move(layer));
    return *layers_.back();
  }
  /// Appends a child of type Layer, constructed from `arguments`, and returns it.
  template <class Layer, class... Arguments>
  Layer& emplace(const std::string& name, Arguments&&... arguments) {
    auto layer = std::make_unique<Layer>(std::forward<Arguments>(arguments)...);
    Layer& reference = *layer;
    add(name, std::move(layer));
    return reference;
  }

  std::size_t size() const { return layers_.size(); }
  Module<T>& operator[](std::size_t i) {
    BITGRAIN_CHECK(i < layers_.size(), "Sequential: layer ", i, " of ", layers_.size(), " was asked for");
    return *layers_[i];
  }

  Var<T> forward(const Var<T>& x) override {
    Var<T> y = x;
    for (const auto& layer : layers_) y = (*layer)(y);
    return y;
  }
  std::string describe() const override { return detail::concat("Sequential(", layers_.size(), " layers)"); }

 private:
  std::vector<std::unique_ptr<Module<T>>> layers_;
};

}  // namespace bitgrain
