// Times of the engine's kernels: measured, read, written.

#include "tuning.hpp"

#include <cmath>
#include <utility>

#include "bitgrain/deploy/time_engine.hpp"
#include "bitgrain/deploy/time_kernels.hpp"
#include "bitgrain/deploy/tuning_layers.hpp"
#include "bitgrain/run/console.hpp"
#include "bitgrain/run/kernel_table_json.hpp"
#include "bitgrain/search/between_layers.hpp"
#include "network.hpp"

namespace cli {

using namespace bitgrain;

deploy::KernelTable kernel_times(const std::string& file) {
  return file.empty() ? deploy::shipped_kernel_times() : read_kernel_table(file);
}

KernelTimings time_layers(const std::optional<deploy::IntegerNetwork>& network, const TimingOptions& options) {
  BITGRAIN_CHECK(!network || network->arithmetic == deploy::Arithmetic::kInteger, "network '",
                 network ? network->name : "", "' is in float arithmetic: there is no kernel to choose");
  deploy::KernelTable table = kernel_times(options.kernels);
  if (options.tune) table.clear();
  if (options.tune && !network) {
    deploy::for_each_tuning_layer([&](const deploy::ConvOp& op, const deploy::Value& input) {
      for (const deploy::KernelTime& time : deploy::time_kernels(op, input, options.seconds)) table.push_back(time);
    });
  }
  KernelTimings found;
  std::vector<std::pair<const deploy::ConvOp*, const deploy::Value*>> layers;
  if (network)
    for (const deploy::Op& op : network->ops)
      if (const auto* conv = std::get_if<deploy::ConvOp>(&op))
        layers.emplace_back(conv, &network->values[static_cast<std::size_t>(conv->input)]);
  for (const auto& [op, input] : layers) {
    LayerTiming layer{op->layer, op->weights.bits, input->bits, {}, ""};
    for (const deploy::KernelTime& time : deploy::time_kernels(*op, *input, options.seconds)) {
      layer.kernels.push_back({std::string(to_string(time.kernel)), time.single_ns, time.batched_ns});
      if (options.tune) table.push_back(time);
    }
    found.layers.push_back(std::move(layer));
  }
  for (std::size_t i = 0; i < layers.size(); ++i)
    found.layers[i].chosen = to_string(deploy::choose_kernel(table, *layers[i].first, *layers[i].second));
  found.times = static_cast<std::int64_t>(table.size());
  if (network) found.engine_ns = deploy::time_engine(deploy::Engine(*network, table), options.seconds);
  if (!options.out.empty()) write_kernel_table(options.out, table);
  return found;
}

namespace {
double between_layers(Network& network, const deploy::KernelTable& table) {
  const Shape& image = network.spec.model.image;
  return between_layers_ns(*network.model, network.spec.encoding, image[0], image[1], table);
}
void set_times(NetworkCosts& costs, const deploy::KernelTable& table, double between_ns, const std::string& where) {
  set_latencies(costs, table, where);
  costs.between_picoseconds = std::llround(between_ns * 1000);
}
}  // namespace

void read_latencies(NetworkCosts& costs, const std::string& file) {
  const std::string where = "file '" + file + "'";
  set_times(costs, read_kernel_table(file), between_layers_from_json(read_json_file(file), where), where);
}

void measure_latencies(Network& network, NetworkCosts& costs, const Allocation& allocation) {
  NetworkCosts at_bits = costs;
  for (TensorCost& tensor : at_bits.tensors) tensor.fixed_bits = NetworkCosts::tensor_bits(tensor, allocation);
  for (LayerCost& layer : at_bits.layers) layer.fixed_bits = NetworkCosts::weight_bits(layer, allocation);
  const deploy::KernelTable table = measure_kernels(at_bits, {}, {});
  set_times(costs, table, between_layers(network, table), "this machine");
}

std::int64_t time_all_bits(Network& network, NetworkCosts& costs, double seconds, const std::string& out) {
  const std::vector<int> all = {1, 2, 3, 4, 5, 6, 7, 8};
  NetworkCosts open = costs;
  for (LayerCost& layer : open.layers) layer.fixed_bits = 0;
  Console console;
  const deploy::KernelTable table =
      measure_kernels(open, all, all, seconds, [&](std::size_t done, std::size_t layers) {
        console.status("measured " + std::to_string(done) + " of " + std::to_string(layers) + " layers");
      });
  const double between_ns = between_layers(network, table);
  set_times(costs, table, between_ns, "this machine");
  if (!out.empty()) write_kernel_table(out, table, between_ns);
  return static_cast<std::int64_t>(table.size());
}

}  // namespace cli
