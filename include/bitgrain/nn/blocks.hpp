#pragma once

/// The composite blocks of models, written once for every layer family: convolution or linear layer, batch norm,
/// nonlinearity, residual add. A block is a template over the layer and the nonlinearity it is made of; each of
/// these is constructed from the family's options, then its geometry:
///
///     Conv(options, in, out, window, bias, groups)      Linear(options, in, out, bias)      Act(options)
///
/// Children are called "conv" or "linear", "bn", "act". Where Act is nothing but a ReLU (a member `is_plain_relu()`
/// says so), training runs batch norm, add and ReLU as one op. Where Act can do better than be called with the sum (a
/// member `after_batch_norm(bn, x, residual)`, which gives an undefined Var if it cannot just now), it does.

#include <string>

#include "bitgrain/nn/batch_norm2d.hpp"
#include "bitgrain/nn/max_pool2d.hpp"
#include "bitgrain/nn/module.hpp"
#include "bitgrain/ops/add.hpp"

namespace bitgrain {

namespace detail {
template <class Act>
bool is_plain_relu(Act& act) {
  if constexpr (requires { act.is_plain_relu(); }) return act.is_plain_relu();
  return false;
}

// act(bn(x) + residual), the residual being optional. A trace sees the ops one by one, each under its own layer.
template <class T, class Act>
Var<T> bn_act(BatchNorm2d<T>& bn, Act& act, const Var<T>& x, const Var<T>& residual = {}) {
  if constexpr (requires { act.after_batch_norm(bn, x, residual); })
    if (Var<T> y = act.after_batch_norm(bn, x, residual); y.defined()) return y;
  if (bn.training() && is_plain_relu(act) && Trace<T>::current() == nullptr) return bn.train_with_relu(x, residual);
  return act(residual.defined() ? add(bn(x), residual) : bn(x));
}
}  // namespace detail

/// pool(act(x)): how a network without batch norm ends a round of convolutions. One op where Act is nothing but a
/// ReLU; a trace sees the two, each under its own layer.
template <class T, class Act>
Var<T> act_max_pool(Act& act, MaxPool2d<T>& pool, const Var<T>& x) {
  if (detail::is_plain_relu(act) && Trace<T>::current() == nullptr) return pool.with_relu(x);
  return pool(act(x));
}

/// bn(conv(x)), the convolution without bias: a shortcut whose shape changes (option B).
template <class Conv>
class ConvBnBlock : public Module<typename Conv::Scalar> {
 public:
  using T = typename Conv::Scalar;

  template <class Options>
  ConvBnBlock(const Options& options, std::int64_t in, std::int64_t out, const Window2d& window,
              std::int64_t groups = 1)
      : conv_(options, in, out, window, /*bias=*/false, groups), bn_(out) {
    this->register_module("conv", conv_);
    this->register_module("bn", bn_);
  }

  Var<T> forward(const Var<T>& x) override { return bn_(conv_(x)); }
  std::string describe() const override { return "ConvBn"; }

  Conv& conv() { return conv_; }
  BatchNorm2d<T>& bn() { return bn_; }

 private:
  Conv conv_;
  BatchNorm2d<T> bn_;
};

/// act(bn(conv(x))), the convolution without bias.
template <class Conv, class Act>
class ConvBnActBlock : public Module<typename Conv::Scalar> {
 public:
  using T = typename Conv::Scalar;

  template <class Options>
  ConvBnActBlock(const Options& options, std::int64_t in, std::int64_t out, const Window2d& window,
                 std::int64_t groups = 1)
      : conv_(options, in, out, window, /*bias=*/false, groups), bn_(out), act_(options) {
    this->register_module("conv", conv_);
    this->register_module("bn", bn_);
    this->register_module("act", act_);
  }

  Var<T> forward(const Var<T>& x) override { return detail::bn_act(bn_, act_, conv_(x)); }
  std::string describe() const override { return "ConvBnAct"; }

  Conv& conv() { return conv_; }
  BatchNorm2d<T>& bn() { return bn_; }
  Act& act() { return act_; }

 private:
  Conv conv_;
  BatchNorm2d<T> bn_;
  Act act_;
};

/// act(bn(conv(x)) + shortcut), the convolution without bias: the end of a residual block. Called with two inputs,
/// `block(x, shortcut)`; `forward` of one input throws Error.
template <class Conv, class Act>
class ConvBnAddActBlock : public Module<typename Conv::Scalar> {
 public:
  using T = typename Conv::Scalar;

  template <class Options>
  ConvBnAddActBlock(const Options& options, std::int64_t in, std::int64_t out, const Window2d& window)
      : conv_(options, in, out, window, /*bias=*/false, /*groups=*/1), bn_(out), act_(options) {
    this->register_module("conv", conv_);
    this->register_module("bn", bn_);
    this->register_module("act", act_);
  }

  /// `shortcut` has the shape of the convolution's output.
  Var<T> operator()(const Var<T>& x, const Var<T>& shortcut) {
    const NameScope scope(this->name());
    return detail::bn_act(bn_, act_, conv_(x), shortcut);
  }
  Var<T> forward(const Var<T>&) override {
    fail("ConvBnAddAct '", this->name(), "' takes two inputs, x and the shortcut");
  }
  std::string describe() const override { return "ConvBnAddAct"; }

  Conv& conv() { return conv_; }
  BatchNorm2d<T>& bn() { return bn_; }
  Act& act() { return act_; }

 private:
  Conv conv_;
  BatchNorm2d<T> bn_;
  Act act_;
};

/// act(bn(linear(x))), the linear layer without bias.
template <class Linear, class Act>
class LinearBnActBlock : public Module<typename Linear::Scalar> {
 public:
  using T = typename Linear::Scalar;

  template <class Options>
  LinearBnActBlock(const Options& options, std::int64_t in, std::int64_t out)
      : linear_(options, in, out, /*bias=*/false), bn_(out), act_(options) {
    this->register_module("linear", linear_);
    this->register_module("bn", bn_);
    this->register_module("act", act_);
  }

  Var<T> forward(const Var<T>& x) override { return detail::bn_act(bn_, act_, linear_(x)); }
  std::string describe() const override { return "LinearBnAct"; }

  Linear& linear() { return linear_; }
  BatchNorm2d<T>& bn() { return bn_; }
  Act& act() { return act_; }

 private:
  Linear linear_;
  BatchNorm2d<T> bn_;
  Act act_;
};

}  // namespace bitgrain
