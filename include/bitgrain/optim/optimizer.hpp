#pragma once

/// What all optimizers share: parameters with their groups, the learning rate, state by name.

#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/nn/module.hpp"

namespace bitgrain {

/// Settings of their own for the parameters whose full name `matches` accepts. A parameter belongs to the first
/// group that accepts it, and to none when none does.
struct ParameterGroup {
  std::function<bool(const std::string& name)> matches = {};
  double learning_rate_scale = 1.0;         ///< times the learning rate of the optimizer; 0 freezes
  std::optional<double> weight_decay = {};  ///< for every parameter of the group, whatever its own flag says
};

/// Base of the optimizers. Without a group a parameter decays by the optimizer's weight decay if its flag `decay` is
/// set and not at all otherwise. Parameters without a gradient are left alone, their state too.
template <class T>
class Optimizer {
 public:
  using Parameter = typename Module<T>::Parameter;

  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// One update of every parameter that has a gradient.
  void step() {
    for (Slot& slot : slots_)
      if (slot.parameter.var.grad().defined()) update(slot, learning_rate_ * slot.learning_rate_scale);
  }
  /// The same with a new learning rate.
  void step(double learning_rate) {
    set_learning_rate(learning_rate);
    step();
  }
  void zero_grad() {
    for (Slot& slot : slots_) slot.parameter.var.zero_grad();
  }

  double learning_rate() const { return learning_rate_; }
  /// Throws Error unless `learning_rate` is finite and not negative.
  void set_learning_rate(double learning_rate) {
    BITGRAIN_CHECK(std::isfinite(learning_rate) && learning_rate >= 0,
                   "the learning rate must be finite and not negative, got ", learning_rate);
    learning_rate_ = learning_rate;
  }
  /// The coefficient that schedules cycle: SGD's momentum, Adam's beta1.
  virtual double momentum() const = 0;
  virtual void set_momentum(double momentum) = 0;

  /// State that a checkpoint stores, "<parameter>.<what>". Tensors are shared with the optimizer: copy into them to
  /// restore.
  struct State {
    std::string name;
    Tensor<T> tensor;
  };
  std::vector<State> state() const {
    std::vector<State> all;
    for (const Slot& slot : slots_)
      for (std::size_t i = 0; i < slot.state.size(); ++i)
        all.push_back({slot.parameter.name + "." + state_names_[i], slot.state[i]});
    return all;
  }

 protected:
  struct Slot {
    Parameter parameter;
    double learning_rate_scale = 1.0;
    double weight_decay = 0.0;
    std::vector<Tensor<T>> state;
  };

  Optimizer(std::vector<Parameter> parameters, double learning_rate, double weight_decay,
            const std::vector<ParameterGroup>& groups, std::vector<std::string> state_names)
      : state_names_(std::move(state_names)) {
    set_learning_rate(learning_rate);
    BITGRAIN_CHECK(weight_decay >= 0, "the weight decay must not be negative, got ", weight_decay);
    for (Parameter& p : parameters) {
      for (const Slot& other : slots_)
        BITGRAIN_CHECK(other.parameter.name != p.name, "the optimizer was given two parameters called '", p.name,
                       "'");
      Slot slot{std::move(p), 1.0, 0.0, {}};
      slot.weight_decay = slot.parameter.decay ? weight_decay : 0.0;
      for (const ParameterGroup& group : groups) {
        if (!group.matches(slot.parameter.name)) continue;
        slot.learning_rate_scale = group.learning_rate_scale;
        if (group.weight_decay) slot.weight_decay = *group.weight_decay;
        break;
      }
      slots_.push_back(std::move(slot));
    }
  }
  /// Adds a state tensor of zeros to every parameter, in the order of the names given to the constructor.
  void add_state(bool one_value_only = false) {
    for (Slot& slot : slots_) slot.state.emplace_back(one_value_only ? Shape{1} : slot.parameter.var.shape(), T{0});
  }
  virtual void update(Slot& slot, double learning_rate) = 0;

  /// Calls `loop(begin, end)` over the elements of a parameter.
  template <class Loop>
  static void for_elements(const Slot& slot, Loop&& loop) {
    constexpr std::int64_t kGrain = 1 << 14;
    parallel_for(slot.parameter.var.numel(), kGrain, loop);
  }

 private:
  double learning_rate_ = 0;
  std::vector<std::string> state_names_;
  std::vector<Slot> slots_;
};

}  // namespace bitgrain
