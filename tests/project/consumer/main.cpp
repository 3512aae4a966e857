// One loop over tensors, one gradient, one check: enough to need the headers, Eigen and threads.
#include <cstdio>

#include "bitgrain/autograd/var.hpp"
#include "bitgrain/base/cpu.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/base/version.hpp"
#include "bitgrain/tensor/eigen.hpp"

int main() {
  bitgrain::Tensor<float> x(bitgrain::Shape{4, 8});
  float* values = x.mutable_data();
  bitgrain::parallel_for(x.numel(), 4, [values](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) values[i] = static_cast<float>(i);
  });
  const float sum = bitgrain::as_eigen(x).sum();
  std::printf("bitgrain %s, %s, %s: sum %g\n", bitgrain::kVersion, bitgrain::compiled_for(), bitgrain::threading(),
              static_cast<double>(sum));
  try {
    (void)x.reshape({5, 7});
  } catch (const bitgrain::Error&) {
    return sum == 496 ? 0 : 1;
  }
  return 1;
}
