#pragma once

/// Recording which ops a forward pass ran, in order: what `lower` reads.
///
/// An op announces itself with `trace(...)` after it has computed its result; without a live Trace that costs one
/// comparison. Names come from the modules: a NameScope is open while a module's forward runs.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bitgrain/autograd/var.hpp"
#include "bitgrain/tensor/geometry.hpp"

namespace bitgrain {

/// What lowering must know of an op beyond its inputs and its output. Each op fills what it has.
struct OpAttributes {
  ConvGeometry conv;                 ///< conv2d, linear (a 1x1 convolution of a 1x1 image)
  PoolGeometry pool;                 ///< max_pool2d, avg_pool2d
  std::vector<double> scale, shift;  ///< batch_norm in evaluation mode: y = scale_c x + shift_c
  double low = 0, high = 0;          ///< clip, relu6
  std::int64_t stride = 1, pad_before = 0,
               pad_after = 0;  ///< subsample_pad: spatial stride, zero channels on each side
};

/// One op of a forward pass. Inputs that were not given (no bias) are undefined Vars.
template <class T>
struct TraceRecord {
  std::string op;     ///< the op's name: "conv2d", "batch_norm", "add", ...
  std::string layer;  ///< full name of the module that ran it
  std::vector<Var<T>> inputs;
  Var<T> output;
  OpAttributes attributes;
};

/// While one lives, ops of this thread hand it their records.
template <class T>
class Trace {
 public:
  Trace() : outer_(std::exchange(current(), this)) {}
  virtual ~Trace() { current() = outer_; }
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  /// Receives a record as soon as the op has run; keeps it.
  virtual void add(TraceRecord<T> record) { records.push_back(std::move(record)); }

  std::vector<TraceRecord<T>> records;

  static Trace*& current() {
    thread_local Trace* trace = nullptr;
    return trace;
  }

 private:
  Trace* outer_;
};

/// The name of the module whose forward is running on this thread.
class NameScope {
 public:
  explicit NameScope(std::string_view name) : outer_(std::exchange(current(), name)) {}
  ~NameScope() { current() = outer_; }
  NameScope(const NameScope&) = delete;
  NameScope& operator=(const NameScope&) = delete;

  static std::string_view& current() {
    thread_local std::string_view name;
    return name;
  }

 private:
  std::string_view outer_;
};

/// Records an op if a Trace is live on this thread.
template <class T>
void trace(const char* op, std::vector<Var<T>> inputs, const Var<T>& output, OpAttributes attributes = {}) {
  if (Trace<T>* recorder = Trace<T>::current()) [[unlikely]]
    recorder->add({op, std::string(NameScope::current()), std::move(inputs), output, std::move(attributes)});
}

}  // namespace bitgrain
