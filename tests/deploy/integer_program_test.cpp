#include "bitgrain/deploy/integer_program.hpp"

#include <doctest/doctest.h>

#include "deploy/random_network.hpp"

namespace {
using namespace bitgrain;
using namespace bitgrain::deploy;
}  // namespace

TEST_CASE("a chunk of several images gives each image what it gives alone, observed or not") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const IntegerNetwork net = deploy_test::random_network(seed);
    const IntegerProgram program(net);
    constexpr std::int64_t kImages = 5;
    const auto images = deploy_test::random_images(net, kImages, seed);
    const Scratch<std::uint8_t> memory(static_cast<std::size_t>(program.plan().arena_bytes * kImages));
    IntegerProgram::Observer together;
    program.run(images.data(), {memory.data(), kImages}, &together);
    std::vector<std::int32_t> observed(together.back().size()), unobserved(observed.size());
    program.read({memory.data(), kImages}, net.output(), observed.data());
    program.run(images.data(), {memory.data(), kImages});
    program.read({memory.data(), kImages}, net.output(), unobserved.data());
    CHECK(observed == unobserved);
    for (std::int64_t i = 0; i < kImages; ++i) {
      IntegerProgram::Observer alone;
      program.run(images.data() + i * net.values[0].numel(), {memory.data(), 1}, &alone);
      bool same = true;
      for (std::size_t v = 0; v < alone.size(); ++v)
        same = same && std::equal(alone[v].begin(), alone[v].end(),
                                  together[v].begin() + i * static_cast<std::int64_t>(alone[v].size()));
      CHECK_MESSAGE(same, "seed ", seed, " image ", i);
    }
  }
}
