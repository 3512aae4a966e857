#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "bitgrain/kernels/f32/elementwise.hpp"
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
  using typename Optimizer<T>::Work;
  using typename Optimizer<T>::Factors;

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

  Factors prepare(Slot& slot, double learning_rate) override {
    const double t = static_cast<double>(slot.state[2].mutable_data()[0] += T{1});
    const double decay = decoupled_ ? 0.0 : slot.weight_decay;
    const double keep = decoupled_ ? 1 - learning_rate * slot.weight_decay : 1.0;
    const double rate = learning_rate / (1 - std::pow(beta1_, t)),
                 root_correction = std::sqrt(1 - std::pow(beta2_, t));
    return {
        static_cast<T>(rate),   static_cast<T>(root_correction), static_cast<T>(beta1_), static_cast<T>(1 - beta1_),
        static_cast<T>(beta2_), static_cast<T>(1 - beta2_),      static_cast<T>(decay),  static_cast<T>(keep)};
  }
  void update(const Work& work, std::int64_t begin, std::int64_t end) const override {
    using kernels::multiply_add;
    using V = kernels::Vec<T>;
    const auto factor = [&work](std::size_t i) { return V(work.factors[i]); };
    const V rate = factor(0), root_correction = factor(1), beta1 = factor(2), rest1 = factor(3), beta2 = factor(4),
            rest2 = factor(5), decay = factor(6), keep = factor(7), epsilon(static_cast<T>(epsilon_));
    const auto step = [=](V& w, V& m, V& v, V gradient) {
      const V g = multiply_add(decay, w, gradient);
      m = multiply_add(beta1, m, rest1 * g);
      v = multiply_add(beta2, v, rest2 * g * g);
      w = keep * w - rate * m / (sqrt(v) / root_correction + epsilon);
    };
    kernels::update_range(begin, end, step, work.value, work.state[0], work.state[1], work.gradient);
  }

 private:
  double beta1_ = 0, beta2_, epsilon_;
  bool decoupled_;
};

}  // namespace bitgrain
