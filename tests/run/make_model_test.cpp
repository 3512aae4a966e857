#include "bitgrain/run/make_model.hpp"

#include <doctest/doctest.h>

#include "bitgrain/nn/initialize.hpp"
#include "error_of.hpp"

using namespace bitgrain;

TEST_CASE("every architecture is made by its name and maps images to logits") {
  for (const char* name : {"lenet5", "vgg7", "resnet8", "resnet20"}) {
    CAPTURE(name);
    const auto model = make_model<float>({name, {16, 16, 1}, 7, "A"});
    initialize(*model, 1);
    const NoGrad no_grad;
    CHECK((*model)(Var<float>(Tensor<float>(Shape{2, 16, 16, 1}, 0.5F))).shape() == Shape{2, 7});
  }
}

TEST_CASE("the depth of a residual network and its shortcut come from the spec") {
  const auto count = [](const char* name, const char* shortcut) {
    return make_model<float>({name, {32, 32, 3}, 10, shortcut})->parameter_count();
  };
  CHECK(count("resnet20", "A") == 269722);  // 268,346 and 1,376 of batch norm
  CHECK(count("resnet20", "B") > count("resnet20", "A"));
  CHECK(count("resnet32", "A") > count("resnet20", "A"));
}

TEST_CASE("a network has the quantizers and the bits of its spec") {
  NetworkSpec spec;
  spec.model = {"lenet5", {28, 28, 1}, 10, "A"};
  spec.quantization.weights = "lsq";
  spec.quantization.activations = "uniform";
  spec.quantization.per_channel = true;
  spec.quantization.allocation.weights = {{"conv1", 2}, {"fc1", 3}};
  spec.quantization.allocation.activations = {{"act1", 5}, {"act2", 32}};
  const auto model = make_network<float>(spec);
  for (QuantSite<float>* site : quant_sites(*model)) {
    CAPTURE(site->site_name());
    if (site->site_name() == "conv1") {
      CHECK(site->bits() == 2);
      REQUIRE(site->any()->get<Lsq<float>>() != nullptr);
      CHECK(site->any()->get<Lsq<float>>()->step().shape() == Shape{32});
    }
    if (site->site_name() == "fc1") CHECK(site->bits() == 3);
    if (site->site_name() == "act1") {
      CHECK(site->bits() == 5);
      CHECK(site->any()->get<UniformSte<float>>() != nullptr);
    }
    if (site->site_name() == "act2") CHECK(site->any()->get<Float<float>>() != nullptr);
    if (site->site_name() == "head") CHECK(site->bits() == 8);
  }
  spec.quantization.allocation.weights = {{"conv9", 2}};
  CHECK(contains(error_of([&] { make_network<float>(spec); }), "conv9"));
}

TEST_CASE("an architecture that cannot take the image size says so") {
  CHECK(contains(error_of([] { make_model<float>({"lenet5", {8, 8, 1}, 10, "A"}); }), "LeNet5"));
  CHECK(contains(error_of([] { make_model<float>({"alexnet", {8, 8, 1}, 10, "A"}); }), "'alexnet' is not known"));
}
