#pragma once

/// What all optimizers share: parameters with their groups, the learning rate, state by name.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
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

  /// One update of every parameter that has a gradient: one pass over each, in one parallel region over all of them.
  void step() {
    work_.clear();
    std::int64_t total = 0;
    for (Slot& slot : slots_) {
      Var<T>& var = slot.parameter.var;
      if (!var.grad().defined()) continue;
      Work work;
      work.factors = prepare(slot, learning_rate_ * slot.learning_rate_scale);
      work.first = total;
      total += var.numel();
      work.value = var.mutable_value().mutable_data();
      work.gradient = var.grad().data();
      for (std::size_t i = 0; i < slot.state.size(); ++i) work.state[i] = slot.state[i].mutable_data();
      work_.push_back(work);
    }
    // All parameters one behind the other, in chunks: large ones are shared out, small ones do not wait for threads.
    constexpr std::int64_t kChunk = 1 << 14;
    parallel_for(total, kChunk, [this, total](std::int64_t begin, std::int64_t end) {
      auto work = std::upper_bound(work_.begin(), work_.end(), begin,
                                   [](std::int64_t at, const Work& w) { return at < w.first; }) -
                  1;
      for (; begin < end; ++work) {
        const std::int64_t behind = work + 1 == work_.end() ? total : (work + 1)->first;
        const std::int64_t last = std::min(end, behind);
        update(*work, begin - work->first, last - work->first);
        begin = last;
      }
    });
  }
  /// The same with a new learning rate.
  void step(double learning_rate) {
    set_learning_rate(learning_rate);
    step();
  }
  /// Drops all gradients: backward writes new ones whole, into the same memory from the pool, so nothing is cleared.
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

  /// What the update of a parameter is computed with, beside its arrays; each optimizer says what they are.
  using Factors = std::array<T, 8>;
  /// The arrays of one parameter during a step.
  struct Work {
    T* value = nullptr;
    const T* gradient = nullptr;
    std::array<T*, 3> state{};
    Factors factors{};
    std::int64_t first = 0;  ///< elements of the parameters before this one
  };

  Optimizer(std::vector<Parameter> parameters, double learning_rate, double weight_decay,
            const std::vector<ParameterGroup>& groups, std::vector<std::string> state_names)
      : state_names_(std::move(state_names)) {
    set_learning_rate(learning_rate);
    BITGRAIN_CHECK(weight_decay >= 0, "the weight decay must not be negative, got ", weight_decay);
    for (Parameter& p : parameters) {
      for (const Slot& other : slots_) {
        BITGRAIN_CHECK(other.parameter.name != p.name, "the optimizer was given two parameters called '", p.name,
                       "'");
        BITGRAIN_CHECK(other.parameter.var.id() != p.var.id(), "the optimizer was given one parameter twice, as '",
                       other.parameter.name, "' and '", p.name, "'");
      }
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
  /// What the step of one parameter needs, once per step and in order; may change state of a single value.
  virtual Factors prepare(Slot& slot, double learning_rate) = 0;
  /// Updates elements [begin, end), at the same time as others of any parameter.
  virtual void update(const Work& work, std::int64_t begin, std::int64_t end) const = 0;

 private:
  double learning_rate_ = 0;
  std::vector<std::string> state_names_;
  std::vector<Slot> slots_;
  std::vector<Work> work_;  // of the step in progress
};

}  // namespace bitgrain
