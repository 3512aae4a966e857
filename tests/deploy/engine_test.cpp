#include "bitgrain/deploy/engine.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "bitgrain/deploy/interpreter.hpp"
#include "deploy/few_bit_network.hpp"
#include "deploy/forced_kernels.hpp"
#include "deploy/random_network.hpp"

namespace {
using namespace bitgrain;
using namespace bitgrain::deploy;
using deploy_test::random_images;
using deploy_test::random_network;

// How many codes of which value differ, as text; empty if none.
std::string difference(const IntegerNetwork& net, const std::vector<std::vector<std::int32_t>>& got,
                       const std::vector<std::vector<std::int64_t>>& expected) {
  for (std::size_t v = 0; v < expected.size(); ++v) {
    if (got[v].size() != expected[v].size()) return "the size of " + net.values[v].name;
    for (std::size_t i = 0; i < expected[v].size(); ++i)
      if (got[v][i] != expected[v][i])
        return bitgrain::detail::concat(net.values[v].name, " at ", i, ": ", got[v][i], " instead of ",
                                        expected[v][i]);
  }
  return "";
}
}  // namespace

TEST_CASE("every value of random networks equals the interpreter's, exactly") {
  std::size_t ops[7] = {};
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const IntegerNetwork net = random_network(seed);
    const Engine engine(net);
    const Interpreter interpreter(net);
    const auto images = random_images(net, 2, seed);
    for (int i = 0; i < 2; ++i) {
      const std::uint8_t* image = images.data() + i * engine.image_bytes();
      CHECK_MESSAGE(difference(net, engine.run_all_values(image), interpreter.run(image)) == "", "seed ", seed);
    }
    for (const Op& op : net.ops) ++ops[op.index()];
  }
  for (const std::size_t index : {0u, 1u, 3u, 4u, 5u, 6u}) CHECK(ops[index] > 30);
}

TEST_CASE("batches give the interpreter's logits and classes, whatever the number of threads") {
  const int before = num_threads();
  for (std::uint64_t seed = 1000; seed < 1040; ++seed) {
    const IntegerNetwork net = random_network(seed);
    const Engine engine(net);
    const Interpreter interpreter(net);
    const std::int64_t count = 37, n = engine.outputs();
    const auto images = random_images(net, count, seed);
    std::vector<std::int32_t> logits(static_cast<std::size_t>(count * n)), threaded(logits.size());
    std::vector<float> real(logits.size());
    set_num_threads(1);
    engine.run(images.data(), count, logits.data());
    set_num_threads(3);
    engine.run(images.data(), count, threaded.data());
    engine.run_real(images.data(), count, real.data());
    const std::vector<std::int32_t> classes = engine.predict(images.data(), count);
    CHECK(logits == threaded);
    const Value& out = net.values[static_cast<std::size_t>(net.output())];
    for (std::int64_t i = 0; i < count; ++i) {
      const auto expected =
          interpreter.run(images.data() + i * engine.image_bytes())[static_cast<std::size_t>(net.output())];
      bool same = true;
      for (std::size_t k = 0; k < expected.size(); ++k) {
        const std::size_t at = static_cast<std::size_t>(i * n) + k;
        same = same && logits[at] == expected[k] &&
               real[at] == static_cast<float>(out.step * static_cast<double>(expected[k] - out.zero_point));
      }
      CHECK_MESSAGE(same, "seed ", seed, " image ", i);
      CHECK(classes[static_cast<std::size_t>(i)] ==
            std::max_element(expected.begin(), expected.end()) - expected.begin());
    }
  }
  set_num_threads(before);
}

TEST_CASE("ties go to the lowest class, no images are allowed and a negative number is not") {
  IntegerNetwork net;
  net.values.resize(2);
  net.values[0].channels = net.values[1].channels = 4;
  for (int c = 0; c < 4; ++c)
    for (int byte = 0; byte < 256; ++byte) net.input.codes.push_back(static_cast<std::int16_t>(byte));
  net.ops.emplace_back(make_requantize("copy", 1, {{0, {1.0}, 255}}, {0, 0, 0, 0}, 0, 255));
  const Engine engine(net);
  const std::uint8_t images[] = {1, 7, 7, 2, 9, 9, 9, 9, 0, 0, 0, 1};
  CHECK(engine.predict(images, 3) == std::vector<std::int32_t>{1, 0, 3});
  CHECK(engine.predict(images, 0).empty());
  CHECK_THROWS_AS(engine.predict(images, -1), Error);
}

TEST_CASE("networks in float arithmetic follow the interpreter in double within rounding") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const IntegerNetwork net = random_network(seed, Arithmetic::kFloat);
    const Engine engine(net);
    const Interpreter interpreter(net);
    const auto images = random_images(net, 5, seed);
    const auto real = interpreter.run_real(images.data());
    const auto got = engine.run_all_reals(images.data());
    double largest = 0;
    for (std::size_t v = 0; v < real.size(); ++v) {
      REQUIRE(got[v].size() == real[v].size());
      for (const double r : real[v]) largest = std::max(largest, std::abs(r));
      double error = 0;
      for (std::size_t i = 0; i < real[v].size(); ++i)
        error = std::max(error, std::abs(real[v][i] - static_cast<double>(got[v][i])));
      CHECK_MESSAGE(error <= 1e-5 * (1 + largest), "seed ", seed, " value ", v);
    }
    std::vector<float> logits(static_cast<std::size_t>(5 * engine.outputs()));
    engine.run_real(images.data(), 5, logits.data());
    for (std::int64_t i = 0; i < 5; ++i) {
      const auto expected =
          interpreter.run_real(images.data() + i * engine.image_bytes())[static_cast<std::size_t>(net.output())];
      double scale = largest;
      for (const double r : expected) scale = std::max(scale, std::abs(r));
      for (std::size_t k = 0; k < expected.size(); ++k)
        CHECK(
            std::abs(expected[k] - static_cast<double>(logits[static_cast<std::size_t>(i * engine.outputs()) + k])) <=
            3e-5 * (1 + scale));
    }
    std::vector<std::int32_t> codes(logits.size());
    CHECK_THROWS_AS(engine.run(images.data(), 5, codes.data()), Error);
    CHECK_THROWS_AS(engine.run_all_values(images.data()), Error);
    CHECK(engine.describe().find("float arithmetic") == 0);
  }
}

TEST_CASE("every kernel gives the same logits with any number of threads, and the engine counts its layers") {
  const IntegerNetwork net = deploy_test::few_bit_network();
  const std::int64_t count = 19;
  const auto images = random_images(net, count, 2);
  const int before = num_threads();
  std::vector<std::int32_t> first;
  for (const kernels::BitsKernel kernel : kernels::kBitsKernels) {
    const Engine engine(net, deploy_test::forcing(kernel, net));
    CHECK(engine.describe().find(to_string(kernel)) != std::string::npos);
    for (const int threads : {1, 3}) {
      set_num_threads(threads);
      std::vector<std::int32_t> logits(static_cast<std::size_t>(count * engine.outputs()));
      engine.run(images.data(), count, logits.data());
      if (first.empty()) first = logits;
      CHECK(logits == first);
    }
  }
  set_num_threads(before);
  CHECK(Engine(net, KernelTable{}).describe().find("(9 bytes)") != std::string::npos);
}

TEST_CASE("the engine says its arithmetic and its kernel, and refuses networks that are not valid") {
  const IntegerNetwork net = random_network(3);
  const Engine engine(net);
  CHECK(engine.describe().find("integer arithmetic") == 0);
  CHECK(engine.describe().find(kernels::BestDot::kName) != std::string::npos);
  CHECK_THROWS_AS(engine.run_all_reals(nullptr), Error);
  IntegerNetwork broken = net;
  broken.input.codes.pop_back();
  CHECK_THROWS_AS(Engine{broken}, Error);
}
