#include "bitgrain/autograd/trace.hpp"

#include <doctest/doctest.h>

#include "autograd/plain_ops.hpp"

using namespace bitgrain;

TEST_CASE("records come in order, with the name in scope, inputs, output and attributes") {
  const auto a = plain::parameter({1}), b = plain::parameter({2});
  Trace<double> recorder;
  {
    const NameScope scope("stage1.0.conv");
    OpAttributes attributes;
    attributes.high = 6;
    trace<double>("first", {a, Var<double>()}, b, attributes);
    {
      const NameScope inner("stage1.0.conv.inner");
      trace<double>("second", {b}, a);
    }
    CHECK(NameScope::current() == "stage1.0.conv");
  }
  trace<double>("third", {}, a);
  REQUIRE(recorder.records.size() == 3);
  CHECK(recorder.records[0].op == "first");
  CHECK(recorder.records[0].layer == "stage1.0.conv");
  REQUIRE(recorder.records[0].inputs.size() == 2);
  CHECK(recorder.records[0].inputs[0].id() == a.id());
  CHECK_FALSE(recorder.records[0].inputs[1].defined());
  CHECK(recorder.records[0].output.id() == b.id());
  CHECK(recorder.records[0].attributes.high == 6);
  CHECK(recorder.records[1].layer == "stage1.0.conv.inner");
  CHECK(recorder.records[1].attributes.high == 0);
  CHECK(recorder.records[2].layer == "");
}

TEST_CASE("without a live Trace nothing is recorded; traces nest and end with their scope") {
  const auto a = plain::parameter({1});
  trace<double>("nobody listens", {a}, a);
  CHECK(Trace<double>::current() == nullptr);
  Trace<double> outer;
  {
    Trace<double> inner;
    trace<double>("inner", {a}, a);
    CHECK(inner.records.size() == 1);
  }
  CHECK(outer.records.empty());
  trace<double>("outer", {a}, a);
  CHECK(outer.records.size() == 1);
}

TEST_CASE("a trace of float ops does not hear double ops") {
  Trace<float> recorder;
  const auto a = plain::parameter({1});
  trace<double>("double", {a}, a);
  CHECK(recorder.records.empty());
}
