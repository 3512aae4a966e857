// A quantizer from outside the library: ternary weights {-s, 0, +s} (Li, Zhang, Liu: "Ternary weight networks",
// 2016), straight-through gradient. Gradient-checked, trained and lowered to integers like the built-in ones.
#include <cmath>
#include <cstdio>

#include "bitgrain/bitgrain.hpp"
#include "bitgrain/data/data.hpp"

using namespace bitgrain;

template <class T = float>
class Ternary {
 public:
  using Scalar = T;
  explicit Ternary(const QuantizerSpec&) {}
  int bits() const { return 2; }
  void set_bits(int) {}  // ternary is ternary
  std::vector<QuantParameter<T>> parameters() const { return {}; }
  void begin_step(const QuantProgress&) { stale_ = true; }

  Var<T> operator()(const Var<T>& w) {
    if (std::exchange(stale_, false)) fit(w.value());
    Tensor<T> y(w.shape());
    for (std::int64_t i = 0; i < w.numel(); ++i) {
      const T v = w.value()[i], code = std::abs(v) > threshold_ ? std::copysign(T(1), v) : T(0);
      y.mutable_data()[i] = step_ * ste_round(v / step_, code);
    }
    Var<T> result =
        make_result<T>("ternary", std::move(y), {w}, [w = w.slot()](const Tensor<T>& dy) { w.add_grad(dy); });
    result.set_quant(std::make_shared<const QuantInfo>(QuantInfo{Grid::kSymmetric, 2, {double(step_)}, 0}));
    return result;
  }

 private:
  void fit(const Tensor<T>& w) {  // threshold 0.7 E|w|, step = mean of what is above it
    T sum = 0, kept = 0, count = 0;
    for (const T v : w.values()) sum += std::abs(v);
    threshold_ = T(0.7) * sum / static_cast<T>(w.numel());
    for (const T v : w.values())
      if (std::abs(v) > threshold_) kept += std::abs(v), count += 1;
    step_ = count > 0 ? kept / count : T(1);
  }
  T step_ = 1, threshold_ = 0;
  bool stale_ = true;
};

int main() {
  Ternary<double> ternary({});
  const Var<double> probe(Tensor<double>({4}, {0.9, -0.4, 0.1, -1.2}), true);
  std::printf("%s", gradcheck([&](const auto& in) { return ternary(in[0]); }, {probe}).text().c_str());
  const DatasetSplits mnist = load_dataset("mnist-sample", "examples/data/mnist");
  const InputEncoding encoding = InputEncoding::unsigned_bytes(1);
  LeNet5<QuantLayers<Ternary, Lsq>> net({}, {.activation_bits = 4, .strict = true});
  initialize(net, 1);
  BatchLoader loader(mnist.train, encoding, LoaderOptions::training(128, 1));
  Adam<float> adam(net.parameters());
  Trainer(net, adam, OneCycle{.max_rate = 2e-3, .steps = 2 * loader.steps()}, loader, {.epochs = 2}).fit();
  const Evaluation result = evaluate(net, mnist.test, encoding);
  std::printf("test accuracy %.2f %% on the %s\n", 100 * result.accuracy(), result.arithmetic.c_str());
}
