#include "bitgrain/quant/quantizer.hpp"

#include <doctest/doctest.h>

#include "bitgrain/quant/any_quantizer.hpp"
#include "bitgrain/quant/float.hpp"
#include "bitgrain/quant/lsq.hpp"

using namespace bitgrain;

namespace {
// The least a quantizer must have.
struct Bare {
  using Scalar = float;
  Var<float> operator()(const Var<float>& x) { return x; }
  int bits() const { return 8; }
  void set_bits(int) {}
  std::vector<QuantParameter<float>> parameters() const { return {}; }
};
// One with every optional member.
struct Full : Bare {
  std::vector<std::string> calls;
  void set_training(bool on) { calls.push_back(on ? "train" : "eval"); }
  void calibrate(bool) { calls.push_back("calibrate"); }
  void begin_epoch(const QuantProgress&) { calls.push_back("epoch"); }
  void begin_step(const QuantProgress&) { calls.push_back("step"); }
  Var<float> extra_loss() { return Var<float>(Tensor<float>({1}, 3.0f)); }
  void harden() { calls.push_back("harden"); }
};
struct NoBits {
  using Scalar = float;
  Var<float> operator()(const Var<float>& x) { return x; }
};
}  // namespace

static_assert(Quantizer<Bare> && Quantizer<Full> && Quantizer<Float<double>> && Quantizer<AnyQuantizer<float>>);
static_assert(!Quantizer<NoBits> && !Quantizer<int>);

TEST_CASE("optional members of a quantizer are called where they exist, through AnyQuantizer too") {
  AnyQuantizer<float> bare{Bare{}}, full{Full{}};
  for (auto* q : {&bare, &full}) {
    q->set_training(false);
    q->calibrate(true);
    q->begin_epoch({});
    q->begin_step({});
    q->harden();
  }
  CHECK_FALSE(bare.extra_loss().defined());
  CHECK(full.extra_loss().item() == 3.0f);
  REQUIRE(full.get<Full>() != nullptr);
  CHECK(full.get<Full>()->calls == std::vector<std::string>{"eval", "calibrate", "epoch", "step", "harden"});
  CHECK(full.get<Bare>() == nullptr);
}
