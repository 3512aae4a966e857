#include "bitgrain/train/evaluate.hpp"

#include <doctest/doctest.h>

#include "bitgrain/models/lenet5.hpp"
#include "bitgrain/nn/initialize.hpp"
#include "bitgrain/quant/lsq.hpp"
#include "bitgrain/quant/quant_layers.hpp"
#include "synthetic_images.hpp"

using namespace bitgrain;

TEST_CASE("scores count hits with ties to the lowest class and add up the cross-entropy") {
  const double logits[] = {1, 1, 0, /**/ 0, 2, 0};
  const std::int32_t labels[] = {0, 2};
  Evaluation e;
  detail::score(logits, 2, 3, labels, e);
  CHECK(e.correct == 1);
  CHECK(e.count == 2);
  const double first = std::log(2 * std::exp(1.0) + 1) - 1, second = std::log(std::exp(2.0) + 2);
  CHECK(e.loss == doctest::Approx(first + second));
  CHECK(e.accuracy() == 0.5);
}

TEST_CASE("the engine and the fake-quantized graph agree on nearly every image") {
  LeNet5<QuantLayers<Lsq, Lsq>> net({{16, 16, 1}, 4}, {.weight_bits = 4, .activation_bits = 4});
  initialize<float>(net, 1);
  const ImageDataset data = synthetic_images(120, 3, 16);
  const InputEncoding encoding = InputEncoding::unsigned_bytes(1);
  const Evaluation graph = evaluate_graph(net, data, encoding, 50);
  const Evaluation engine = evaluate(net, data, encoding);
  CHECK(graph.arithmetic == "float graph");
  CHECK(engine.arithmetic == "integer engine");
  CHECK(graph.count == 120);
  CHECK(engine.count == 120);
  CHECK(std::abs(graph.correct - engine.correct) <= 1);
  CHECK(engine.loss == doctest::Approx(graph.loss).epsilon(0.01));
}

TEST_CASE("images of another size than the network's are refused") {
  LeNet5<QuantLayers<Lsq, Lsq>> net({{16, 16, 1}, 4});
  initialize<float>(net, 1);
  const deploy::Engine engine(lower_model(net, InputEncoding::unsigned_bytes(1), 16, 16));
  CHECK_THROWS_WITH_AS(evaluate_engine(engine, synthetic_images(4, 1, 8)), doctest::Contains("images of 256 bytes"),
                       Error);
}
