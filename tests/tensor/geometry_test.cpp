#include "bitgrain/tensor/geometry.hpp"

#include <doctest/doctest.h>

#include "error_of.hpp"

using namespace bitgrain;

namespace {
// Counts the window positions one by one: the definition, not the formula.
std::int64_t positions_counted(std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t pad,
                               std::int64_t dilation) {
  std::int64_t count = 0;
  for (std::int64_t begin = -pad; begin + dilation * (kernel - 1) < in + pad; begin += stride) ++count;
  return count;
}
// Whether each window has a tap inside the input, tap by tap.
bool all_windows_reach(std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t pad,
                       std::int64_t dilation) {
  for (std::int64_t begin = -pad; begin + dilation * (kernel - 1) < in + pad; begin += stride) {
    bool inside = false;
    for (std::int64_t k = 0; k < kernel; ++k)
      inside = inside || (begin + k * dilation >= 0 && begin + k * dilation < in);
    if (!inside) return false;
  }
  return true;
}
}  // namespace

TEST_CASE("output extents are the number of window positions, for every kernel, stride, padding and dilation") {
  for (std::int64_t in = 1; in <= 9; ++in)
    for (std::int64_t kernel = 1; kernel <= 5; ++kernel)
      for (std::int64_t stride = 1; stride <= 3; ++stride)
        for (std::int64_t pad = 0; pad <= 3; ++pad)
          for (std::int64_t dilation = 1; dilation <= 3; ++dilation) {
            const ConvGeometry g{1, in, 9, 1, 1, {kernel, 3, stride, 1, pad, 0, dilation, 1}, 1};
            CHECK(g.out_h() == positions_counted(in, kernel, stride, pad, dilation));
            CHECK(g.out_w() == 7);
            const PoolGeometry p{1, 9, in, 1, {3, kernel, 1, stride, 0, pad, 1, dilation}};
            CHECK(p.out_w() == g.out_h());
          }
}

TEST_CASE("sizes and multiply-accumulates of a grouped convolution") {
  const ConvGeometry g{8, 32, 16, 12, 6, {3, 5, 2, 1, 1, 2, 1, 1}, 3};
  CHECK(g.out_h() == 16);
  CHECK(g.out_w() == 16);
  CHECK(g.group_in() == 4);
  CHECK(g.group_out() == 2);
  CHECK(g.input_size() == 8 * 32 * 16 * 12);
  CHECK(g.output_size() == 8 * 16 * 16 * 6);
  CHECK(g.weight_size() == 6 * 3 * 5 * 4);
  CHECK(g.macs() == g.output_size() * 3 * 5 * 4);
  g.validate();
}

TEST_CASE("a convolution that does not exist is an error that names layer and reason") {
  const ConvGeometry good{1, 8, 8, 4, 4, Window2d::square(3, 1, 1), 1};
  CHECK(error_of([&] { good.validate("conv1"); }).empty());
  ConvGeometry bad = good;
  bad.groups = 3;
  CHECK(contains(error_of([&] { bad.validate("conv1"); }), "conv1: groups must divide the channels"));
  bad = good;
  bad.window = Window2d::square(11, 1, 1);
  CHECK(contains(error_of([&] { bad.validate("conv1"); }), "a kernel of 11x11 does not fit an input of 8x8"));
  for (const Window2d& window : {Window2d::square(0), Window2d::square(3, 0), Window2d::square(3, 1, -1),
                                 Window2d::square(3, 1, 0, 0), Window2d{3, 0, 1, 1, 0, 0, 1, 1}}) {
    bad = good;
    bad.window = window;
    CHECK(contains(error_of([&] { bad.validate("conv1"); }), "must be at least 1"));
  }
  bad = good;
  bad.in_channels = 0;
  CHECK(!error_of([&] { bad.validate(); }).empty());
}

TEST_CASE("pooling accepts exactly the windows that see the input at every position") {
  for (std::int64_t in = 1; in <= 7; ++in)
    for (std::int64_t kernel = 1; kernel <= 5; ++kernel)
      for (std::int64_t stride = 1; stride <= 3; ++stride)
        for (std::int64_t pad = 0; 2 * pad <= kernel; ++pad)
          for (std::int64_t dilation = 1; dilation <= 4; ++dilation) {
            const PoolGeometry g{1, in, in, 1, Window2d::square(kernel, stride, pad, dilation)};
            const bool exists = g.out_h() >= 1 && all_windows_reach(in, kernel, stride, pad, dilation);
            CAPTURE(in);
            CAPTURE(kernel);
            CAPTURE(stride);
            CAPTURE(pad);
            CAPTURE(dilation);
            CHECK(error_of([&] { g.validate(); }).empty() == exists);
          }
}

TEST_CASE("pooling with more padding than half the kernel is refused") {
  const PoolGeometry g{1, 8, 8, 4, Window2d::square(3, 2, 2)};
  CHECK(contains(error_of([&] { g.validate("pool"); }), "pool: padding must be at most half the kernel"));
}

TEST_CASE("a geometry compares by all its members") {
  const ConvGeometry a{1, 8, 8, 4, 4, Window2d::square(3, 1, 1), 1};
  ConvGeometry b = a;
  CHECK(a == b);
  b.window.dilation_w = 2;
  CHECK(a != b);
}
