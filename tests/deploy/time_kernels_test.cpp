// That every kernel of a layer is measured and the times can be looked up again. What the times are is no test.

#include "bitgrain/deploy/time_kernels.hpp"

#include <doctest/doctest.h>

#include "deploy/few_bit_network.hpp"

TEST_CASE("a layer is measured with every kernel that runs it, and the choice finds the fastest") {
  using namespace bitgrain;
  using namespace bitgrain::deploy;
  deploy_test::FewBitNetwork network;
  network.add_layer(8, 3, Grid::kSigned, 8, 2);
  network.add_layer(17, 3, Grid::kSymmetric, 2, 2);
  network.flatten();
  network.add_layer(20, 1, Grid::kSigned, 1, 8);
  const IntegerNetwork net = network.take();
  const std::size_t kernels_of[] = {2, 3, 4};
  const int threads = num_threads();
  std::size_t layer = 0;
  for (const Op& op : net.ops) {
    const auto* conv = std::get_if<ConvOp>(&op);
    if (conv == nullptr) continue;
    const Value& input = net.values[static_cast<std::size_t>(conv->input)];
    std::vector<KernelTime> times = time_kernels(*conv, input, 0);
    CHECK(times.size() == kernels_of[layer++]);
    CHECK(times[0].kernel == kernels::BitsKernel::kBytes);
    for (const KernelTime& time : times) {
      CHECK(time.shape == layer_shape(conv->geometry));
      CHECK(time.bits == layer_bits(conv->weights, input));
      CHECK(time.single_ns > 0);
      CHECK(time.batched_ns < 1e9);
    }
    times.back().single_ns = times.back().batched_ns = 1e-3;
    CHECK(choose_kernel(times, *conv, input) == times.back().kernel);
  }
  CHECK(layer == 3);
  CHECK(num_threads() == threads);
}
