#pragma once

/// oneDNN's matrix product, in the fastest of the ways a user would try: the BLAS call, and the matmul primitive with
/// weights as they stand or in the layout that oneDNN likes best (reordered beforehand; the time is not counted).

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>

#include "gemm_shapes.hpp"

namespace onednn {

struct Gemm {
  std::string how;
  std::function<void()> run;
};

inline std::function<void()> matmul(const GemmShape& s, const float* a, const float* b, float* c, bool any_layout) {
  using dnnl::memory;
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  static dnnl::stream stream(engine);
  constexpr auto kFloat = memory::data_type::f32;
  const memory::dims weights_size{s.k, s.n};
  const memory::desc from({s.m, s.k}, kFloat, s.trans_a ? memory::dims{1, s.m} : memory::dims{s.k, 1});
  const memory::desc weights(weights_size, kFloat, s.trans_b ? memory::dims{1, s.k} : memory::dims{s.n, 1});
  const memory::desc to({s.m, s.n}, kFloat, memory::dims{s.n, 1});
  const memory::desc wanted = any_layout ? memory::desc(weights_size, kFloat, memory::format_tag::any) : weights;
  const dnnl::matmul::primitive_desc description(dnnl::matmul::desc(from, wanted, to), engine);
  memory held(weights, engine, const_cast<float*>(b));
  if (description.weights_desc() != weights) {
    memory packed(description.weights_desc(), engine);
    dnnl::reorder(held, packed).execute(stream, held, packed);
    stream.wait();
    held = packed;
  }
  const dnnl::matmul product(description);
  const memory source(from, engine, const_cast<float*>(a)), result(to, engine, c);
  return [=] {
    product.execute(stream, {{DNNL_ARG_SRC, source}, {DNNL_ARG_WEIGHTS, held}, {DNNL_ARG_DST, result}});
    stream.wait();
  };
}

/// The fastest way for this shape, found by trying.
inline Gemm best_gemm(const GemmShape& s, const float* a, const float* b, float* c) {
  Gemm ways[] = {{"sgemm",
                  [=] {
                    dnnl_sgemm(s.trans_a ? 'T' : 'N', s.trans_b ? 'T' : 'N', s.m, s.n, s.k, 1, a, s.lda(), b, s.ldb(),
                               0, c, s.n);
                  }},
                 {"matmul", matmul(s, a, b, c, false)},
                 {"matmul, weights packed before", matmul(s, a, b, c, true)}};
  const auto time = [](const Gemm& way, int calls) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i) way.run();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / calls;
  };
  double seconds[] = {1e9, 1e9, 1e9};
  for (int round = 0; round < 5; ++round)
    for (int i = 0; i < 3; ++i) {
      if (round == 0) ways[i].run();
      const int calls = seconds[i] > 1 ? 1 : static_cast<int>(std::clamp(2e-3 / seconds[i], 1.0, 1e4));
      seconds[i] = std::min(seconds[i], time(ways[i], calls));
    }
  return ways[std::min_element(seconds, seconds + 3) - seconds];
}

}  // namespace onednn
