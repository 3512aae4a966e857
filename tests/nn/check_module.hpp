#pragma once

#include <string>
#include <vector>

#include "bitgrain/autograd/gradcheck.hpp"
#include "bitgrain/nn/init.hpp"
#include "bitgrain/nn/module.hpp"

namespace bitgrain {

/// A tensor of normal numbers from the stream called `name`.
template <class T>
Tensor<T> normal_tensor(const Shape& shape, const char* name, double deviation = 1.0) {
  Tensor<T> t(shape);
  fill_normal(t, RandomStream(7, name), 0.0, deviation);
  return t;
}

/// Gradcheck of `run(x)` with respect to x and to every parameter of `model`.
template <class Run>
GradcheckReport check_module(Module<double>& model, const Tensor<double>& x, Run&& run,
                             const GradcheckOptions& options = {}) {
  std::vector<Var<double>> inputs{Var<double>(x, true)};
  for (auto& p : model.parameters()) inputs.push_back(p.var);
  return gradcheck([&run](const std::vector<Var<double>>& in) { return run(in[0]); }, inputs, options);
}
inline GradcheckReport check_module(Module<double>& model, const Tensor<double>& x) {
  return check_module(model, x, [&model](const Var<double>& in) { return model(in); });
}

template <class T>
std::vector<std::string> parameter_names(const Module<T>& model) {
  std::vector<std::string> names;
  for (const auto& p : model.parameters()) names.push_back(p.name);
  return names;
}

}  // namespace bitgrain
