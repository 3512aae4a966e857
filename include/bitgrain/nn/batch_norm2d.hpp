#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bitgrain/nn/module.hpp"
#include "bitgrain/ops/batch_norm_relu.hpp"

namespace bitgrain {

/// Batch normalisation over the last dimension (Ioffe and Szegedy, ICML 2015), of images [N,H,W,C] and of features
/// [N,C]. Parameters: weight (gamma), bias (beta), both [C], without weight decay; buffers: running_mean,
/// running_var. Training normalises with the statistics of the batch and moves the running ones towards them by
/// `momentum` (the variance without bias); evaluation uses the running ones. Defaults are PyTorch's.
///
/// **Copies** (LIMPQ trains one network at several bit-widths, each with statistics of its own): after
/// `use_copies(n)` the layer has n independent sets of parameters and statistics, of which the selected one is in
/// use. All are listed, as "copy0.weight", "copy0.bias", ..., "copy0.running_mean", ...; those not in use receive no
/// gradient.
template <class T>
class BatchNorm2d : public Module<T> {
 public:
  using typename Module<T>::Parameter;
  using typename Module<T>::Buffer;

  explicit BatchNorm2d(std::int64_t channels, double momentum = 0.1, double epsilon = 1e-5)
      : channels_(channels), epsilon_(epsilon) {
    BITGRAIN_CHECK(channels >= 1, "BatchNorm2d: channels must be at least 1, got ", channels);
    BITGRAIN_CHECK(epsilon > 0, "BatchNorm2d: epsilon must be above 0, got ", epsilon);
    set_momentum(momentum);
    const Shape shape{channels};
    copies_.push_back({Var<T>(Tensor<T>(shape, T{1}), true), Var<T>(Tensor<T>(shape, T{0}), true),
                       Tensor<T>(shape, T{0}), Tensor<T>(shape, T{1})});
  }

  Var<T> forward(const Var<T>& x) override {
    Copy& c = copies_[selected_];
    if (this->training())
      return batch_norm_train(x, c.weight, c.bias, c.running_mean, c.running_var, momentum_, epsilon_);
    return batch_norm_eval(x, c.weight, c.bias, c.running_mean, c.running_var, epsilon_);
  }
  /// relu(forward(x)), or relu(forward(x) + residual), in training mode and as one op.
  Var<T> train_with_relu(const Var<T>& x, const Var<T>& residual = {}) {
    Copy& c = copies_[selected_];
    return batch_norm_relu_train(x, c.weight, c.bias, c.running_mean, c.running_var, momentum_, epsilon_, residual);
  }
  std::string describe() const override {
    return detail::concat("BatchNorm2d(", channels_,
                          copies_.size() > 1 ? detail::concat(", ", copies_.size(), " copies") : "", ")");
  }

  /// Gamma, beta and statistics in use.
  Var<T>& weight() { return copies_[selected_].weight; }
  Var<T>& bias() { return copies_[selected_].bias; }
  Tensor<T>& running_mean() { return copies_[selected_].running_mean; }
  Tensor<T>& running_var() { return copies_[selected_].running_var; }
  std::int64_t channels() const { return channels_; }
  double epsilon() const { return epsilon_; }

  double momentum() const { return momentum_; }
  /// Share of the batch in the running statistics, 0 to 1. With 1 / k at the k-th batch they are plain averages.
  void set_momentum(double momentum) {
    BITGRAIN_CHECK(momentum >= 0 && momentum <= 1, "BatchNorm2d: the momentum must be in [0, 1], got ", momentum);
    momentum_ = momentum;
  }
  /// Running statistics in use back to mean 0 and variance 1.
  void reset_statistics() {
    running_mean().fill(T{0});
    running_var().fill(T{1});
  }

  /// Makes `count` copies of what is in use now and selects the first, which is the present one itself. Older copies
  /// that were not selected are dropped.
  void use_copies(int count) {
    BITGRAIN_CHECK(count >= 1, "BatchNorm2d '", this->name(), "': there must be at least 1 copy, got ", count);
    keep_copy(selected_copy());
    for (int i = 1; i < count; ++i) {
      const Copy& first = copies_[0];
      copies_.push_back({Var<T>(first.weight.value().clone(), first.weight.requires_grad()),
                         Var<T>(first.bias.value().clone(), first.bias.requires_grad()), first.running_mean.clone(),
                         first.running_var.clone()});
    }
  }
  void select_copy(int index) { selected_ = checked(index); }
  /// Drops all copies but one, which is then in use under the plain names.
  void keep_copy(int index) {
    const Copy kept = copies_[checked(index)];
    copies_.assign(1, kept);
    selected_ = 0;
  }
  int copies() const { return static_cast<int>(copies_.size()); }
  int selected_copy() const { return static_cast<int>(selected_); }

 protected:
  std::vector<Parameter> own_parameters() const override {
    std::vector<Parameter> all;
    for (std::size_t i = 0; i < copies_.size(); ++i) {
      all.push_back({prefix(i) + "weight", copies_[i].weight, false});
      all.push_back({prefix(i) + "bias", copies_[i].bias, false});
    }
    return all;
  }
  std::vector<Buffer> own_buffers() const override {
    std::vector<Buffer> all;
    for (std::size_t i = 0; i < copies_.size(); ++i) {
      all.push_back({prefix(i) + "running_mean", copies_[i].running_mean});
      all.push_back({prefix(i) + "running_var", copies_[i].running_var});
    }
    return all;
  }

 private:
  struct Copy {
    Var<T> weight, bias;
    Tensor<T> running_mean, running_var;
  };
  std::string prefix(std::size_t i) const { return copies_.size() == 1 ? "" : "copy" + std::to_string(i) + "."; }
  std::size_t checked(int index) const {
    BITGRAIN_CHECK(index >= 0 && index < copies(), "BatchNorm2d '", this->name(), "': copy ", index,
                   " was asked for, there are ", copies());
    return static_cast<std::size_t>(index);
  }

  std::int64_t channels_;
  double momentum_ = 0.1, epsilon_;
  std::vector<Copy> copies_;
  std::size_t selected_ = 0;
};

/// Every batch norm of a network, in order of registration.
template <class T>
std::vector<BatchNorm2d<T>*> batch_norms(Module<T>& model) {
  std::vector<BatchNorm2d<T>*> all;
  model.for_each_module([&all](Module<T>& m) {
    if (auto* layer = dynamic_cast<BatchNorm2d<T>*>(&m)) all.push_back(layer);
  });
  return all;
}

}  // namespace bitgrain
