#pragma once

#include <memory>

#include "bitgrain/models/lenet5.hpp"
#include "bitgrain/models/resnet_cifar.hpp"
#include "bitgrain/models/vgg7.hpp"
#include "bitgrain/quant/install.hpp"
#include "bitgrain/quant/quant_layers.hpp"
#include "bitgrain/run/network_spec.hpp"

namespace bitgrain {

/// The network that `spec` describes, over AnyLayers; T is float, or double for the second witness. Parameters are
/// zero: initialise or load them. Throws Error if the architecture does not take images of that size.
///
/// This instantiates every model of the library: include it in one translation unit of a program.
template <class T = float>
std::unique_ptr<Module<T>> make_model(const ModelSpec& spec, const typename AnyLayers<T>::Options& options = {}) {
  using Layers = AnyLayers<T>;
  spec.validate();
  if (spec.architecture == "lenet5")
    return std::make_unique<LeNet5<Layers>>(LeNet5Config{spec.image, spec.classes}, options);
  if (spec.architecture == "vgg7")
    return std::make_unique<Vgg7<Layers>>(Vgg7Config{.image = spec.image, .classes = spec.classes}, options);
  ResNetCifarConfig config;
  config.depth = spec.resnet_depth();
  config.image = spec.image;
  config.classes = spec.classes;
  config.shortcut = spec.shortcut == "B" ? ResNetShortcut::kB : ResNetShortcut::kA;
  return std::make_unique<ResNetCifar<Layers>>(config, options);
}

/// The same with the quantizers and the bits of `spec.quantization` in place, their steps not yet initialised.
template <class T = float>
std::unique_ptr<Module<T>> make_network(const NetworkSpec& spec) {
  typename AnyLayers<T>::Options options;
  options.per_channel = spec.quantization.per_channel;
  auto model = make_model<T>(spec.model, options);
  install_quantizers<T>(*model, quantizer_factory<T>(spec.quantization.weights),
                        quantizer_factory<T>(spec.quantization.activations), spec.quantization.allocation);
  return model;
}

}  // namespace bitgrain
