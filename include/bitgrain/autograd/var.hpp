#pragma once

/// Reverse-mode automatic differentiation.
///
/// Every op makes a node that knows where the gradients of its inputs go and a function from the gradient of its
/// output to these. Nodes carry a sequence number; `backward` visits them from the newest to the oldest, each once
/// all gradients of its output have arrived, and frees each as it passes. What no gradient needs is never recorded.
///
/// The memory plan of a training step:
///
/// - A variable is two things: its *value*, held by the `Var` handles, and its `GradSlot` (shape, gradient, the node
///   that made it), held also by the nodes that read it. The tape holds slots and what ops saved, never values: a
///   value dies with its last handle unless some op saved it.
/// - An op saves (`Saved`) only what its backward reads, and only if the gradient that needs it is wanted. Saving
///   shares the storage. An add saves nothing; a ReLU its result, which the next layer's weight gradient needs
///   anyway; a convolution its input (for dw) and its weights (for dx); batch norm its input. Batch norm + ReLU (+
///   add) is one op, so the normalised tensor never exists.
/// - What one cheap pass over something saved gives again is not saved (`Recomputed`). The result of batch norm with
///   ReLU (+ add), which the next convolution reads, is computed a second time in backward from the input of batch
///   norm (and the added value, if that can be had in the same way). So a convolution layer keeps one tensor, its
///   output.
/// - Integer codes take a byte each (`Var::of_codes`), sums of few-bit products two (`Var::of_sums`). The real
///   numbers they stand for are made when somebody asks for them, and made again in backward where an op saved them.
/// - In backward every tensor dies at its last reader: saved tensors with their node, the gradient of a result when
///   its node has run. Gradients are computed in place where nobody else holds the tensor (ops/gradient_buffer.hpp),
///   and move from op to op without a copy; only where a variable has several readers is there an addition. What a
///   convolution reads may come in pieces (autograd/gradient_pieces.hpp) and is then in memory never.
/// - Freed blocks go back to the pool (base/memory.hpp) and serve the next request of their size, so after its first
///   rounds a step asks the system for nothing.

#include <atomic>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "bitgrain/autograd/gradient_pieces.hpp"
#include "bitgrain/autograd/profile.hpp"
#include "bitgrain/kernels/f32/code_bytes.hpp"
#include "bitgrain/kernels/f32/elementwise.hpp"
#include "bitgrain/tensor/qtensor.hpp"
#include "bitgrain/tensor/tensor.hpp"

namespace bitgrain {

namespace detail {
template <class T>
struct Node;

template <class T>
struct SlotState {
  Shape shape;
  Tensor<T> grad;
  GradientPieces<T> pieces;  // all of the gradient, where it has come in this form; then grad is undefined
  bool requires_grad = false;
  bool takes_pieces = false;          // the producer can read the gradient in pieces
  bool consumed = false;              // backward has freed the tape behind it
  std::shared_ptr<Node<T>> producer;  // null for leaves
};

// destination += source
template <class T>
void add_into(Tensor<T>& destination, const Tensor<T>& source) {
  T* d = destination.mutable_data();
  kernels::add(destination.numel(), static_cast<const T*>(d), source.data(), d);
}
}  // namespace detail

/// Where the gradient of a variable goes: all that backward functions need of an input. Unlike the `Var` it keeps no
/// value alive.
template <class T>
class GradSlot {
 public:
  /// The slot of no variable: requires no gradient.
  GradSlot() = default;
  explicit GradSlot(const Shape& shape) : state_(std::make_shared<detail::SlotState<T>>()) { state_->shape = shape; }

  bool requires_grad() const { return state_ && state_->requires_grad; }
  const Shape& shape() const { return state_->shape; }
  /// What has arrived so far; undefined before anything has.
  const Tensor<T>& grad() const { return state_->grad; }
  /// Adds a gradient. Takes the tensor over when it is the first one. For the backward functions of ops.
  void add_grad(Tensor<T> gradient) const {
    BITGRAIN_CHECK(gradient.shape() == shape(), "a gradient of shape ", gradient.shape(),
                   " reached a variable of shape ", shape());
    if (state_->pieces) put_together();
    Tensor<T>& grad = state_->grad;
    if (!grad.defined()) {
      grad = std::move(gradient);
    } else if (grad.unique()) {
      detail::add_into(grad, gradient);
    } else {  // the first gradient was shared with another variable: leave theirs alone
      grad = grad.clone();
      detail::add_into(grad, gradient);
    }
  }

  /// What has arrived so far, for adding to it in place; undefined if there is nothing or somebody else holds it too.
  Tensor<T> grad_to_add_to() const {
    return state_->grad.defined() && state_->grad.unique() ? state_->grad : Tensor<T>();
  }
  /// Whether the gradient may come in pieces: the op that made the variable reads it so, and nothing has arrived.
  bool takes_pieces() const {
    return requires_grad() && state_->takes_pieces && !state_->grad.defined() && !state_->pieces;
  }
  /// The same as add_grad of all pieces together. Only if takes_pieces().
  void add_pieces(GradientPieces<T> pieces) const {
    BITGRAIN_CHECK(takes_pieces(), "a gradient came in pieces that nobody asked for");
    state_->pieces = std::move(pieces);
  }

  // For Var and make_result.
  const std::shared_ptr<detail::SlotState<T>>& state() const { return state_; }

 private:
  // A second gradient arrived: what came in pieces becomes a tensor.
  void put_together() const {
    const GradientPieces<T> pieces = std::exchange(state_->pieces, {});
    state_->grad = Tensor<T>(shape());
    pieces.write(0, shape()[0], state_->grad.mutable_data());
  }

  std::shared_ptr<detail::SlotState<T>> state_;
};

/// A value that is not kept for backward but computed again when backward first needs it. From then on it is kept
/// until the last `Saved` that refers to it is gone.
template <class T>
class Recomputed {
 public:
  /// `compute` gives `value` again, to the bit, from saved tensors.
  Recomputed(const Tensor<T>& value, std::function<Tensor<T>()> compute)
      : version_(value.version()), compute_(std::move(compute)) {}
  /// `compute` gives a value that nobody can write into.
  explicit Recomputed(std::function<Tensor<T>()> compute) : compute_(std::move(compute)) {}
  /// Whether nobody has written into `value` since.
  bool stands_for(const Tensor<T>& value) const { return value.version() == version_; }
  const Tensor<T>& get() {
    if (!value_.defined()) {
      value_ = compute_();
      compute_ = nullptr;  // and with it what it was computed from
    }
    return value_;
  }

 private:
  std::uint64_t version_ = 0;
  std::function<Tensor<T>()> compute_;
  Tensor<T> value_;
};

/// Mean and biased variance by channel (last dimension), [C] each.
template <class T>
struct ChannelMoments {
  Tensor<T> mean, var_biased;
};

/// Values scale[c] * sums[.., c]: the result of an integer convolution, as it came out of the accumulators.
template <class T>
struct ScaledSums {
  Tensor<std::int16_t> sums;
  Tensor<T> scale;
};

namespace detail {
template <class T>
struct VarState {
  Tensor<T> value;  // undefined while code_bytes or scaled sums are all there is
  GradSlot<T> slot;
  std::shared_ptr<Recomputed<T>> recomputed;         // null: the value can only be kept
  std::shared_ptr<const QuantInfo> quant;            // set when the values lie on a grid of integer codes
  Tensor<std::uint8_t> code_bytes;                   // undefined: the codes are in the values alone
  std::shared_ptr<const ChannelMoments<T>> moments;  // null: nobody has counted
  std::shared_ptr<const ScaledSums<T>> sums;         // null: the value is no product
};

template <class T>
Tensor<T> values_of_codes(const Tensor<std::uint8_t>& bytes, const QuantInfo& info) {
  Tensor<T> values(bytes.shape());
  kernels::values_of_bytes(bytes.numel(), bytes.data(), static_cast<T>(info.step.front()), info.zero_point,
                           values.mutable_data());
  return values;
}
template <class T>
Tensor<T> values_of_sums(const ScaledSums<T>& from) {
  Tensor<T> values(from.sums.shape());
  const std::int64_t channels = from.scale.numel();
  kernels::values_of_sums(channels > 0 ? values.numel() / channels : 0, channels, from.sums.data(), from.scale.data(),
                          values.mutable_data());
  return values;
}

template <class T>
struct Node {
  const char* op = "";
  std::uint64_t sequence = 0;
  std::vector<GradSlot<T>> inputs;
  std::function<void(const Tensor<T>& grad_output)> backward;
  std::function<void(const GradientPieces<T>& grad_output)> backward_of_pieces;  // null: it wants a tensor
};

inline std::uint64_t next_sequence() {
  thread_local std::uint64_t counter = 0;
  return ++counter;
}
inline bool& grad_enabled() {
  thread_local bool enabled = true;
  return enabled;
}
}  // namespace detail

/// Whether ops record what backward needs. Off inside a NoGrad.
inline bool grad_enabled() { return detail::grad_enabled(); }

/// While one lives, ops of this thread record nothing: for evaluation.
class NoGrad {
 public:
  NoGrad() : outer_(std::exchange(detail::grad_enabled(), false)) {}
  ~NoGrad() { detail::grad_enabled() = outer_; }
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool outer_;
};

/// A tensor with a gradient and a place on the tape. Copies are handles to the same variable.
template <class T>
class Var {
 public:
  using Scalar = T;

  /// No variable: `defined()` is false.
  Var() = default;
  /// A leaf. Parameters are leaves with `requires_grad`.
  explicit Var(Tensor<T> value, bool requires_grad = false) : state_(std::make_shared<detail::VarState<T>>()) {
    state_->slot = GradSlot<T>(value.shape());
    state_->value = std::move(value);
    set_requires_grad(requires_grad);
  }

  /// A leaf that stands for integer codes of one step, a byte each, which are codes of the grid: values
  /// step * (byte - zero_point).
  static Var of_codes(Tensor<std::uint8_t> bytes, std::shared_ptr<const QuantInfo> quant) {
    BITGRAIN_CHECK(!quant->per_channel() && quant->grid == Grid::kUnsigned && quant->bits <= 8,
                   "codes in bytes are unsigned and have one step");
    Var result;
    result.state_ = std::make_shared<detail::VarState<T>>();
    result.state_->slot = GradSlot<T>(bytes.shape());
    result.state_->code_bytes = std::move(bytes);
    result.state_->quant = std::move(quant);
    return result;
  }

  /// A leaf that stands for scale[c] * sums, c being the last dimension.
  static Var of_sums(std::shared_ptr<const ScaledSums<T>> sums) {
    Var result;
    result.state_ = std::make_shared<detail::VarState<T>>();
    result.state_->slot = GradSlot<T>(sums->sums.shape());
    result.state_->sums = std::move(sums);
    return result;
  }

  bool defined() const { return state_ != nullptr; }
  /// Whether there is a value, be it as codes or as sums; false for a variable of an undefined tensor.
  bool has_value() const { return state_->value.defined() || has_code_bytes() || state_->sums; }
  /// The real numbers. If there are only codes or sums so far, they are made now.
  const Tensor<T>& value() const {
    if (!state_->value.defined()) {
      if (state_->code_bytes.defined())
        state_->value = detail::values_of_codes<T>(state_->code_bytes, *state_->quant);
      else if (state_->sums)
        state_->value = detail::values_of_sums(*state_->sums);
    }
    return state_->value;
  }
  const Shape& shape() const { return state_->slot.shape(); }
  std::int64_t numel() const { return has_code_bytes() || state_->sums ? shape().numel() : state_->value.numel(); }
  T item() const { return value().item(); }
  /// The value for writing in place: optimizers, initialisation, loading. Its shape stays.
  Tensor<T>& mutable_value() {
    value();
    state_->code_bytes = {};
    state_->moments = nullptr;
    state_->sums = nullptr;
    return state_->value;
  }
  /// Identity of the variable, for comparing handles.
  const void* id() const { return state_.get(); }

  /// What the tape holds of this variable, an empty slot if it is undefined. Backward functions capture it.
  GradSlot<T> slot() const { return state_ ? state_->slot : GradSlot<T>(); }
  bool requires_grad() const { return state_ && state_->slot.requires_grad(); }
  void set_requires_grad(bool on) { tape().requires_grad = on; }
  bool is_leaf() const { return tape().producer == nullptr && !tape().consumed; }
  /// dL/d(this) after backward; undefined when nothing arrived. Kept for leaves only.
  const Tensor<T>& grad() const { return tape().grad; }
  Tensor<T>& mutable_grad() { return tape().grad; }
  void zero_grad() { tape().grad = {}; }
  /// See GradSlot.
  void add_grad(Tensor<T> gradient) const { state_->slot.add_grad(std::move(gradient)); }

  /// Set when every value is step * (code - zero_point) of a grid: the variable then stands for integers.
  const std::shared_ptr<const QuantInfo>& quant() const { return state_->quant; }
  void set_quant(std::shared_ptr<const QuantInfo> quant) {
    value();  // values made from other codes must not change
    state_->code_bytes = {};
    state_->quant = std::move(quant);
  }
  /// The integer codes. Throws Error when the variable carries none.
  QTensor codes() const {
    BITGRAIN_CHECK(state_->quant != nullptr, "this variable of shape ", shape(), " carries no integer codes");
    return recover_codes(value(), *state_->quant);
  }
  /// Whether the codes are there as bytes, and these bytes: then whoever works on codes need not ask for values.
  bool has_code_bytes() const { return state_->code_bytes.defined(); }
  const Tensor<std::uint8_t>& code_bytes() const { return state_->code_bytes; }

  /// The sums that the value is made of, or null.
  const std::shared_ptr<const ScaledSums<T>>& sums() const { return state_->sums; }
  /// Statistics of the value by channel, if the op that made it counted them on the way; else null.
  const std::shared_ptr<const ChannelMoments<T>>& moments() const { return state_->moments; }
  void set_moments(std::shared_ptr<const ChannelMoments<T>> moments) { state_->moments = std::move(moments); }

  /// What computes the value again, or null. Set by the op that made the variable, if that is cheap.
  const std::shared_ptr<Recomputed<T>>& recomputed() const { return state_->recomputed; }
  void set_recomputed(std::shared_ptr<Recomputed<T>> recomputed) { state_->recomputed = std::move(recomputed); }

  /// The same values, cut off the tape; codes are kept.
  Var detach() const {
    if (has_code_bytes()) return of_codes(state_->code_bytes, state_->quant);
    if (state_->sums) return of_sums(state_->sums);
    Var result(state_->value);
    result.state_->quant = state_->quant;
    return result;
  }

  /// Fills the gradients of every leaf that requires one. `seed` is dL/d(this), one by default (then this must be a
  /// single element). The tape behind this variable is freed on the way.
  void backward(Tensor<T> seed = {}) const;

 private:
  detail::SlotState<T>& tape() const { return *state_->slot.state(); }

  std::shared_ptr<detail::VarState<T>> state_;
};

/// A tensor that backward will need, or what computes it again. Remembers the version it had: if somebody writes into
/// it before backward reads it, `get` throws Error instead of letting a wrong gradient through.
template <class T>
class Saved {
 public:
  Saved() = default;
  explicit Saved(Tensor<T> tensor) : tensor_(std::move(tensor)), version_(tensor_.version()) {}
  explicit Saved(std::shared_ptr<Recomputed<T>> recomputed) : recomputed_(std::move(recomputed)) {}
  /// The value of a variable, by whatever takes less memory.
  explicit Saved(const Var<T>& var) {
    if (var.has_code_bytes())
      recomputed_ = std::make_shared<Recomputed<T>>(
          [bytes = var.code_bytes(), quant = var.quant()] { return detail::values_of_codes<T>(bytes, *quant); });
    else if (var.sums())
      recomputed_ = std::make_shared<Recomputed<T>>([sums = var.sums()] { return detail::values_of_sums(*sums); });
    else if (var.recomputed() && var.recomputed()->stands_for(var.value()))
      recomputed_ = var.recomputed();
    else
      *this = Saved(var.value());
  }
  bool defined() const { return tensor_.defined() || recomputed_; }
  const Tensor<T>& get() const {
    if (recomputed_) return recomputed_->get();
    BITGRAIN_CHECK(tensor_.version() == version_, "a tensor of shape ", tensor_.shape(),
                   " that backward still needs was written in place after the forward pass");
    return tensor_;
  }

 private:
  Tensor<T> tensor_;
  std::uint64_t version_ = 0;
  std::shared_ptr<Recomputed<T>> recomputed_;
};

/// Puts what an op computed on the tape. `backward(grad_output)` must call `add_grad` on every input that requires a
/// gradient; it is recorded only when there is one. It should capture the inputs' slots (`Var::slot`), not the
/// variables: a captured Var keeps its value alive until backward has passed. A `backward` with
/// a member kTakesPieces may get GradientPieces instead.
template <class T, class Backward>
Var<T> make_result(const char* op, Var<T> result, const std::vector<Var<T>>& inputs, Backward&& backward) {
  profile_mark("forward", op);
  if (!grad_enabled()) return result;
  bool needed = false;
  for (const auto& input : inputs) needed = needed || input.requires_grad();
  if (!needed) return result;
  auto node = std::make_shared<detail::Node<T>>();
  node->op = op;
  node->sequence = detail::next_sequence();
  for (const auto& input : inputs)
    if (input.requires_grad()) node->inputs.push_back(input.slot());
  if constexpr (requires { std::remove_cvref_t<Backward>::kTakesPieces; }) {
    node->backward_of_pieces = backward;
    result.slot().state()->takes_pieces = true;
  }
  node->backward = std::forward<Backward>(backward);
  result.slot().state()->producer = std::move(node);
  result.set_requires_grad(true);
  return result;
}
/// The same for a value.
template <class T, class Backward>
Var<T> make_result(const char* op, Tensor<T> value, const std::vector<Var<T>>& inputs, Backward&& backward) {
  return make_result<T>(op, Var<T>(std::move(value)), inputs, std::forward<Backward>(backward));
}

template <class T>
void Var<T>::backward(Tensor<T> seed) const {
  BITGRAIN_CHECK(requires_grad(), "backward was called on a variable that depends on no parameter");
  if (!seed.defined()) {
    BITGRAIN_CHECK(numel() == 1, "backward without a seed starts from a single element, this variable has shape ",
                   shape());
    seed = Tensor<T>(shape(), T{1});
  }
  add_grad(std::move(seed));
  using State = std::shared_ptr<detail::SlotState<T>>;
  using Pending = std::pair<std::uint64_t, State>;  // by sequence number; a state may be queued more than once
  const auto older = [](const Pending& a, const Pending& b) { return a.first < b.first; };
  std::priority_queue<Pending, std::vector<Pending>, decltype(older)> queue(older);
  const auto push = [&queue](const State& state) {
    BITGRAIN_CHECK(!state->consumed, "backward reached a variable of shape ", state->shape,
                   " whose tape an earlier backward has freed; run the forward pass again");
    if (state->producer) queue.emplace(state->producer->sequence, state);
  };
  push(slot().state());
  while (!queue.empty()) {
    const State current = queue.top().second;
    queue.pop();
    if (current->consumed) continue;  // queued by several readers, done already
    const std::shared_ptr<detail::Node<T>> node = std::move(current->producer);
    const Tensor<T> gradient = std::exchange(current->grad, {});
    const GradientPieces<T> pieces = std::exchange(current->pieces, {});
    current->consumed = true;
    if (gradient.defined() || pieces) {
      profile_mark("backward", "tape");
      pieces ? node->backward_of_pieces(pieces) : node->backward(gradient);
      profile_mark("backward", node->op);
    }
    node->backward = nullptr;
    node->backward_of_pieces = nullptr;
    for (const auto& input : node->inputs) push(input.state());
  }
}

}  // namespace bitgrain
