// A program built with -fno-exceptions: everything works, and a failed check reaches the replaceable handler.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "every_core_header.hpp"

static_assert(!BITGRAIN_HAS_EXCEPTIONS, "compile this file with -fno-exceptions");

namespace {
void leave_with_success(const char* message) {
  std::fprintf(stderr, "the handler was called: %s\n", message);
  std::_Exit(std::strcmp(message, "cannot reshape [2,3] (6 elements) to [5]") == 0 ? 0 : 2);
}
}  // namespace

int main() {
  using namespace bitgrain;
  Var<float> x(Tensor<float>(Shape{2, 3}, 1.5f), true);
  Tensor<float> doubled(x.shape());
  float* out = doubled.mutable_data();
  parallel_for(6, 2, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) out[i] = 2 * x.value()[i];
  });
  const Var<float> y =
      make_result("double", doubled, {x}, [x](const Tensor<float>& grad) { x.add_grad(grad.clone()); });
  y.backward(Tensor<float>(x.shape(), 1.0f));
  if (y.value()[5] != 3.0f || x.grad()[5] != 1.0f) return 3;

  set_error_handler(leave_with_success);
  (void)x.value().reshape({5});
  return 1;  // the check did not stop the program
}
