#include "bitgrain/deploy/byte_layers.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "bitgrain/deploy/packed_writer.hpp"
#include "deploy/random_network.hpp"

namespace {
using namespace bitgrain;
using namespace bitgrain::deploy;

// The scratch memory that `run` takes.
template <class Run>
std::uint64_t scratch_of(std::vector<unsigned char>& memory, Run run) {
  Arena arena(memory.data(), memory.size());
  const ArenaScope scope(arena);
  run();
  return arena.peak();
}
}  // namespace

TEST_CASE("a layer takes exactly the scratch memory that was noted, for every form of convolution and batch") {
  std::vector<unsigned char> memory(std::size_t{1} << 22);
  int layers_run = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const IntegerNetwork net = deploy_test::random_network(seed);
    ByteWriter out;
    PackedWriter(out).write(net);
    Report report({});
    ByteReader in(out.bytes, "test", report);
    PackedNetworkReader reader(in);
    REQUIRE(reader.read_head() > 0);
    REQUIRE(reader.read_body());
    const PackedNetwork packed = reader.take();
    for (const PackedOp& op : packed.ops) {
      const auto* conv = std::get_if<PackedConvOp>(&op);
      if (conv == nullptr) continue;
      const ConvGeometry& g = conv->geometry;
      const std::int64_t images = 1 + static_cast<std::int64_t>(seed % 3);
      const auto layer = ByteLayers(images).pack(*conv, packed.values[static_cast<std::size_t>(conv->input)]);
      const std::vector<std::uint8_t> x(static_cast<std::size_t>(images * g.input_size()), 3);
      std::vector<std::uint8_t> codes(static_cast<std::size_t>(images * g.output_size())), residual(codes.size(), 1);
      const auto constants = [&](bool with_residual) {
        const auto channel = [](std::size_t) { return kernels::RequantizationChannel{1, 1, 0, 4}; };
        return kernels::make_requantization(static_cast<std::size_t>(g.out_channels), with_residual, channel, 0, 255,
                                            0, 1 << 20, 255);
      };
      for (const bool with_residual : {false, true}) {
        ByteLayers noted(images);
        noted.note_scratch(layer, true, with_residual);
        const auto r = constants(with_residual);
        CHECK(noted.scratch_bytes() == scratch_of(memory, [&] {
                ByteLayers::run_codes(layer, images, x.data(), r, residual.data(), codes.data());
              }));
      }
      ByteLayers noted(images);
      noted.note_scratch(layer, false, false);
      CHECK(noted.scratch_bytes() == scratch_of(memory, [&] {
              ByteLayers::run_sums(layer, images, x.data(), [](std::int64_t, std::int64_t, const std::int32_t*) {});
            }));
      ++layers_run;
    }
  }
  CHECK(layers_run > 100);
}
