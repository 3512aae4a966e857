// That latencies are those of the kernels an engine with the same table takes, and that a missing layer is named.

#include "bitgrain/search/kernel_latency.hpp"

#include <doctest/doctest.h>

#include "error_of.hpp"
#include "search/small_network.hpp"

using namespace bitgrain;

namespace {
// conv1 -> conv2, and a linear layer; all of them small.
NetworkCosts timed_network() {
  NetworkCosts network;
  network.tensors = {{"image", 100, 8, false, 0, 0, true}, {"r1", 200, 0, true, 0, 1}, {"r2", 16, 0, true, 1, 2}};
  network.layers = {{"conv1", 10, 1000, "image", 8, {1, 8, 8, 3, 16, Window2d::square(3, 1, 1), 1}},
                    {"conv2", 10, 1000, "r1", 0, {1, 8, 8, 16, 16, Window2d::square(3, 2, 1), 1}},
                    {"fc", 10, 1000, "r2", 0, {1, 1, 1, 64, 10, Window2d{}, 1}}};
  return network;
}
}  // namespace

TEST_CASE("a layer's latency is the time alone of the kernel that the table chooses at its bits") {
  using namespace bitgrain::deploy;
  using kernels::BitsKernel;
  NetworkCosts network = timed_network();
  const LayerShape conv2 = layer_shape(network.layers[1].geometry), fc = layer_shape(network.layers[2].geometry);
  const KernelTable table = {{layer_shape(network.layers[0].geometry), BitsKernel::kBytes, {}, 500, 400},
                             {conv2, BitsKernel::kBytes, {}, 1000, 900},
                             {conv2, BitsKernel::kBitSerial, {1, 1, 1}, 200, 100},
                             {conv2, BitsKernel::kBitSerial, {2, 2, 1}, 980, 870},   // no clear gain
                             {conv2, BitsKernel::kBitSerial, {1, 1, 2}, 1100, 300},  // a gain in batches
                             {conv2, BitsKernel::kPackedLinear, {3, 3, 4}, 1, 1},    // runs no images
                             {fc, BitsKernel::kBytes, {}, 100, 20},
                             {fc, BitsKernel::kPackedLinear, {2, 2, 8}, 10, 15}};
  set_latencies(network, table);
  const auto& times = network.layers;
  CHECK(times[0].latency.picoseconds(8, 8) == 500'000);
  CHECK(times[1].latency.picoseconds(1, 1) == 200'000);
  CHECK(times[1].latency.picoseconds(2, 1) == 1'000'000);
  CHECK(times[1].latency.picoseconds(1, 2) == 1'100'000);  // slower alone, but what the engine takes
  CHECK(times[1].latency.picoseconds(3, 4) == 1'000'000);
  CHECK(times[2].latency.picoseconds(2, 1) == 10'000);
  CHECK(times[2].latency.picoseconds(2, 8) == 10'000);
  CHECK(times[2].latency.picoseconds(3, 8) == 100'000);

  // The engine's own choice agrees.
  Value input;
  input.height = input.width = 8;
  input.channels = 16;
  for (int weight_bits = 1; weight_bits <= 8; ++weight_bits)
    for (input.bits = 1; input.bits <= 8; ++input.bits) {
      const BitsKernel kernel =
          choose_kernel(table, random_layer(network.layers[1].geometry, Grid::kSigned, weight_bits), input);
      const bool bits = weight_bits == 1 && input.bits <= 2;
      CHECK((kernel == BitsKernel::kBitSerial) == bits);
    }

  network = timed_network();
  const KernelTable without(table.begin(), table.end() - 2);
  CHECK(error_of([&] { set_latencies(network, without, "file 'x.json'"); }) ==
        "file 'x.json': layer \"fc\" (64 -> 10 channels) was not measured with weights as bytes");
  // A neighbouring shape will do for a choice, not for a time.
  network.layers[1].geometry.window.stride_w = 1;
  CHECK(contains(error_of([&] { set_latencies(network, table); }), "layer \"conv2\" (16 -> 16 channels, 9 taps, "));
}

TEST_CASE("measured at a search's bits, every allocation it may choose has a latency") {
  using namespace bitgrain::deploy;
  using kernels::BitsKernel;
  NetworkCosts network = timed_network();
  const KernelTable table = measure_kernels(network, {2, 3}, {2, 4}, 0);
  set_latencies(network, table);
  const Allocation allocation{{{"conv2", 2}, {"fc", 3}}, {{"r1", 4}, {"r2", 2}}};
  CHECK(costs_of(network, allocation).latency.value() > 0);
  std::size_t bit_serial_conv2 = 0;
  for (const KernelTime& time : table)
    if (time.kernel == BitsKernel::kBitSerial && time.shape == layer_shape(network.layers[1].geometry))
      ++bit_serial_conv2;
  CHECK(bit_serial_conv2 == 4);
  CHECK(contains(error_of([&] { measure_kernels(network, {2}, {32}, 0); }),
                 "layer \"conv2\": times of kernels are for 1 to 8 bits, got 32 bits of its input \"r1\""));
}
