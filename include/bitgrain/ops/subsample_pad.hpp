#pragma once

#include <algorithm>
#include <utility>

#include "bitgrain/autograd/trace.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/ops/pass_codes.hpp"
#include "bitgrain/ops/shape_check.hpp"

namespace bitgrain {

/// The parameter-free shortcut of CIFAR ResNets (option A of He et al. 2016): every `stride`-th pixel of x [N,H,W,C]
/// in both directions, with `pad_before` zero channels before and `pad_after` behind the channels of x, giving
/// [N, ceil(H/stride), ceil(W/stride), pad_before + C + pad_after]. Integer codes pass on, unless zeros are inserted
/// and the grid has no zero. Traced as "subsample_pad". Throws Error when shapes do not fit.
template <class T>
Var<T> subsample_pad(const Var<T>& x, std::int64_t stride, std::int64_t pad_before, std::int64_t pad_after) {
  detail::check_rank("subsample_pad", "x", x, 4, "[N,H,W,C]");
  BITGRAIN_CHECK(stride >= 1 && pad_before >= 0 && pad_after >= 0,
                 "subsample_pad: stride must be at least 1 and padding at least 0, got stride ", stride, ", padding ",
                 pad_before, " and ", pad_after);
  const std::int64_t n = x.shape()[0], h = x.shape()[1], w = x.shape()[2], c = x.shape()[3];
  const std::int64_t out_h = (h + stride - 1) / stride, out_w = (w + stride - 1) / stride;
  const std::int64_t out_c = pad_before + c + pad_after;
  const auto move = [=]<class E>(const Tensor<E>& from_tensor, E zero) {
    Tensor<E> y(Shape{n, out_h, out_w, out_c});
    const E* from = from_tensor.data();
    E* to = y.mutable_data();
    const std::int64_t rows_per_chunk = 16384 / std::max<std::int64_t>(1, out_w * out_c) + 1;
    parallel_for(n * out_h, rows_per_chunk, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        const E* in = from + (row / out_h * h + row % out_h * stride) * w * c;
        E* out = to + row * out_w * out_c;
        for (std::int64_t i = 0; i < out_w; ++i, in += stride * c, out += out_c) {
          std::fill_n(out, pad_before, zero);
          std::copy_n(in, c, out + pad_before);
          std::fill_n(out + pad_before + c, pad_after, zero);
        }
      }
    });
    return y;
  };
  // Codes in bytes move as bytes; the code of real 0 is the zero point.
  const bool bytes = x.has_code_bytes() && detail::grid_holds_zero(*x.quant());
  Var<T> moved =
      bytes ? Var<T>::of_codes(move(x.code_bytes(), static_cast<std::uint8_t>(x.quant()->zero_point)), x.quant())
            : Var<T>(move(x.value(), T{0}));

  Var<T> result = make_result<T>("subsample_pad", std::move(moved), {x}, [=, x = x.slot()](const Tensor<T>& dy) {
    Tensor<T> dx(x.shape());
    const T* gradient = dy.data();
    T* into = dx.mutable_data();
    const std::int64_t chunk = 16384 / std::max<std::int64_t>(1, w * c) + 1;
    parallel_for(n * h, chunk, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        T* out = into + row * w * c;
        std::fill_n(out, w * c, T{0});
        const std::int64_t line = row % h;
        if (line % stride != 0) continue;
        const T* in = gradient + (row / h * out_h + line / stride) * out_w * out_c + pad_before;
        for (std::int64_t i = 0; i < out_w; ++i) std::copy_n(in + i * out_c, c, out + i * stride * c);
      }
    });
    x.add_grad(std::move(dx));
  });
  if (pad_before + pad_after == 0 || (x.quant() != nullptr && detail::grid_holds_zero(*x.quant())))
    detail::pass_codes(x, result);
  OpAttributes attributes;
  attributes.stride = stride;
  attributes.pad_before = pad_before;
  attributes.pad_after = pad_after;
  trace<T>("subsample_pad", {x}, result, std::move(attributes));
  return result;
}

}  // namespace bitgrain
