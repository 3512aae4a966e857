#include "bitgrain/nn/summary.hpp"

#include <doctest/doctest.h>

#include "bitgrain/nn/flatten.hpp"
#include "bitgrain/nn/float_layers.hpp"
#include "bitgrain/nn/sequential.hpp"

namespace bitgrain {
namespace {

void build(Sequential<float>& net) {
  net.emplace<FloatLayers<>::ConvBnAct>("stem", FloatLayers<>::Options(), 3, 8, Window2d::square(3, 2, 1));
  net.emplace<Flatten<float>>("flatten");
  net.emplace<Linear<float>>("head", 8 * 4 * 4, 10);
}

TEST_CASE("parameters, output shapes and multiply-accumulates of every layer, for one image") {
  Sequential<float> net;
  build(net);
  const ModelSummary s = summarize(net, Shape{8, 8, 3});
  REQUIRE(s.layers.size() == 3);
  CHECK(s.layers[0].name == "stem.conv");
  CHECK(s.layers[0].output == Shape{4, 4, 8});
  CHECK(s.layers[0].parameters == 8 * 27);
  CHECK(s.layers[0].macs == 4 * 4 * 8 * 27);
  CHECK(s.layers[1].name == "stem.bn");
  CHECK(s.layers[1].parameters == 16);
  CHECK(s.layers[1].macs == 0);
  CHECK(s.layers[2].kind == "Linear(128 -> 10, bias)");
  CHECK(s.layers[2].macs == 1280);
  CHECK(s.parameters == 8 * 27 + 16 + 1290);
  CHECK(s.parameters == net.parameter_count());
  CHECK(s.macs == 4 * 4 * 8 * 27 + 1280);
}

TEST_CASE("the text has a line per layer and the totals, in aligned columns") {
  Sequential<float> net;
  net.emplace<Linear<float>>("fc", 4, 3, false);
  CHECK(summarize(net, Shape{4}).text() ==
        "layer  kind            output  parameters  MACs\n"
        "fc     Linear(4 -> 3)  [3]             12    12\n"
        "total                                  12    12\n");
}

TEST_CASE("summarizing leaves modes, statistics and gradients as they were") {
  Sequential<float> net;
  build(net);
  auto& stem = static_cast<FloatLayers<>::ConvBnAct&>(net[0]);
  stem.bn().set_training(false);  // a frozen batch norm in a network that trains
  summarize(net, Shape{8, 8, 3});
  CHECK(net.training());
  CHECK(net[2].training());
  CHECK(stem.conv().training());
  CHECK_FALSE(stem.bn().training());
  CHECK(stem.bn().running_var()[0] == 1.0F);
  CHECK_FALSE(stem.conv().weight().grad().defined());
}

TEST_CASE("parameters whose own names have dots count for their module") {
  Sequential<float> net;
  build(net);
  static_cast<FloatLayers<>::ConvBnAct&>(net[0]).bn().use_copies(3);
  CHECK(summarize(net, Shape{8, 8, 3}).layers[1].parameters == 48);
}

}  // namespace
}  // namespace bitgrain
