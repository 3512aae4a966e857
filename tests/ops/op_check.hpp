#pragma once

/// What the tests of every op share: random inputs, gradient checks input by input, traces, messages.

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bitgrain/autograd/gradcheck.hpp"
#include "bitgrain/autograd/trace.hpp"

namespace op_check {

using namespace bitgrain;
using Values = std::vector<double>;
using Function = std::function<Var<double>(const std::vector<Var<double>>&)>;

inline Var<double> random_var(const Shape& shape, std::uint64_t seed, double low = -1, double high = 1) {
  RandomStream random(seed, "op_check");
  Tensor<double> t(shape);
  for (double& v : t.mutable_values()) v = random.uniform(low, high);
  return Var<double>(t, true);
}
inline Var<double> var(const Shape& shape, std::initializer_list<double> values) {
  return Var<double>(Tensor<double>(shape, values), true);
}
inline Values list(const Tensor<double>& t) { return {t.values().begin(), t.values().end()}; }
inline Values list(const Var<double>& x) { return list(x.value()); }

/// gradcheck of all inputs at once, then of each alone: an op must not need a gradient that nobody asked for, and
/// must leave inputs without requires_grad alone.
inline void check_gradients(const Function& f, const std::vector<Var<double>>& inputs) {
  const auto together = gradcheck(f, inputs);
  CHECK_MESSAGE(together.ok, together.text());
  for (std::size_t k = 0; k < inputs.size() && inputs.size() > 1; ++k) {
    std::vector<Var<double>> copies;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      copies.push_back(inputs[i].defined() ? Var<double>(inputs[i].value().clone(), i == k) : Var<double>());
    const auto alone = gradcheck(f, copies);
    CHECK_MESSAGE(alone.ok, alone.text());
    for (std::size_t i = 0; i < inputs.size(); ++i) CHECK(copies[i].grad().defined() == (i == k));
  }
}

/// The message of the Error that `f` throws; empty if it throws none.
template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}
/// Whether the message names every part: the op, the shapes.
inline bool names(const std::string& message, std::initializer_list<const char*> parts) {
  for (const char* part : parts)
    if (message.find(part) == std::string::npos) return false;
  return true;
}

/// The record of the one op that `f` runs.
template <class F>
TraceRecord<double> traced(F&& f) {
  Trace<double> recorder;
  f();
  REQUIRE(recorder.records.size() == 1);
  return recorder.records[0];
}

/// The same values as 4-bit unsigned codes of step 1/4.
inline Var<double> with_codes(const Var<double>& x) {
  Var<double> coded(x.value(), true);
  coded.set_quant(std::make_shared<QuantInfo>(QuantInfo{Grid::kUnsigned, 4, {0.25}, 0}));
  return coded;
}
/// The same values as codes with a step per row.
inline Var<double> with_channel_codes(const Var<double>& x) {
  Var<double> coded(x.value(), true);
  coded.set_quant(std::make_shared<QuantInfo>(
      QuantInfo{Grid::kSigned, 4, std::vector<double>(static_cast<std::size_t>(x.shape()[0]), 0.25), 0}));
  return coded;
}

}  // namespace op_check
