#pragma once

/// Compares the gradients of a function with central differences, in double.

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "bitgrain/autograd/ste.hpp"
#include "bitgrain/autograd/var.hpp"
#include "bitgrain/base/random.hpp"

namespace bitgrain {

struct GradcheckOptions {
  double step = 1e-6;       ///< of the central difference, scaled by max(1, |x|)
  double tolerance = 1e-6;  ///< allowed |analytic - numeric| / max(1, |analytic|, |numeric|)
  std::uint64_t seed = 1;   ///< of the random projection of the output
};

/// What gradcheck found. `ok` is the verdict; `text()` a readable report, the worst element of every input.
struct GradcheckReport {
  struct Input {
    std::size_t index = 0;
    Shape shape;
    std::int64_t worst_element = 0;
    double analytic = 0, numeric = 0, error = 0;
  };
  bool ok = true;
  double tolerance = 0;
  std::vector<Input> inputs;

  std::string text() const {
    std::string out;
    for (const Input& in : inputs)
      out += detail::concat(in.error <= tolerance ? "ok   " : "FAIL ", "input ", in.index, " ", in.shape,
                            ": worst element ", in.worst_element, ", analytic ", in.analytic, ", numeric ",
                            in.numeric, ", error ", in.error, " (allowed ", tolerance, ")\n");
    return out;
  }
};

/// Checks every input of `f` that requires a gradient. `f` maps the inputs to a Var of any shape (it is projected on
/// a random vector). Straight-through roundings are differentiated as autograd/ste.hpp explains, so the check is
/// exact for them too. `f` must be deterministic: a random op must draw the same numbers at every call.
inline GradcheckReport gradcheck(const std::function<Var<double>(const std::vector<Var<double>>&)>& f,
                                 std::vector<Var<double>> inputs, const GradcheckOptions& options = {}) {
  FrozenRounding frozen;
  for (auto& input : inputs) input.zero_grad();
  const Var<double> base = f(inputs);
  Tensor<double> projection(base.shape());
  RandomStream random(options.seed, "gradcheck");
  for (double& p : projection.mutable_values()) p = random.uniform(-1, 1);
  base.backward(projection.clone());

  const auto evaluate = [&] {
    frozen.rewind();
    const NoGrad no_grad;
    const Tensor<double> y = f(inputs).value();
    double sum = 0;
    for (std::int64_t i = 0; i < y.numel(); ++i) sum += projection[i] * y[i];
    return sum;
  };

  GradcheckReport report;
  report.tolerance = options.tolerance;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    Var<double>& input = inputs[k];
    if (!input.requires_grad()) continue;
    GradcheckReport::Input worst{k, input.shape(), 0, 0, 0, -1};
    for (std::int64_t i = 0; i < input.numel(); ++i) {
      const double x = input.value()[i];
      const double h = options.step * std::max(1.0, std::abs(x));
      input.mutable_value().mutable_data()[i] = x + h;
      const double above = evaluate();
      input.mutable_value().mutable_data()[i] = x - h;
      const double below = evaluate();
      input.mutable_value().mutable_data()[i] = x;
      const double numeric = (above - below) / (2 * h);
      const double analytic = input.grad().defined() ? input.grad()[i] : 0.0;
      double error = std::abs(analytic - numeric) / std::max({1.0, std::abs(analytic), std::abs(numeric)});
      if (std::isnan(error)) error = HUGE_VAL;
      if (error > worst.error) worst = {k, input.shape(), i, analytic, numeric, error};
    }
    report.ok = report.ok && worst.error <= options.tolerance;
    report.inputs.push_back(worst);
  }
  return report;
}

}  // namespace bitgrain
