#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bitgrain/optim/optimizer.hpp"

namespace bitgrain {

struct SgdOptions {
  double learning_rate = 0.1;
  double momentum = 0.0;
  bool nesterov = false;  ///< needs a momentum
  double weight_decay = 0.0;
  std::vector<ParameterGroup> groups = {};
};

/// Stochastic gradient descent with momentum (Polyak 1964; Nesterov's form as Sutskever et al., ICML 2013), in
/// PyTorch's formulation without dampening. With gradient g, weight w, velocity v (zero at the start):
///
///     g <- g + weight_decay w
///     v <- momentum v + g
///     w <- w - learning_rate v                    or, Nesterov:  w <- w - learning_rate (g + momentum v)
template <class T>
class Sgd final : public Optimizer<T> {
 public:
  using typename Optimizer<T>::Parameter;

  explicit Sgd(std::vector<Parameter> parameters, const SgdOptions& options = {})
      : Optimizer<T>(std::move(parameters), options.learning_rate, options.weight_decay, options.groups,
                     {"momentum"}),
        nesterov_(options.nesterov) {
    set_momentum(options.momentum);
    BITGRAIN_CHECK(!nesterov_ || momentum_ > 0, "Nesterov needs a momentum above 0");
    this->add_state();
  }

  double momentum() const override { return momentum_; }
  void set_momentum(double momentum) override {
    BITGRAIN_CHECK(momentum >= 0 && momentum < 1, "the momentum must be in [0, 1), got ", momentum);
    momentum_ = momentum;
  }

 protected:
  using typename Optimizer<T>::Slot;

  void update(Slot& slot, double learning_rate) override {
    T* w = slot.parameter.var.mutable_value().mutable_data();
    const T* gradient = slot.parameter.var.grad().data();
    T* v = slot.state[0].mutable_data();
    const T rate = static_cast<T>(learning_rate), decay = static_cast<T>(slot.weight_decay);
    const T momentum = static_cast<T>(momentum_);
    const bool nesterov = nesterov_;
    this->for_elements(slot, [=](std::int64_t begin, std::int64_t end) {
      if (momentum == T{0}) {
        for (std::int64_t i = begin; i < end; ++i) w[i] -= rate * (gradient[i] + decay * w[i]);
      } else if (nesterov) {
        for (std::int64_t i = begin; i < end; ++i) {
          const T g = gradient[i] + decay * w[i];
          v[i] = momentum * v[i] + g;
          w[i] -= rate * (g + momentum * v[i]);
        }
      } else {
        for (std::int64_t i = begin; i < end; ++i) {
          v[i] = momentum * v[i] + (gradient[i] + decay * w[i]);
          w[i] -= rate * v[i];
        }
      }
    });
  }

 private:
  double momentum_ = 0;
  bool nesterov_;
};

}  // namespace bitgrain
