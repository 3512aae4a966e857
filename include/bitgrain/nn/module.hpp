#pragma once

/// Module: a node of a network, with named parameters, buffers and children.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/autograd/var.hpp"
#include "bitgrain/base/random.hpp"

namespace bitgrain {

/// Base of every layer, block and model. A module owns its children as members (or in unique_ptrs) and registers
/// them, with its parameters and buffers, in its constructor. Registering a child prefixes the full names of
/// everything below it, so once the outermost constructor has run every module knows its full name
/// ("stage1.0.first.conv"). A child that is registered later, by Sequential::add say, gets the full prefix at once.
///
/// Modules are neither copied nor moved: parents hold pointers to them.
template <class T>
class Module {
 public:
  using Scalar = T;

  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// Runs `forward` with this module's name in scope, so that traces and messages can tell who ran.
  Var<T> operator()(const Var<T>& x) {
    const NameScope scope(name_);
    return forward(x);
  }
  virtual Var<T> forward(const Var<T>& x) = 0;
  /// What kind of module this is, with its settings: "Conv2d(3 -> 16, 3x3, stride 1, padding 1)".
  virtual std::string describe() const { return "Module"; }

  /// Full name within the outermost module; empty for the outermost itself.
  const std::string& name() const { return name_; }

  /// Training mode (batch statistics, dropout) or evaluation mode, for this module and everything below.
  void set_training(bool on) {
    for_each_module([on](Module& m) { m.training_ = on; });
  }
  bool training() const { return training_; }

  /// A trainable parameter. Weights decay; biases, batch-norm parameters and step sizes do not unless one asks.
  struct Parameter {
    std::string name;  ///< full name
    Var<T> var;
    bool decay = true;
  };
  /// State that is not trained (running statistics). The tensor is shared with the module.
  struct Buffer {
    std::string name;
    Tensor<T> tensor;
  };
  /// A source of random numbers that a module draws from in training (dropout). Its position is part of the state
  /// of a run: a checkpoint stores it.
  struct NamedStream {
    std::string name;
    RandomStream* stream = nullptr;
  };

  /// Every parameter of this module and of everything below, in order of registration.
  std::vector<Parameter> parameters() const {
    std::vector<Parameter> all;
    for_each_module([&all](const Module& m) {
      for (auto& p : m.own_parameters()) all.push_back({join(m.name_, p.name), p.var, p.decay});
    });
    return all;
  }
  std::vector<Buffer> buffers() const {
    std::vector<Buffer> all;
    for_each_module([&all](const Module& m) {
      for (const auto& b : m.own_buffers()) all.push_back({join(m.name_, b.name), b.tensor});
    });
    return all;
  }
  std::vector<NamedStream> random_streams() {
    std::vector<NamedStream> all;
    for_each_module([&all](Module& m) {
      for (const auto& s : m.streams_) all.push_back({join(m.name_, s.name), s.stream});
    });
    return all;
  }
  std::int64_t parameter_count() const {
    std::int64_t count = 0;
    for (const auto& p : parameters()) count += p.var.numel();
    return count;
  }
  void zero_grad() {
    for (auto& p : parameters()) p.var.zero_grad();
  }

  /// Visits this module, then everything below, in order of registration.
  template <class Visit>
  void for_each_module(Visit&& visit) {
    visit(*this);
    for (auto& child : children_) child->for_each_module(visit);
  }
  template <class Visit>
  void for_each_module(Visit&& visit) const {
    visit(*this);
    for (const auto& child : children_) std::as_const(*child).for_each_module(visit);
  }

 protected:
  /// Name relative to this module; `decay` says whether weight decay applies by default.
  void register_parameter(std::string name, const Var<T>& var, bool decay = true) {
    check_new("parameter", name, parameters_);
    parameters_.push_back({std::move(name), var, decay});
  }
  void register_buffer(std::string name, const Tensor<T>& tensor) {
    check_new("buffer", name, buffers_);
    buffers_.push_back({std::move(name), tensor});
  }
  /// A stream that is a member of this module. An empty name gives it the name of the module.
  void register_stream(std::string name, RandomStream& stream) {
    check_new("random stream", name, streams_);
    streams_.push_back({std::move(name), &stream});
  }
  void register_module(const std::string& name, Module& child) {
    const std::string full = join(name_, name);
    for (const Module* other : children_)
      BITGRAIN_CHECK(other->name_ != full, "two children of module '", name_, "' are called '", name, "'");
    child.for_each_module([&full](Module& m) { m.name_ = join(full, m.name_); });
    children_.push_back(&child);
  }
  /// The parameters of this module itself, by relative name. Modules whose parameters may change after construction
  /// (a quantizer can be exchanged) override it.
  virtual std::vector<Parameter> own_parameters() const { return parameters_; }
  /// The same for buffers.
  virtual std::vector<Buffer> own_buffers() const { return buffers_; }

 private:
  static std::string join(const std::string& a, const std::string& b) {
    return a.empty() ? b : b.empty() ? a : a + "." + b;
  }
  template <class Named>
  void check_new(const char* what, const std::string& name, const std::vector<Named>& registered) const {
    for (const Named& other : registered)
      BITGRAIN_CHECK(other.name != name, "two ", what, "s of module '", name_, "' are called '", name, "'");
  }

  std::string name_;
  bool training_ = true;
  std::vector<Module*> children_;
  std::vector<Parameter> parameters_;
  std::vector<Buffer> buffers_;
  std::vector<NamedStream> streams_;
};

}  // namespace bitgrain
