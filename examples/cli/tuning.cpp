// Times of the engine's kernels: measured, read, written.

#include "tuning.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "bitgrain/deploy/engine.hpp"
#include "bitgrain/deploy/time_kernels.hpp"
#include "bitgrain/deploy/tuning_layers.hpp"
#include "bitgrain/run/console.hpp"
#include "bitgrain/run/kernel_table_json.hpp"
#include "bitgrain/search/kernel_latency.hpp"
#include "network.hpp"

namespace cli {

using namespace bitgrain;

deploy::KernelTable kernel_times(const std::string& file) {
  return file.empty() ? deploy::shipped_kernel_times() : read_kernel_table(file);
}

namespace {
// Nanoseconds of one image alone, on one thread; the shortest of many.
double time_engine(const deploy::Engine& engine, double seconds) {
  const std::vector<std::uint8_t> image(static_cast<std::size_t>(engine.image_bytes()), std::uint8_t{128});
  std::vector<float> logits(static_cast<std::size_t>(engine.outputs()));
  const int threads = num_threads();
  set_num_threads(1);
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  double least = HUGE_VAL;
  do {
    const auto before = Clock::now();
    engine.run_real(image.data(), 1, logits.data());
    least = std::min(least, std::chrono::duration<double, std::nano>(Clock::now() - before).count());
  } while (std::chrono::duration<double>(Clock::now() - start).count() < seconds);
  set_num_threads(threads);
  return least;
}
}  // namespace

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
  if (network) found.engine_ns = time_engine(deploy::Engine(*network, table), options.seconds);
  if (!options.out.empty()) write_kernel_table(options.out, table);
  return found;
}

void read_latencies(NetworkCosts& costs, const std::string& file) {
  set_latencies(costs, read_kernel_table(file), "file '" + file + "'");
}

void measure_latencies(NetworkCosts& costs, const Allocation& allocation) {
  NetworkCosts at_bits = costs;
  for (TensorCost& tensor : at_bits.tensors) tensor.fixed_bits = NetworkCosts::tensor_bits(tensor, allocation);
  for (LayerCost& layer : at_bits.layers) layer.fixed_bits = NetworkCosts::weight_bits(layer, allocation);
  set_latencies(costs, measure_kernels(at_bits, {}, {}));
}

std::int64_t time_all_bits(NetworkCosts& costs, double seconds, const std::string& out) {
  const std::vector<int> all = {1, 2, 3, 4, 5, 6, 7, 8};
  NetworkCosts open = costs;
  for (LayerCost& layer : open.layers) layer.fixed_bits = 0;
  Console console;
  const deploy::KernelTable table =
      measure_kernels(open, all, all, seconds, [&](std::size_t done, std::size_t layers) {
        console.status("measured " + std::to_string(done) + " of " + std::to_string(layers) + " layers");
      });
  set_latencies(costs, table);
  if (!out.empty()) write_kernel_table(out, table);
  return static_cast<std::int64_t>(table.size());
}

}  // namespace cli
