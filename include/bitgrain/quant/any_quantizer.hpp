#pragma once

#include <memory>
#include <utility>

#include "bitgrain/quant/fake_quantize.hpp"
#include "bitgrain/quant/float.hpp"
#include "bitgrain/quant/quantizer.hpp"

namespace bitgrain {

/// Any quantizer behind one type, at the cost of one indirect call per tensor: what the command line and the searches
/// build their networks with, so that nothing compiles methods times models. Moves, does not copy. Optional members
/// that the quantizer lacks do nothing.
template <class T = float>
class AnyQuantizer {
 public:
  using Scalar = T;

  /// Full precision, until something else is put in.
  explicit AnyQuantizer(const QuantizerSpec& spec);
  template <Quantizer Q>
  requires(!std::same_as<Q, AnyQuantizer>) AnyQuantizer(Q quantizer)
      : held_(std::make_unique<Held<Q>>(std::move(quantizer))) {}  // NOLINT: implicit on purpose

  Var<T> operator()(const Var<T>& x) { return held_->apply(x); }
  /// See quant/quantizer.hpp; nothing if the quantizer inside does not have it.
  std::optional<UniformQuantization<T>> uniform(const Shape& shape) const { return held_->uniform(shape); }
  bool wants_moments() const { return held_->wants_moments(); }
  void initialise(const ValueMoments& moments) { held_->initialise(moments); }
  int bits() const { return held_->bits(); }
  void set_bits(int bits) { held_->set_bits(bits); }
  std::vector<QuantParameter<T>> parameters() const { return held_->parameters(); }
  void set_training(bool on) { held_->set_training(on); }
  void calibrate(bool on) { held_->calibrate(on); }
  void begin_epoch(const QuantProgress& p) { held_->begin_epoch(p); }
  void begin_step(const QuantProgress& p) { held_->begin_step(p); }
  Var<T> extra_loss() { return held_->extra_loss(); }
  void harden() { held_->harden(); }

  /// The quantizer inside, if it is a Q; else null.
  template <class Q>
  Q* get() {
    auto* held = dynamic_cast<Held<Q>*>(held_.get());
    return held ? &held->quantizer : nullptr;
  }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual Var<T> apply(const Var<T>& x) = 0;
    virtual std::optional<UniformQuantization<T>> uniform(const Shape& shape) = 0;
    virtual bool wants_moments() = 0;
    virtual void initialise(const ValueMoments& moments) = 0;
    virtual int bits() const = 0;
    virtual void set_bits(int bits) = 0;
    virtual std::vector<QuantParameter<T>> parameters() const = 0;
    virtual void set_training(bool on) = 0;
    virtual void calibrate(bool on) = 0;
    virtual void begin_epoch(const QuantProgress& p) = 0;
    virtual void begin_step(const QuantProgress& p) = 0;
    virtual Var<T> extra_loss() = 0;
    virtual void harden() = 0;
  };
  template <class Q>
  struct Held final : Interface {
    explicit Held(Q q) : quantizer(std::move(q)) {}
    Var<T> apply(const Var<T>& x) override { return quantizer(x); }
    std::optional<UniformQuantization<T>> uniform(const Shape& shape) override {
      return quantizer_uniform(quantizer, shape);
    }
    bool wants_moments() override { return quantizer_wants_moments(quantizer); }
    void initialise(const ValueMoments& moments) override { quantizer_initialise(quantizer, moments); }
    int bits() const override { return quantizer.bits(); }
    void set_bits(int bits) override { quantizer.set_bits(bits); }
    std::vector<QuantParameter<T>> parameters() const override { return quantizer.parameters(); }
    void set_training(bool on) override { quantizer_set_training(quantizer, on); }
    void calibrate(bool on) override { quantizer_calibrate(quantizer, on); }
    void begin_epoch(const QuantProgress& p) override { quantizer_begin_epoch(quantizer, p); }
    void begin_step(const QuantProgress& p) override { quantizer_begin_step(quantizer, p); }
    Var<T> extra_loss() override { return quantizer_extra_loss(quantizer); }
    void harden() override { quantizer_harden(quantizer); }
    Q quantizer;
  };
  std::unique_ptr<Interface> held_;
};

template <class T>
AnyQuantizer<T>::AnyQuantizer(const QuantizerSpec& spec) : AnyQuantizer(Float<T>(spec)) {}

}  // namespace bitgrain
