#include "bitgrain/models/models.hpp"

#include <doctest/doctest.h>

using namespace bitgrain;

TEST_CASE("models.hpp brings every model, each of which describes itself with its default input") {
  const LeNet5<> lenet5;
  const Vgg7<> vgg7({.base_width = 8});
  const ResNetCifar<> resnet;
  CHECK(lenet5.describe().starts_with("LeNet5("));
  CHECK(vgg7.describe().starts_with("Vgg7("));
  CHECK(resnet.describe().starts_with("ResNetCifar(depth 20"));
  CHECK(lenet5.input_shape() == Shape{28, 28, 1});
  CHECK(vgg7.input_shape() == Shape{32, 32, 3});
  CHECK(resnet.input_shape() == Shape{32, 32, 3});
}
