#pragma once

/// Ways to fill weights with random numbers. Values depend on the stream alone: not on threads, not on the order of
/// calls, and float weights are the double ones rounded.

#include <cmath>
#include <cstdint>
#include <numbers>

#include "bitgrain/base/parallel.hpp"
#include "bitgrain/base/random.hpp"
#include "bitgrain/tensor/tensor.hpp"

namespace bitgrain {

/// How many inputs an output element of a weight sums over, and how many outputs an input element reaches.
struct Fan {
  std::int64_t in = 1, out = 1;
};

/// Fan of weights [O,Kh,Kw,I] (in = Kh Kw I, out = Kh Kw O) or [O,I]. I is the extent of the weight: with groups that
/// is what one output really reads. Throws Error for other ranks.
inline Fan fan_of(const Shape& weight) {
  BITGRAIN_CHECK(weight.rank() == 4 || weight.rank() == 2, "fan: weights are [O,Kh,Kw,I] or [O,I], got ", weight);
  const std::int64_t window = weight.rank() == 4 ? weight[1] * weight[2] : 1;
  return {window * weight[-1], window * weight[0]};
}

namespace detail {
// values[i] = draw(stream at number i * numbers_each)
template <class T, class Draw>
void fill_random(Tensor<T>& tensor, const RandomStream& stream, std::uint64_t numbers_each, Draw&& draw) {
  T* values = tensor.mutable_data();
  parallel_for(tensor.numel(), 1 << 13, [&](std::int64_t begin, std::int64_t end) {
    RandomStream own = stream;
    own.set_position(stream.position() + static_cast<std::uint64_t>(begin) * numbers_each);
    for (std::int64_t i = begin; i < end; ++i) values[i] = static_cast<T>(draw(own));
  });
}
}  // namespace detail

/// Uniform in (low, high).
template <class T>
void fill_uniform(Tensor<T>& tensor, const RandomStream& stream, double low, double high) {
  detail::fill_random(tensor, stream, 1, [=](RandomStream& s) { return s.uniform(low, high); });
}
/// Normal.
template <class T>
void fill_normal(Tensor<T>& tensor, const RandomStream& stream, double mean, double deviation) {
  detail::fill_random(tensor, stream, 2, [=](RandomStream& s) { return mean + deviation * s.normal(); });
}

/// Which fan Kaiming's rule divides by: `kIn` keeps the variance of activations, `kOut` that of gradients.
enum class FanMode { kIn, kOut };

/// Gain of a layer that a ReLU follows: sqrt(2).
inline constexpr double kReluGain = std::numbers::sqrt2;

/// He et al., "Delving deep into rectifiers", ICCV 2015: normal with deviation gain / sqrt(fan).
template <class T>
void kaiming_normal(Tensor<T>& weight, const RandomStream& stream, FanMode mode = FanMode::kIn,
                    double gain = kReluGain) {
  const Fan fan = fan_of(weight.shape());
  fill_normal(weight, stream, 0.0, gain / std::sqrt(static_cast<double>(mode == FanMode::kIn ? fan.in : fan.out)));
}
/// The same variance, uniform: bound gain sqrt(3 / fan).
template <class T>
void kaiming_uniform(Tensor<T>& weight, const RandomStream& stream, FanMode mode = FanMode::kIn,
                     double gain = kReluGain) {
  const Fan fan = fan_of(weight.shape());
  const double bound = gain * std::sqrt(3.0 / static_cast<double>(mode == FanMode::kIn ? fan.in : fan.out));
  fill_uniform(weight, stream, -bound, bound);
}
/// Glorot and Bengio, AISTATS 2010: normal with deviation gain sqrt(2 / (fan_in + fan_out)).
template <class T>
void xavier_normal(Tensor<T>& weight, const RandomStream& stream, double gain = 1.0) {
  const Fan fan = fan_of(weight.shape());
  fill_normal(weight, stream, 0.0, gain * std::sqrt(2.0 / static_cast<double>(fan.in + fan.out)));
}
/// The same variance, uniform: bound gain sqrt(6 / (fan_in + fan_out)).
template <class T>
void xavier_uniform(Tensor<T>& weight, const RandomStream& stream, double gain = 1.0) {
  const Fan fan = fan_of(weight.shape());
  const double bound = gain * std::sqrt(6.0 / static_cast<double>(fan.in + fan.out));
  fill_uniform(weight, stream, -bound, bound);
}
/// What PyTorch gives the weights and biases of its linear and convolution layers: uniform within 1 / sqrt(fan_in),
/// fan_in being that of the layer's weights.
template <class T>
void fan_in_uniform(Tensor<T>& values, const RandomStream& stream, std::int64_t fan_in) {
  const double bound = 1.0 / std::sqrt(static_cast<double>(fan_in));
  fill_uniform(values, stream, -bound, bound);
}

}  // namespace bitgrain
