#pragma once

/// What a quantizer is, and how every method of this library fits the word.
///
/// A quantizer is a small value type: trainable parameters, a forward pass, a hand-derived gradient. It maps a Var of
/// real values to a Var of step * (code - zero_point) and marks it with its QuantInfo as soon as its result lies on a
/// grid of codes; until then (soft planes, sampled grids) it leaves the mark away, layers run on floats, and the
/// trainer's evaluation runs the training graph in evaluation mode instead of the integer engine.
///
/// How the methods plug in. *LSQ, UniformSte*: one step, no schedule. *DQ*: parameters (step, range), bits() inferred
/// from both; its size penalty is an extra_loss of the search's hook, which reads every site. *CSQ, BSQ*: a weight
/// quantizer whose parameters are bit planes and gates (made from the float weights at its first call); begin_epoch
/// raises the temperature, extra_loss gives the budget term or the group lasso, harden() turns sigmoids into steps,
/// and codes appear from then on; BSQ's re-quantization every 100 epochs is begin_epoch as well. *RQ, SRQ, DropBits*:
/// set_training(true) samples (each site has its own random stream), false rounds and emits codes; masks are
/// parameters, their penalty is extra_loss, harden() drops closed levels. *SSPS*: the quantizer of a site holds one
/// quantizer per candidate and the choice logits; begin_step draws the path, set_bits freezes it. *LIMPQ*: a bank of
/// Lsq, one per candidate (quant/lsq_bank.hpp); set_bits selects. None of them touches the training loop.

#include <concepts>
#include <cstdint>
#include <string>
#include <vector>

#include "bitgrain/autograd/var.hpp"
#include "bitgrain/quant/step_init.hpp"

namespace bitgrain {

enum class QuantRole : std::uint8_t { kWeights, kActivations };

/// What a layer tells the quantizer it makes.
struct QuantizerSpec {
  QuantRole role = QuantRole::kWeights;
  int bits = 8;
  std::int64_t channels = 1;  ///< steps wanted: 1, or the number of output channels for per-channel weights
  /// Activations after a ReLU are unsigned: the quantizer then clips negative values itself, it *is* the ReLU.
  /// Weights are signed.
  Grid grid = Grid::kSigned;
  bool fixed = false;  ///< bits that uniform settings and searches leave alone (behind an average pool)
  std::string name;    ///< of the site, for messages and random streams; known once the model stands
};

/// A trainable (or merely stored) value of a quantizer.
template <class T>
struct QuantParameter {
  std::string name;  ///< relative: "step"
  Var<T> var;
  bool decay = false;
};

/// Where training stands: quantizers with schedules read it.
struct QuantProgress {
  int epoch = 0, epochs = 1;         ///< epoch counted from 0
  std::int64_t step = 0, steps = 1;  ///< of the whole training
  /// begin_epoch comes a second time, because the run is resumed in the middle of the epoch: parameters are as they
  /// were and must stay; only what is not a parameter (a temperature, say) is set again.
  bool resumed = false;
};

/// The concept. `q(x)` quantizes; `bits()` is the current width; `set_bits` changes it and re-initialises what
/// depends on it; `parameters()` lists a vector of QuantParameter. To be
/// made by a layer family without further ado it is constructible from a QuantizerSpec.
///
/// Optional members, found by name: `set_training(bool)`, `begin_epoch(QuantProgress)`, `begin_step(QuantProgress)`,
/// `extra_loss() -> Var<T>` (undefined for none), `harden()`, `calibrate(bool)` (ranges are being gathered),
/// `uniform(shape) -> std::optional<UniformQuantization<T>>`: if the next call on a tensor of that shape would be
/// `fake_quantize` with some step and options and change nothing else, these; fused ops then do it instead.
/// `wants_moments() -> bool` and `initialise(ValueMoments)`: whether all that keeps it from that is a first step, for
/// which the moments of the tensor (of max(x, 0) on an unsigned grid) suffice, and choosing it.
///
/// One-bit weights are +-step, with the sign of 0 being +1; one-bit activations are {0, step}. Activation codes must
/// be clamp(floor(x / step + 1/2) + zero_point, low, high): this is what the integer network computes.
template <class Q>
concept Quantizer = requires(Q q, const Q constant, const Var<typename Q::Scalar>& x, int bits) {
  { q(x) } -> std::same_as<Var<typename Q::Scalar>>;
  { constant.bits() } -> std::convertible_to<int>;
  q.set_bits(bits);
  { constant.parameters() } -> std::convertible_to<std::vector<QuantParameter<typename Q::Scalar>>>;
};

/// Throws Error unless 1 <= bits <= 8.
inline void check_bits(int bits, const std::string& who) {
  BITGRAIN_CHECK(bits >= 1 && bits <= 8, who.empty() ? "a quantizer" : who, ": bits must be 1 to 8, got ", bits);
}

// The optional members, called where the quantizer has them.
template <class Q>
void quantizer_set_training(Q& q, bool on) {
  if constexpr (requires { q.set_training(on); }) q.set_training(on);
}
template <class Q>
void quantizer_calibrate(Q& q, bool on) {
  if constexpr (requires { q.calibrate(on); }) q.calibrate(on);
}
template <class Q>
bool quantizer_wants_moments(Q& q) {
  if constexpr (requires { q.wants_moments(); }) return q.wants_moments();
  return false;
}
template <class Q>
void quantizer_initialise(Q& q, const ValueMoments& moments) {
  if constexpr (requires { q.initialise(moments); }) q.initialise(moments);
}
template <class Q>
void quantizer_begin_epoch(Q& q, const QuantProgress& progress) {
  if constexpr (requires { q.begin_epoch(progress); }) q.begin_epoch(progress);
}
template <class Q>
void quantizer_begin_step(Q& q, const QuantProgress& progress) {
  if constexpr (requires { q.begin_step(progress); }) q.begin_step(progress);
}
template <class Q>
Var<typename Q::Scalar> quantizer_extra_loss(Q& q) {
  if constexpr (requires { q.extra_loss(); }) return q.extra_loss();
  return {};
}
template <class Q>
void quantizer_harden(Q& q) {
  if constexpr (requires { q.harden(); }) q.harden();
}

}  // namespace bitgrain
