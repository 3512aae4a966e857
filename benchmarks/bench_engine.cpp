// Whole networks in the integer engine: raw image bytes in, logits out, in images/s.
//
//   bench_engine [--threads=N] [Google Benchmark's options]
//
// Rows: engine/bitgrain/resnet20_<w8a8 | w4a4 | w2a2 | mixed>/batch:<1 | 128>. The network is ResNet-20 with shortcut
// A on 32x32x3 images. Its weights are random, its steps and batch norms are those of one batch of random images:
// time depends on neither, as long as codes are not all clipped. compare_onnxruntime.mjs measures the peer.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "bitgrain/data/input_table.hpp"
#include "bitgrain/deploy/engine.hpp"
#include "bitgrain/models/resnet_cifar.hpp"
#include "bitgrain/nn/initialize.hpp"
#include "bitgrain/quant/install.hpp"
#include "bitgrain/quant/lsq.hpp"
#include "bitgrain/quant/quant_layers.hpp"
#include "bitgrain/train/lower_model.hpp"
#include "threads_flag.hpp"

using namespace bitgrain;

namespace {

constexpr std::int64_t kSide = 32, kChannels = 3;

Tensor<std::uint8_t> random_images(std::int64_t count) {
  Tensor<std::uint8_t> bytes({count, kSide, kSide, kChannels});
  RandomStream random(1, "bench");
  for (auto& b : bytes.mutable_values()) b = static_cast<std::uint8_t>(random.below(256));
  return bytes;
}

// What a search hands out: 8 bits where the network begins and ends, 2 to 6 in turn between.
Allocation mixed_allocation(Module<float>& net) {
  Allocation allocation;
  const auto sites = quant_sites(net);
  const auto layers = std::count_if(sites.begin(), sites.end(), [](const auto* site) { return site->is_weight(); });
  std::ptrdiff_t layer = 0, tensor = 0;
  for (const QuantSite<float>* site : sites) {
    if (site->spec().fixed) continue;
    if (site->is_weight()) {
      const bool end = layer == 0 || layer == layers - 1;
      constexpr int kBits[] = {4, 3, 2, 6};
      allocation.weights.set(site->site_name(), end ? 8 : kBits[layer % 4]);
      ++layer;
    } else {
      constexpr int kBits[] = {4, 2, 4, 3, 6};
      allocation.activations.set(site->site_name(), kBits[tensor++ % 5]);
    }
  }
  return allocation;
}

// bits 0: mixed.
deploy::Engine make_engine(int bits) {
  ResNetCifar<QuantLayers<Lsq, Lsq>> net(
      {}, {.weight_bits = bits == 0 ? 8 : bits, .activation_bits = bits == 0 ? 8 : bits});
  initialize<float>(net, 1);
  if (bits == 0) apply_allocation<float>(net, mixed_allocation(net));
  const auto encoding = InputEncoding::unsigned_bytes(kChannels);
  net(encode_images<float>(random_images(32), encoding));  // steps and batch norms find their sizes
  return deploy::Engine(lower_model(net, encoding, kSide, kSide));
}

void add_engine(const char* name, int bits) {
  for (const std::int64_t batch : {1, 128}) {
    const std::string row = "engine/bitgrain/resnet20_" + std::string(name) + "/batch:" + std::to_string(batch);
    benchmark::RegisterBenchmark(
        row.c_str(),
        [bits, batch](benchmark::State& state) {
          // Google Benchmark calls this again and again to find the number of iterations.
          static std::map<int, deploy::Engine> engines;
          if (!engines.contains(bits)) engines.emplace(bits, make_engine(bits));
          const deploy::Engine& engine = engines.at(bits);
          const auto images = random_images(batch);
          std::vector<std::int32_t> logits(static_cast<std::size_t>(batch * engine.outputs()));
          for (auto _ : state) {
            engine.run(images.data(), batch, logits.data());
            benchmark::ClobberMemory();
          }
          state.SetItemsProcessed(state.iterations() * batch);
        })
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
  }
}

}  // namespace

int main(int argc, char** argv) {
  add_engine("w8a8", 8);
  add_engine("w4a4", 4);
  add_engine("w2a2", 2);
  add_engine("mixed", 0);
  return run_benchmarks(argc, argv);
}
