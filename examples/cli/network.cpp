// Making, loading and changing networks: the one place that instantiates the models.

#include "network.hpp"

#include <filesystem>

#include "bitgrain/nn/copy_state.hpp"
#include "bitgrain/nn/initialize.hpp"
#include "bitgrain/run/allocation_json.hpp"
#include "bitgrain/run/checkpoint.hpp"
#include "bitgrain/run/import_weights.hpp"
#include "bitgrain/run/make_model.hpp"
#include "bitgrain/run/model_file.hpp"

namespace cli {

using namespace bitgrain;

namespace {

// Every site at the bits that the options give it.
Allocation allocation_of(Module<float>& model, const QuantOptions& quant) {
  Allocation allocation;
  std::vector<std::string> layers;
  for (const QuantSite<float>* site : quant_sites(model)) {
    const std::string& name = site->site_name();
    if (site->is_weight()) {
      allocation.weights.set(name, quant.weight_bits);
      layers.push_back(name);
    } else {
      // Behind an average pool the codes keep 8 bits, unless activations are float altogether.
      allocation.activations.set(
          name, site->spec().fixed && quant.activation_bits != 32 ? site->spec().bits : quant.activation_bits);
    }
  }
  if (quant.first_last_bits > 0 && !layers.empty()) {
    allocation.weights.set(layers.front(), quant.first_last_bits);
    allocation.weights.set(layers.back(), quant.first_last_bits);
  }
  if (quant.bits.empty()) return allocation;
  const Allocation given = read_allocation(quant.bits);
  for (const auto& [name, bits] : given.weights) {
    BITGRAIN_CHECK(allocation.weights.contains(name), "--bits: '", quant.bits, "' gives bits to layer '", name,
                   "', which the network does not have");
    allocation.weights.set(name, bits);
  }
  for (const auto& [name, bits] : given.activations) {
    BITGRAIN_CHECK(allocation.activations.contains(name), "--bits: '", quant.bits, "' gives bits to tensor '", name,
                   "', which the network does not have");
    allocation.activations.set(name, bits);
  }
  return allocation;
}

void check_bits_option(const char* option, int bits) {
  if (bits > 8 && bits != 32)
    throw UsageError(detail::concat(option, ": expected 1 to 8, or 32 for float, got ", bits));
}

QuantizationSpec quantization_of(Module<float>& model, const QuantOptions& quant) {
  check_bits_option("--wbits", quant.weight_bits);
  check_bits_option("--abits", quant.activation_bits);
  if (quant.method == "float") {
    if (!quant.bits.empty()) throw UsageError("--bits needs a quantizer: give --method lsq or uniform");
    return {};
  }
  QuantizationSpec spec;
  spec.weights = spec.activations = quant.method;
  spec.per_channel = quant.per_channel;
  spec.allocation = allocation_of(model, quant);
  return spec;
}

// Copies everything but the quantizers' own numbers between networks of one architecture.
void copy_weights(const Module<float>& from, Module<float>& to) {
  SafetensorsWriter weights;
  for (const auto& p : from.parameters()) weights.add(p.name, p.var.value());
  for (const auto& b : from.buffers()) weights.add(b.name, b.tensor);
  load_tensors(SafetensorsFile(weights.bytes(), "the network"), to, LoadTensors::kWeights);
}

// The same weights in a network with the quantizers of `spec`, which may have other shapes (steps per channel).
void rebuild(Network& network, const QuantizationSpec& quantization) {
  Network next{network.spec, nullptr};
  next.spec.quantization = quantization;
  next.model = make_network<float>(next.spec);
  copy_weights(*network.model, *next.model);
  network = std::move(next);
}

// The same weights without quantizers.
std::unique_ptr<Module<float>> float_twin(const Network& network) {
  auto twin = make_model<float>(network.spec.model);
  copy_weights(*network.model, *twin);
  return twin;
}

}  // namespace

Network new_network(const ModelSpec& model, const QuantOptions& quant, const InputEncoding& encoding,
                    const std::vector<std::string>& classes, std::uint64_t seed) {
  Network network;
  network.spec.model = model;
  network.spec.encoding = encoding;
  network.spec.classes = classes;
  network.spec.quantization = quantization_of(*make_model<float>(model), quant);
  network.model = make_network<float>(network.spec);
  initialize(*network.model, seed);
  return network;
}

void requantize(Network& network, const QuantOptions& quant) {
  rebuild(network, quantization_of(*network.model, quant));
}

std::string load_weights(Network& network, const std::string& path, const std::string& layout) {
  const auto twin = float_twin(network);
  WeightSet weights = read_weights(path);
  const std::string what = std::to_string(weights.tensors.size()) + " tensors from " + path;
  if (layout == "pytorch") {
    const PyTorchLayout order(*twin, network.spec.model.image);
    import_weights(std::move(weights), *twin, &order);
  } else {
    import_weights(std::move(weights), *twin, nullptr);
  }
  copy_weights(*twin, *network.model);
  return "starting from " + what + ", in the layout of " + layout;
}

std::vector<std::pair<std::string, Tensor<float>>> pytorch_weights(const Network& network) {
  const auto twin = float_twin(network);
  const PyTorchLayout order(*twin, network.spec.model.image);
  return export_weights(*twin, &order);
}

std::unique_ptr<Module<double>> double_twin(const Network& network) {
  auto twin = make_network<double>(network.spec);
  copy_state(*network.model, *twin);
  return twin;
}

std::string network_file(const std::string& path) {
  namespace fs = std::filesystem;
  if (!fs::is_directory(path)) return path;
  const std::string model = path + "/model.safetensors", checkpoint = path + "/checkpoint.safetensors";
  return !fs::exists(model) && fs::exists(checkpoint) ? checkpoint : model;
}

Network load_network(const std::string& path) {
  const SafetensorsFile file = read_network_file(network_file(path));
  Network network{network_spec_of(file), nullptr};
  network.model = make_network<float>(network.spec);
  load_tensors(file, *network.model);
  return network;
}

std::string load_initial(Network& network, const std::string& path) {
  const SafetensorsFile file = read_network_file(network_file(path));
  const NetworkSpec spec = network_spec_of(file);
  BITGRAIN_CHECK(spec.model == network.spec.model, "--init: ", file.where(), " holds ", spec.model.text(),
                 "; this run trains ", network.spec.model.text());
  const bool alike = spec.quantization == network.spec.quantization;
  load_tensors(file, *network.model, alike ? LoadTensors::kAll : LoadTensors::kWeights);
  return "starting from " + network_file(path) +
         (spec.quantization.quantized() && !alike ? " (its weights, not its steps)" : "");
}

}  // namespace cli
