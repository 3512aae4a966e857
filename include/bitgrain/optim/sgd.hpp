#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bitgrain/kernels/f32/elementwise.hpp"
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
  using typename Optimizer<T>::Work;
  using typename Optimizer<T>::Factors;

  Factors prepare(Slot& slot, double learning_rate) override {
    return {static_cast<T>(-learning_rate), static_cast<T>(slot.weight_decay), static_cast<T>(momentum_)};
  }
  void update(const Work& work, std::int64_t begin, std::int64_t end) const override {
    using kernels::multiply_add;
    using V = kernels::Vec<T>;
    const V down(work.factors[0]), decay(work.factors[1]), momentum(work.factors[2]);
    if (momentum_ == 0) {
      const auto plain = [=](V& w, V g) { w = multiply_add(down, multiply_add(decay, w, g), w); };
      kernels::update_range(begin, end, plain, work.value, work.gradient);
    } else if (nesterov_) {
      const auto nesterov = [=](V& w, V& v, V gradient) {
        const V g = multiply_add(decay, w, gradient);
        v = multiply_add(momentum, v, g);
        w = multiply_add(down, multiply_add(momentum, v, g), w);
      };
      kernels::update_range(begin, end, nesterov, work.value, work.state[0], work.gradient);
    } else {
      const auto heavy_ball = [=](V& w, V& v, V gradient) {
        v = multiply_add(momentum, v, multiply_add(decay, w, gradient));
        w = multiply_add(down, v, w);
      };
      kernels::update_range(begin, end, heavy_ball, work.value, work.state[0], work.gradient);
    }
  }

 private:
  double momentum_ = 0;
  bool nesterov_;
};

}  // namespace bitgrain
