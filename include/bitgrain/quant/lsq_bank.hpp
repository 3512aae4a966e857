#pragma once

#include <algorithm>
#include <vector>

#include "bitgrain/quant/lsq.hpp"

namespace bitgrain {

/// One Lsq per candidate bit-width over the same real values, one of them active: LIMPQ's importance indicators
/// (Tang et al., ECCV 2022). `set_bits` selects and resets nothing; the learned step at b bits says how sensitive the
/// site is at b.
template <class T = float>
class LsqBank {
 public:
  using Scalar = T;

  /// `candidates`: distinct bit-widths; the first is active. Throws Error if there are none.
  LsqBank(const QuantizerSpec& spec, std::vector<int> candidates, const LsqOptions& options)
      : spec_(spec), candidates_(std::move(candidates)) {
    BITGRAIN_CHECK(!candidates_.empty(), "a bank of quantizers needs at least one candidate bit-width");
    for (const int b : candidates_) {
      QuantizerSpec one = spec;
      one.bits = b;
      bank_.emplace_back(one, options);
    }
  }

  /// The first call initialises the steps of all candidates from the same tensor.
  Var<T> operator()(const Var<T>& x) {
    for (auto& lsq : bank_)
      if (!lsq.initialised()) lsq.initialise(x.value());
    return bank_[active_](x);
  }
  /// See quant/quantizer.hpp.
  std::optional<UniformQuantization<T>> uniform(const Shape& shape) const {
    for (const auto& lsq : bank_)
      if (!lsq.initialised()) return std::nullopt;
    return bank_[active_].uniform(shape);
  }
  bool wants_moments() const {
    return spec_.channels == 1 &&
           std::any_of(bank_.begin(), bank_.end(), [](const Lsq<T>& lsq) { return !lsq.initialised(); });
  }
  void initialise(const ValueMoments& moments) {
    for (auto& lsq : bank_)
      if (!lsq.initialised()) lsq.initialise(moments);
  }
  int bits() const { return candidates_[active_]; }
  void set_bits(int bits) {
    const auto found = std::find(candidates_.begin(), candidates_.end(), bits);
    BITGRAIN_CHECK(found != candidates_.end(), "site '", spec_.name, "': ", bits,
                   " bits is not among the candidates");
    active_ = static_cast<std::size_t>(found - candidates_.begin());
  }
  std::vector<QuantParameter<T>> parameters() const {
    std::vector<QuantParameter<T>> all;
    for (std::size_t i = 0; i < bank_.size(); ++i)
      all.push_back({"step_at_" + std::to_string(candidates_[i]), bank_[i].step(), false});
    return all;
  }

  const std::vector<int>& candidates() const { return candidates_; }
  /// The learned step at `bits`; its mean over channels.
  double indicator(int bits) const {
    for (std::size_t i = 0; i < bank_.size(); ++i) {
      if (candidates_[i] != bits) continue;
      double sum = 0;
      for (const T s : bank_[i].step().value().values()) sum += static_cast<double>(s);
      return sum / static_cast<double>(bank_[i].step().numel());
    }
    fail("site '", spec_.name, "': no indicator at ", bits, " bits");
  }

 private:
  QuantizerSpec spec_;
  std::vector<int> candidates_;
  std::vector<Lsq<T>> bank_;
  std::size_t active_ = 0;
};

}  // namespace bitgrain
