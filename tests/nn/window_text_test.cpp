#include "bitgrain/nn/window_text.hpp"

#include <doctest/doctest.h>

namespace bitgrain {
namespace {

TEST_CASE("a window in words, square, rectangular and dilated") {
  CHECK(window_text(Window2d::square(3, 2, 1)) == "3x3, stride 2, padding 1");
  CHECK(window_text({.kernel_h = 1, .kernel_w = 5, .stride_h = 2, .stride_w = 1, .pad_w = 2}) ==
        "1x5, stride 2x1, padding 0x2");
  CHECK(window_text(Window2d::square(3, 1, 2, 2)) == "3x3, stride 1, padding 2, dilation 2");
}

}  // namespace
}  // namespace bitgrain
