#include "bitgrain/deploy/timed_layers.hpp"

#include <doctest/doctest.h>

#include "deploy/few_bit_network.hpp"
#include "deploy/forced_kernels.hpp"

TEST_CASE("layers are packed for the kernel that the times choose") {
  using namespace bitgrain;
  using namespace bitgrain::deploy;
  const IntegerNetwork net = deploy_test::few_bit_network();
  for (const kernels::BitsKernel kernel : kernels::kBitsKernels) {
    const TimedLayers layers(deploy_test::forcing(kernel, net));
    int forced = 0;
    for (const Op& op : net.ops)
      if (const auto* conv = std::get_if<ConvOp>(&op))
        forced += layers.pack(*conv, net.values[static_cast<std::size_t>(conv->input)]).kernel == kernel ? 1 : 0;
    CHECK(forced > 0);
  }
}
