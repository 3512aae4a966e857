// Matrix products as ops/linear and ops/matmul call them, packing of both operands included, beside those of oneDNN,
// OpenBLAS and Eigen where they are installed.
//
//   bench_gemm [--threads=N] [--shape=MxNxK[_tt]]... [--openblas=KERNELS] [Google Benchmark's options]
//
// Rows: gemm / bitgrain | onednn | openblas | eigen / MxNxK_<n or t for A><n or t for B>. --shape measures any other
// shape. OpenBLAS does not know processors younger than itself (OPENBLAS_CORETYPE tells it): --openblas names the
// kernels it shall use, SkylakeX by default if this program was compiled for AVX-512.

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <Eigen/Core>
#include <cstdlib>
#include <string>
#include <vector>

#include "bitgrain/base/random.hpp"
#include "bitgrain/kernels/f32/gemm.hpp"
#include "gemm_shapes.hpp"
#if defined(BITGRAIN_BENCH_ONEDNN)
#include "onednn_gemm.hpp"
#endif
#if defined(BITGRAIN_BENCH_OPENBLAS)
#include <cblas.h>
#endif
#include "threads_flag.hpp"

using namespace bitgrain;

namespace {

// The matrices of a product, aligned as tensors are.
struct Matrices {
  explicit Matrices(const GemmShape& s)
      : a(static_cast<std::size_t>(s.m * s.k)),
        b(static_cast<std::size_t>(s.k * s.n)),
        c(static_cast<std::size_t>(s.m * s.n)) {
    RandomStream random(1, "bench");
    for (std::int64_t i = 0; i < s.m * s.k; ++i) a.data()[i] = static_cast<float>(random.uniform(-1, 1));
    for (std::int64_t i = 0; i < s.k * s.n; ++i) b.data()[i] = static_cast<float>(random.uniform(-1, 1));
  }
  Scratch<float> a, b, c;
};

template <class Run>
void measure(benchmark::State& state, const GemmShape& s, Run&& run) {
  for (auto _ : state) {
    run();
    benchmark::ClobberMemory();
  }
  state.counters["GFLOPS"] = benchmark::Counter(s.operations() * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

// `multiply(shape, matrices, state)` measures one way to compute the product.
template <class Multiply>
void add(const char* who, const GemmShape& s, Multiply multiply) {
  const std::string name = std::string("gemm/") + who + "/" + s.name();
  benchmark::RegisterBenchmark(name.c_str(),
                               [s, multiply](benchmark::State& state) {
                                 const Matrices matrices(s);
                                 multiply(s, matrices, state);
                               })
      ->UseRealTime()
      ->Unit(benchmark::kMicrosecond);
}

void eigen_product(const GemmShape& s, const float* a, const float* b, float* c) {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Map = Eigen::Map<const Matrix>;
  Eigen::Map<Matrix> to(c, s.m, s.n);
  const auto times = [&](const auto& left) {
    if (s.trans_b)
      to.noalias() = left * Map(b, s.n, s.k).transpose();
    else
      to.noalias() = left * Map(b, s.k, s.n);
  };
  if (s.trans_a)
    times(Map(a, s.k, s.m).transpose());
  else
    times(Map(a, s.m, s.k));
}

void add_shape(const GemmShape& shape) {
  add("bitgrain", shape, [](const GemmShape& s, const Matrices& x, benchmark::State& state) {
    measure(state, s, [&] {
      kernels::gemm(s.trans_a, s.trans_b, s.m, s.n, s.k, 1, x.a.data(), s.lda(), x.b.data(), s.ldb(), 0, x.c.data(),
                    s.n);
    });
  });
#if defined(BITGRAIN_BENCH_ONEDNN)
  add("onednn", shape, [](const GemmShape& s, const Matrices& x, benchmark::State& state) {
    const onednn::Gemm best = onednn::best_gemm(s, x.a.data(), x.b.data(), x.c.data());
    state.SetLabel(best.how);
    measure(state, s, best.run);
  });
#endif
#if defined(BITGRAIN_BENCH_OPENBLAS)
  add("openblas", shape, [](const GemmShape& s, const Matrices& x, benchmark::State& state) {
    openblas_set_num_threads(num_threads());
    measure(state, s, [&] {
      cblas_sgemm(CblasRowMajor, s.trans_a ? CblasTrans : CblasNoTrans, s.trans_b ? CblasTrans : CblasNoTrans,
                  static_cast<blasint>(s.m), static_cast<blasint>(s.n), static_cast<blasint>(s.k), 1, x.a.data(),
                  static_cast<blasint>(s.lda()), x.b.data(), static_cast<blasint>(s.ldb()), 0, x.c.data(),
                  static_cast<blasint>(s.n));
    });
  });
#endif
  add("eigen", shape, [](const GemmShape& s, const Matrices& x, benchmark::State& state) {
    Eigen::setNbThreads(num_threads());
    measure(state, s, [&] { eigen_product(s, x.a.data(), x.b.data(), x.c.data()); });
  });
}

// OpenBLAS reads its variable when it is loaded, before main: the program starts itself once more.
void choose_openblas_kernels([[maybe_unused]] int& argc, [[maybe_unused]] char** argv) {
  std::vector<char*> arguments(argv, argv + argc);
  arguments.push_back(nullptr);
  std::string kernels;
#if defined(__AVX512F__)
  kernels = "SkylakeX";
#endif
  for (const std::string& named : take_flags(argc, argv, "openblas")) kernels = named;
#if defined(BITGRAIN_BENCH_OPENBLAS)
  const char* const chosen = std::getenv("OPENBLAS_CORETYPE");
  if (!kernels.empty() && (chosen == nullptr || kernels != chosen)) {
    setenv("OPENBLAS_CORETYPE", kernels.c_str(), 1);
    execv("/proc/self/exe", arguments.data());  // returns only if that is impossible: then with OpenBLAS's own choice
  }
  benchmark::AddCustomContext("openblas_kernels", openblas_get_corename());
#endif
}

}  // namespace

int main(int argc, char** argv) {
  choose_openblas_kernels(argc, argv);
  const std::vector<std::string> named = take_flags(argc, argv, "shape");
  for (const std::string& text : named) {
    const GemmShape shape = parse_gemm_shape(text);
    if (shape.m == 0) bad_flag(text, "--shape=MxNxK or MxNxK_tt, with n or t for each matrix");
    add_shape(shape);
  }
  if (named.empty())
    for (const GemmShape& shape : kGemmShapes) add_shape(shape);
  return run_benchmarks(argc, argv);
}
