#include "bitgrain/run/model_spec.hpp"

#include <doctest/doctest.h>

#include "error_of.hpp"

using namespace bitgrain;

namespace {
std::string objection(const char* json) {
  return error_of([&] { model_spec_from_json(Json::parse(json), "here"); });
}
}  // namespace

TEST_CASE("a model spec comes back from JSON") {
  const ModelSpec spec{"resnet8", {28, 28, 1}, 47, "B"};
  CHECK(model_spec_from_json(to_json(spec), "x") == spec);
  CHECK(spec.text() == "resnet8 (shortcut B) for images 28 x 28 x 1, 47 classes");
  CHECK(to_json(spec).dump() == R"({"architecture":"resnet8","image":[28,28,1],"classes":47,"shortcut":"B"})");
}

TEST_CASE("only the published depths are residual networks") {
  CHECK(ModelSpec{.architecture = "resnet56"}.resnet_depth() == 56);
  CHECK(ModelSpec{.architecture = "resnet18"}.resnet_depth() == 0);
  CHECK(ModelSpec{.architecture = "lenet5"}.resnet_depth() == 0);
  for (const char* name : {"lenet5", "vgg7", "resnet8", "resnet20", "resnet32", "resnet44", "resnet56", "resnet110"})
    CHECK(error_of([&] { ModelSpec{.architecture = name}.validate(); }) == "");
}

TEST_CASE("a wrong model spec is refused with the field that is wrong") {
  CHECK(objection(R"({"architecture":"resnet8","image":[28,28,1],"classes":10})") == "");
  CHECK(contains(objection(R"({"architecture":"resnet9","image":[28,28,1],"classes":10})"),
                 "'resnet9' is not known; expected one of lenet5"));
  CHECK(
      contains(objection(R"({"architecture":"resnet8","image":[28,28],"classes":10})"), "[height, width, channels]"));
  CHECK(contains(objection(R"({"architecture":"resnet8","image":[28,-1,1],"classes":10})"), "out of range"));
  CHECK(contains(objection(R"({"architecture":"resnet8","image":[28,5000,1],"classes":10})"), "1 to 4096"));
  CHECK(contains(objection(R"({"architecture":"resnet8","image":[28,28,1],"classes":1})"), "classes"));
  CHECK(contains(objection(R"({"architecture":"resnet8","image":[28,28,1],"classes":10,"shortcut":"C"})"), "A or B"));
  CHECK(contains(objection(R"({"architecture":"resnet8","image":[28,28,1],"classes":10,"depth":8})"), "'depth'"));
  CHECK(contains(objection(R"({"image":[28,28,1],"classes":10})"), "'architecture' is missing"));
  CHECK(contains(objection("[]"), "expected an object"));
}
