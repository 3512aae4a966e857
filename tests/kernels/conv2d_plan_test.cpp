#include "bitgrain/kernels/f32/conv2d_plan.hpp"

#include <doctest/doctest.h>

#include <array>
#include <set>

namespace {
namespace kernels = bitgrain::kernels;
using Triple = std::array<std::int64_t, 3>;  // input position, kernel position, output position

struct Axis {
  std::int64_t in, kernel, stride, pad, dilation;
  std::int64_t out() const { return bitgrain::detail::window_positions(in, kernel, stride, pad, dilation); }
};

std::vector<Axis> axes() {
  std::vector<Axis> all;
  for (std::int64_t in = 1; in <= 9; ++in)
    for (std::int64_t kernel = 1; kernel <= 5; ++kernel)
      for (std::int64_t stride = 1; stride <= 4; ++stride)
        for (std::int64_t pad = 0; pad <= 3; ++pad)
          for (std::int64_t dilation = 1; dilation <= 3; ++dilation) {
            const Axis axis{in, kernel, stride, pad, dilation};
            if (axis.out() > 0) all.push_back(axis);
          }
  return all;
}

// By definition: output o reads input o stride - pad + k dilation where that exists.
std::set<Triple> definition(const Axis& a) {
  std::set<Triple> triples;
  for (std::int64_t o = 0; o < a.out(); ++o)
    for (std::int64_t k = 0; k < a.kernel; ++k) {
      const std::int64_t i = o * a.stride - a.pad + k * a.dilation;
      if (i >= 0 && i < a.in) triples.insert({i, k, o});
    }
  return triples;
}
}  // namespace

TEST_CASE("the forward plan reads what the definition of a convolution says") {
  for (const Axis& a : axes()) {
    const kernels::AxisPlan plan =
        kernels::detail::forward_axis(a.in, a.out(), a.kernel, a.stride, a.pad, a.dilation);
    std::set<Triple> triples;
    for (std::int64_t t = 0; t < plan.count; ++t)
      for (const kernels::Tap& tap : plan.taps) {
        const std::int64_t i = t * plan.step + tap.offset;
        CHECK(i >= plan.low(t));
        CHECK(i < plan.high(t));
        if (i >= 0 && i < plan.input) triples.insert({i, tap.kernel, plan.first + t * plan.spacing});
      }
    REQUIRE(triples == definition(a));
  }
}

TEST_CASE(
    "the phases of the backward plan write every input once and use every product once, with no zeros between") {
  for (const Axis& a : axes()) {
    std::set<Triple> triples;
    std::multiset<std::int64_t> written;
    for (std::int64_t phase = 0; phase < a.stride; ++phase) {
      const kernels::AxisPlan plan =
          kernels::detail::backward_axis(a.in, a.out(), a.kernel, a.stride, a.pad, a.dilation, phase);
      CHECK(plan.step == 1);
      for (std::size_t i = 1; i < plan.taps.size(); ++i) CHECK(plan.taps[i].offset > plan.taps[i - 1].offset);
      for (std::int64_t t = 0; t < plan.count; ++t) {
        const std::int64_t i = plan.first + t * plan.spacing;
        written.insert(i);
        for (const kernels::Tap& tap : plan.taps) {
          const std::int64_t o = t + tap.offset;
          if (o >= 0 && o < plan.input) CHECK(triples.insert({i, tap.kernel, o}).second);
        }
      }
    }
    REQUIRE(triples == definition(a));
    CHECK(written.size() == static_cast<std::size_t>(a.in));
    CHECK(std::set<std::int64_t>(written.begin(), written.end()).size() == static_cast<std::size_t>(a.in));
  }
}

TEST_CASE("columns of a stride of 2 taken together read what their phases read") {
  for (const std::int64_t in : {1, 2, 5, 6}) {
    const bitgrain::ConvGeometry g{1, in, in, 1, 1, bitgrain::Window2d::square(3, 2, 1), 1};
    REQUIRE(kernels::columns_merge(g));
    const std::vector<kernels::ConvPlan> merged = kernels::plan_backward_data(g, true);
    CHECK(merged.size() == 2);
    const kernels::AxisPlan& plan = merged.front().w;
    std::set<Triple> triples;
    for (std::int64_t t = 0; t < plan.count; ++t)
      for (const kernels::Tap& tap : plan.taps) {
        if ((t + tap.kernel) % 2 == 0) continue;  // even columns have tap 1, odd ones taps 0 and 2
        const std::int64_t o = t / 2 + tap.offset;
        CHECK(o >= plan.low(t));
        CHECK(o < plan.high(t));
        if (o < plan.input) triples.insert({t, tap.kernel, o});
      }
    CHECK(triples == definition({in, 3, 2, 1, 1}));
  }
  CHECK_FALSE(kernels::columns_merge({1, 8, 8, 1, 1, bitgrain::Window2d::square(3, 2, 0), 1}));
  CHECK_FALSE(kernels::columns_merge({1, 8, 8, 1, 1, bitgrain::Window2d::square(3, 1, 1), 1}));
}

TEST_CASE("the hull of the phases reads all that they read") {
  for (const Axis& a : axes()) {
    const bitgrain::ConvGeometry g{
        1, a.in, a.in, 1, 1, bitgrain::Window2d::square(a.kernel, a.stride, a.pad, a.dilation), 1};
    const std::vector<kernels::ConvPlan> plans = kernels::plan_backward_data(g, false);
    REQUIRE(plans.size() == static_cast<std::size_t>(a.stride * a.stride));
    const kernels::ConvPlan hull = kernels::hull_of(plans);
    for (const kernels::ConvPlan& plan : plans) {
      CHECK(plan.h.count <= hull.h.count);
      CHECK(plan.terms() <= hull.terms());
      for (std::int64_t t = 0; t < plan.h.count && !plan.h.taps.empty(); ++t) {
        CHECK(hull.h.low(t) <= plan.h.low(t));
        CHECK(hull.h.high(t) >= plan.h.high(t));
      }
    }
  }
}

TEST_CASE("a kernel row is one run of memory exactly if it is not dilated") {
  CHECK(kernels::detail::forward_axis(9, 7, 3, 1, 0, 1).contiguous());
  CHECK(kernels::detail::forward_axis(9, 4, 3, 2, 0, 1).contiguous());
  CHECK_FALSE(kernels::detail::forward_axis(9, 5, 3, 1, 0, 2).contiguous());
  CHECK(kernels::detail::forward_axis(9, 9, 1, 1, 0, 2).contiguous());
}
