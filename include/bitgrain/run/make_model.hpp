#pragma once

#include <memory>
#include <string>

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

/// A factory of the named method that leaves sites of 32 bits in float.
template <class T = float>
QuantizerFactory<T> quantizer_factory_or_float(const std::string& method) {
  return [quantized = quantizer_factory<T>(method), in_float = quantizer_factory<T>("float")](
             const QuantizerSpec& spec) { return spec.bits == 32 ? in_float(spec) : quantized(spec); };
}

/// The same with the quantizers and the bits of `spec.quantization` in place, their steps not yet initialised; 32
/// bits stand for float.
template <class T = float>
std::unique_ptr<Module<T>> make_network(const NetworkSpec& spec) {
  typename AnyLayers<T>::Options options;
  options.per_channel = spec.quantization.per_channel;
  auto model = make_model<T>(spec.model, options);
  install_quantizers<T>(*model, quantizer_factory_or_float<T>(spec.quantization.weights),
                        quantizer_factory_or_float<T>(spec.quantization.activations), spec.quantization.allocation);
  return model;
}

}  // namespace bitgrain
