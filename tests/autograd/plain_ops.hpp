#pragma once

/// Three ops written out in plain loops, so that the tests of the tape depend on the tape alone.

#include "bitgrain/autograd/var.hpp"

namespace plain {

using bitgrain::Saved;
using bitgrain::Tensor;
using bitgrain::Var;

/// a * b, element by element.
inline Var<double> mul(const Var<double>& a, const Var<double>& b) {
  Tensor<double> y(a.shape());
  for (std::int64_t i = 0; i < y.numel(); ++i) y.mutable_data()[i] = a.value()[i] * b.value()[i];
  const Saved<double> saved_a(a.value()), saved_b(b.value());
  return bitgrain::make_result<double>("plain_mul", y, {a, b},
                                       [a = a.slot(), b = b.slot(), saved_a, saved_b](const Tensor<double>& dy) {
                                         const auto product = [&dy](const Tensor<double>& factor) {
                                           Tensor<double> d(dy.shape());
                                           for (std::int64_t i = 0; i < d.numel(); ++i)
                                             d.mutable_data()[i] = dy[i] * factor[i];
                                           return d;
                                         };
                                         if (a.requires_grad()) a.add_grad(product(saved_b.get()));
                                         if (b.requires_grad()) b.add_grad(product(saved_a.get()));
                                       });
}

/// a + b; hands the very same gradient tensor to both inputs.
inline Var<double> add(const Var<double>& a, const Var<double>& b) {
  Tensor<double> y(a.shape());
  for (std::int64_t i = 0; i < y.numel(); ++i) y.mutable_data()[i] = a.value()[i] + b.value()[i];
  return bitgrain::make_result<double>("plain_add", y, {a, b},
                                       [a = a.slot(), b = b.slot()](const Tensor<double>& dy) {
                                         if (a.requires_grad()) a.add_grad(dy);
                                         if (b.requires_grad()) b.add_grad(dy);
                                       });
}

/// The sum of all elements.
inline Var<double> sum(const Var<double>& x) {
  double total = 0;
  for (const double v : x.value().values()) total += v;
  return bitgrain::make_result<double>(
      "plain_sum", Tensor<double>({}, {total}), {x},
      [x = x.slot()](const Tensor<double>& dy) { x.add_grad(Tensor<double>(x.shape(), dy.item())); });
}

inline Var<double> parameter(std::initializer_list<double> values) {
  return Var<double>(Tensor<double>({static_cast<std::int64_t>(values.size())}, values), true);
}

inline std::vector<double> list(const Tensor<double>& t) { return {t.values().begin(), t.values().end()}; }

}  // namespace plain
