// Times of the engine's kernels: measured, read, written.

#include "tuning.hpp"

#include <utility>

#include "bitgrain/deploy/time_kernels.hpp"
#include "bitgrain/deploy/tuning_layers.hpp"
#include "bitgrain/run/kernel_table_json.hpp"
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
      if (options.tune && op->geometry.groups == 1) table.push_back(time);
    }
    found.layers.push_back(std::move(layer));
  }
  for (std::size_t i = 0; i < layers.size(); ++i)
    found.layers[i].chosen = to_string(deploy::choose_kernel(table, *layers[i].first, *layers[i].second));
  found.times = static_cast<std::int64_t>(table.size());
  if (!options.out.empty()) write_kernel_table(options.out, table);
  return found;
}

}  // namespace cli
