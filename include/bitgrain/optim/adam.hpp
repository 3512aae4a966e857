#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "bitgrain/optim/optimizer.hpp"

namespace bitgrain {

struct AdamOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;  ///< decay of the first and of the second moment
  double epsilon = 1e-8;
  double weight_decay = 0.0;  ///< added to the gradient
  std::vector<ParameterGroup> groups = {};
};

/// Adam (Kingma and Ba, ICLR 2015), in PyTorch's formulation. With gradient g, weight w, moments m and v (zero at
/// the start) and t = the number of updates this parameter has had, this one included:
///
///     g <- g + weight_decay w
///     m <- beta1 m + (1 - beta1) g
///     v <- beta2 v + (1 - beta2) g^2
///     w <- w - learning_rate / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
///
/// `momentum` of a schedule is beta1.
template <class T>
class Adam : public Optimizer<T> {
 public:
  using typename Optimizer<T>::Parameter;

  explicit Adam(std::vector<Parameter> parameters, const AdamOptions& options = {})
      : Adam(std::move(parameters), options, false) {}

  double momentum() const override { return beta1_; }
  void set_momentum(double momentum) override {
    BITGRAIN_CHECK(momentum >= 0 && momentum < 1, "beta1 must be in [0, 1), got ", momentum);
    beta1_ = momentum;
  }

 protected:
  using typename Optimizer<T>::Slot;

  // decoupled: the weight shrinks by itself instead of through the gradient (AdamW).
  Adam(std::vector<Parameter> parameters, const AdamOptions& options, bool decoupled)
      : Optimizer<T>(std::move(parameters), options.learning_rate, options.weight_decay, options.groups,
                     {"first_moment", "second_moment", "updates"}),
        beta2_(options.beta2),
        epsilon_(options.epsilon),
        decoupled_(decoupled) {
    set_momentum(options.beta1);
    BITGRAIN_CHECK(beta2_ >= 0 && beta2_ < 1, "beta2 must be in [0, 1), got ", beta2_);
    BITGRAIN_CHECK(epsilon_ >= 0, "epsilon must not be negative, got ", epsilon_);
    this->add_state();
    this->add_state();
    this->add_state(/*one_value_only=*/true);  // exact in float up to 2^24 updates
  }

  void update(Slot& slot, double learning_rate) override {
    T* w = slot.parameter.var.mutable_value().mutable_data();
    const T* gradient = slot.parameter.var.grad().data();
    T* m = slot.state[0].mutable_data();
    T* v = slot.state[1].mutable_data();
    const double t = static_cast<double>(slot.state[2].mutable_data()[0] += T{1});

    const T rate = static_cast<T>(learning_rate / (1 - std::pow(beta1_, t)));
    const T root_correction = static_cast<T>(std::sqrt(1 - std::pow(beta2_, t)));
    const T beta1 = static_cast<T>(beta1_), beta2 = static_cast<T>(beta2_), epsilon = static_cast<T>(epsilon_);
    const T rest1 = static_cast<T>(1 - beta1_), rest2 = static_cast<T>(1 - beta2_);
    const T decay = decoupled_ ? T{0} : static_cast<T>(slot.weight_decay);
    const T keep = decoupled_ ? static_cast<T>(1 - learning_rate * slot.weight_decay) : T{1};
    this->for_elements(slot, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const T g = gradient[i] + decay * w[i];
        m[i] = beta1 * m[i] + rest1 * g;
        v[i] = beta2 * v[i] + rest2 * g * g;
        w[i] = keep * w[i] - rate * m[i] / (std::sqrt(v[i]) / root_correction + epsilon);
      }
    });
  }

 private:
  double beta1_ = 0, beta2_, epsilon_;
  bool decoupled_;
};

}  // namespace bitgrain
