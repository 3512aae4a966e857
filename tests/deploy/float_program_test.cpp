#include "bitgrain/deploy/float_program.hpp"

#include <doctest/doctest.h>

#include "deploy/small_network.hpp"

namespace {
using namespace bitgrain;
using namespace bitgrain::deploy;
}  // namespace

TEST_CASE("weights are step * code, the input step * (code - zero point), affine clips: hand-computed") {
  const IntegerNetwork net = deploy_test::small_float_network();
  const FloatProgram program(net);
  const std::uint8_t images[] = {10, 14, 30, 0, 0, 30, 14, 10};
  const Scratch<std::uint8_t> memory(static_cast<std::size_t>(2 * program.plan().arena_bytes));
  FloatProgram::Observer values;
  program.run(images, {memory.data(), 2}, &values);
  CHECK(values[0] == std::vector<float>{0, 2, 10, -5, -5, 10, 2, 0});
  CHECK(values[1] == std::vector<float>{0, 0, 0.5f, -2, 2.5f, -10, -1.25f, 5, -1.25f, 5, 2.5f, -10, 0.5f, -2, 0, 0});
  CHECK(values[2] == std::vector<float>{1, 0.5f, 2, 2.5f, 6, 10.5f, 0, 0, 0, 0, 6, 10.5f, 2, 2.5f, 1, 0.5f});
  CHECK(program.read({memory.data(), 2}, 2)[5] == 10.5f);
}
