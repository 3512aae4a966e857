#include "bitgrain/deploy/integer_program.hpp"

#include <doctest/doctest.h>

#include "bitgrain/deploy/interpreter.hpp"
#include "bitgrain/deploy/timed_layers.hpp"
#include "deploy/few_bit_network.hpp"
#include "deploy/forced_kernels.hpp"
#include "deploy/random_network.hpp"

namespace {
using namespace bitgrain;
using namespace bitgrain::deploy;

// Whether a chunk gives the interpreter's values, observed, and its logits, unobserved.
bool gives_what_the_interpreter_gives(const IntegerProgram& program, const IntegerNetwork& net,
                                      const std::vector<std::uint8_t>& images, std::int64_t count) {
  const Scratch<std::uint8_t> memory(static_cast<std::size_t>(program.plan().arena_bytes * count));
  IntegerProgram::Observer observed;
  program.run(images.data(), {memory.data(), count}, &observed);
  std::vector<std::int32_t> logits(observed[static_cast<std::size_t>(net.output())].size());
  program.run(images.data(), {memory.data(), count});
  program.read({memory.data(), count}, net.output(), logits.data());
  bool same = logits == observed[static_cast<std::size_t>(net.output())];
  const Interpreter interpreter(net);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto expected = interpreter.run(images.data() + i * net.values[0].numel());
    for (std::size_t v = 0; v < expected.size(); ++v)
      same = same && std::equal(expected[v].begin(), expected[v].end(),
                                observed[v].begin() + i * static_cast<std::int64_t>(expected[v].size()));
  }
  return same;
}
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

TEST_CASE("every kernel gives the interpreter's values: all bits, grids and zero points, forced by a table") {
  for (const kernels::BitsKernel kernel : kernels::kBitsKernels) {
    std::int64_t layers = 0;
    for (std::uint64_t seed = 500; seed < 600; ++seed) {
      const IntegerNetwork net = deploy_test::random_network(seed);
      const IntegerProgram program(net, deploy_test::forcing(kernel, net));
      CHECK_MESSAGE(gives_what_the_interpreter_gives(program, net, deploy_test::random_images(net, 3, seed), 3),
                    to_string(kernel), ", seed ", seed);
      layers += program.layers_on(kernel);
    }
    CHECK_MESSAGE(layers > 40, to_string(kernel));
  }
}

TEST_CASE("a network of few bits gives the interpreter's values on the kernels that the shipped times choose") {
  const IntegerNetwork net = deploy_test::few_bit_network();
  const auto images = deploy_test::random_images(net, 2, 1);
  const IntegerProgram chosen(net);
  CHECK(gives_what_the_interpreter_gives(chosen, net, images, 2));
  if (!shipped_kernel_times().empty()) {  // times of this processor's kernels
    CHECK(chosen.layers_on(kernels::BitsKernel::kBytes) == 4);
    CHECK(chosen.layers_on(kernels::BitsKernel::kPackedLinear) == 1);
    CHECK(chosen.layers_on(kernels::BitsKernel::kBitSerial) == 4);
  }
  for (const kernels::BitsKernel kernel : kernels::kBitsKernels)
    CHECK(gives_what_the_interpreter_gives(IntegerProgram(net, deploy_test::forcing(kernel, net)), net, images, 1));
}
