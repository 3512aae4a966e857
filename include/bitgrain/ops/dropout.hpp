#pragma once

#include <cmath>
#include <cstdint>
#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/base/random.hpp"
#include "bitgrain/ops/gradient_buffer.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

/// Inverted dropout (Srivastava et al. 2014): every element becomes 0 with probability p and x / (1 - p) otherwise.
/// Element i is decided by number position + i of `random`, which moves on by the number of elements, so the result
/// depends on neither threads nor call order. This is the training mode; in evaluation mode there is nothing to
/// call. Traced as "dropout". Throws Error unless 0 <= p < 1.
template <class T>
Var<T> dropout(const Var<T>& x, double p, RandomStream& random) {
  detail::check_defined("dropout", "x", x);
  BITGRAIN_CHECK(p >= 0 && p < 1, "dropout: the probability must lie in [0, 1), got ", p);
  const std::int64_t n = x.numel();
  const std::uint64_t first = random.position();
  const auto threshold = static_cast<std::uint64_t>(std::llround(p * 0x1p32));  // dropped: bits below it
  const T kept_scale = static_cast<T>(1 / (1 - p));
  Tensor<std::uint8_t> kept(x.shape());
  Tensor<T> y(x.shape());
  const T* from = x.value().data();
  T* to = y.mutable_data();
  std::uint8_t* mask = kept.mutable_data();
  parallel_for(n, 16384, [=, &random](std::int64_t begin, std::int64_t end) {
    const RandomStream own = random;  // bits_at caches a block, so threads need copies
    for (std::int64_t i = begin; i < end; ++i) {
      mask[i] = own.bits_at(first + static_cast<std::uint64_t>(i)) >= threshold;
      to[i] = mask[i] ? from[i] * kept_scale : T{0};
    }
  });
  random.set_position(first + static_cast<std::uint64_t>(n));

  const Var<T> result =
      make_result<T>("dropout", std::move(y), {x}, [x = x.slot(), kept, kept_scale](const Tensor<T>& dy) {
        Tensor<T> dx = detail::gradient_buffer(dy);
        const T* gradient = dy.data();
        T* into = dx.mutable_data();
        const std::uint8_t* keep = kept.data();
        parallel_for(dx.numel(), 16384, [=](std::int64_t begin, std::int64_t end) {
          for (std::int64_t i = begin; i < end; ++i) into[i] = keep[i] ? gradient[i] * kept_scale : T{0};
        });
        x.add_grad(std::move(dx));
      });
  trace<T>("dropout", {x}, result);
  return result;
}

}  // namespace bitgrain
