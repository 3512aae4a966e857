#pragma once

/// A site: a place in a network where a quantizer sits. One per weight tensor (named after its layer) and one per
/// activation tensor (named after the nonlinearity that makes it).

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bitgrain/nn/module.hpp"
#include "bitgrain/quant/any_quantizer.hpp"

namespace bitgrain {

template <class T>
class QuantSite;

/// Sees every tensor as its quantizer quantizes it, on this thread, while it lives. `observe` returns what the
/// network goes on with: `y` itself, or a replacement (the double witness feeds the engine's codes forward).
template <class T>
class QuantObserver {
 public:
  QuantObserver() : outer_(std::exchange(current(), this)) {}
  virtual ~QuantObserver() { current() = outer_; }
  QuantObserver(const QuantObserver&) = delete;
  QuantObserver& operator=(const QuantObserver&) = delete;

  virtual Var<T> observe(const QuantSite<T>& site, const Var<T>& x, const Var<T>& y) = 0;

  static QuantObserver*& current() {
    thread_local QuantObserver* observer = nullptr;
    return observer;
  }

 private:
  QuantObserver* outer_;
};

/// The face of a site that does not know the quantizer's type.
template <class T>
class QuantSite {
 public:
  virtual ~QuantSite() = default;
  /// Full name of the layer (weights) or of the nonlinearity (activations).
  virtual const std::string& site_name() const = 0;
  virtual const QuantizerSpec& spec() const = 0;
  virtual int bits() const = 0;
  virtual void set_bits(int bits) = 0;
  virtual std::vector<QuantParameter<T>> quantizer_parameters() const = 0;
  virtual void calibrate(bool on) = 0;
  virtual void begin_epoch(const QuantProgress& p) = 0;
  virtual void begin_step(const QuantProgress& p) = 0;
  virtual Var<T> extra_loss() = 0;
  virtual void harden() = 0;
  /// Number of weights; 0 for activations.
  virtual std::int64_t weight_count() const = 0;
  /// The float weights; undefined for activations.
  virtual Var<T> weights() const = 0;
  /// The erased quantizer, for searches that exchange it; null unless the family was built with AnyQuantizer.
  virtual AnyQuantizer<T>* any() = 0;
  /// Whether the site emits integer codes (its quantizer is not Float).
  bool is_weight() const { return spec().role == QuantRole::kWeights; }
};

/// Every site of a network, in order of registration.
template <class T>
std::vector<QuantSite<T>*> quant_sites(Module<T>& model) {
  std::vector<QuantSite<T>*> sites;
  model.for_each_module([&sites](Module<T>& m) {
    if (auto* site = dynamic_cast<QuantSite<T>*>(&m)) sites.push_back(site);
  });
  return sites;
}

/// The common part of QConv2d, QLinear and QReLU: a module that is a site and holds a quantizer of type Q.
template <class Q>
class QuantSiteModule : public Module<typename Q::Scalar>, public QuantSite<typename Q::Scalar> {
 public:
  using T = typename Q::Scalar;
  static_assert(Quantizer<Q>);

  QuantSiteModule(const QuantizerSpec& spec, Q quantizer) : spec_(spec), quantizer_(std::move(quantizer)) {}

  const std::string& site_name() const override { return this->name(); }
  const QuantizerSpec& spec() const override { return spec_; }
  int bits() const override { return quantizer_.bits(); }
  void set_bits(int bits) override { quantizer_.set_bits(bits); }
  std::vector<QuantParameter<T>> quantizer_parameters() const override { return quantizer_.parameters(); }
  void calibrate(bool on) override { quantizer_calibrate(quantizer_, on); }
  void begin_epoch(const QuantProgress& p) override { quantizer_begin_epoch(quantizer_, p); }
  void begin_step(const QuantProgress& p) override { quantizer_begin_step(quantizer_, p); }
  Var<T> extra_loss() override { return quantizer_extra_loss(quantizer_); }
  void harden() override { quantizer_harden(quantizer_); }
  std::int64_t weight_count() const override { return 0; }
  Var<T> weights() const override { return {}; }
  AnyQuantizer<T>* any() override {
    told_training_.reset();  // the quantizer may be exchanged
    if constexpr (std::same_as<Q, AnyQuantizer<T>>) return &quantizer_;
    return nullptr;
  }
  Q& quantizer() { return quantizer_; }

 protected:
  /// Quantizes and lets the observer see it.
  Var<T> quantize(const Var<T>& x) {
    tell_training();
    Var<T> y = quantizer_(x);
    if (auto* observer = QuantObserver<T>::current()) [[unlikely]]
      y = observer->observe(*this, x, y);
    return y;
  }
  /// What quantize() would do, if that is a step and its rule and if nobody watches. If all that is missing is a
  /// first step, it is chosen by `moments()`, those of the tensor.
  template <class Moments>
  std::optional<UniformQuantization<T>> uniform(const Shape& shape, Moments moments) {
    if (QuantObserver<T>::current() != nullptr) return std::nullopt;
    tell_training();
    if (quantizer_wants_moments(quantizer_)) quantizer_initialise(quantizer_, moments());
    return quantizer_uniform(quantizer_, shape);
  }
  std::vector<typename Module<T>::Parameter> own_parameters() const override {
    auto all = Module<T>::own_parameters();
    const char* prefix = spec_.role == QuantRole::kWeights ? "weight_quantizer." : "quantizer.";
    for (auto& p : quantizer_.parameters()) all.push_back({prefix + p.name, p.var, p.decay});
    return all;
  }

 private:
  void tell_training() {
    if (told_training_ == this->training()) return;
    told_training_ = this->training();
    quantizer_set_training(quantizer_, this->training());
  }

  QuantizerSpec spec_;
  Q quantizer_;
  std::optional<bool> told_training_;
};

}  // namespace bitgrain
