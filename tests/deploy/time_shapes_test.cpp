// That a layer is measured with every kernel that may pay at every pair of bits, and nothing twice.

#include "bitgrain/deploy/time_shapes.hpp"

#include <doctest/doctest.h>

TEST_CASE("every kernel is measured once for the bits that matter to it") {
  using namespace bitgrain;
  using namespace bitgrain::deploy;
  using kernels::BitsKernel;
  const ConvGeometry conv{1, 4, 4, 8, 16, Window2d::square(3, 2, 1), 1}, linear{1, 1, 1, 16, 10, Window2d{}, 1};
  std::vector<std::size_t> heard;
  const KernelTable table = time_shapes({{conv, false, {2, 8}, {1, 4, 8}},
                                         {conv, false, {2}, {4}},  // nothing new
                                         {linear, true, {3}, {2}}},
                                        0, [&](std::size_t done, std::size_t all) {
                                          heard.push_back(done);
                                          CHECK(all == 3);
                                        });
  CHECK(heard == std::vector<std::size_t>{1, 2, 3});
  const auto count = [&](const LayerShape& shape, BitsKernel kernel) {
    return std::count_if(table.begin(), table.end(),
                         [&](const KernelTime& t) { return t.shape == shape && t.kernel == kernel; });
  };
  const LayerShape shape = layer_shape(conv), of_linear = layer_shape(linear);
  CHECK(shape.stride == 2);
  CHECK(count(shape, BitsKernel::kBytes) == 1);
  CHECK(count(shape, BitsKernel::kPacked8) == 1);    // at 2 bits, whatever the input
  CHECK(count(shape, BitsKernel::kBitSerial) == 3);  // 2 x 1, 2 x 4, 8 x 1: more passes are not worth it
  CHECK(count(of_linear, BitsKernel::kBytes) == 1);
  CHECK(count(of_linear, BitsKernel::kPackedLinear) == 1);
  CHECK(count(of_linear, BitsKernel::kBitSerial) == 1);
  for (const KernelTime& time : table) {
    CHECK(time.single_ns > 0);
    CHECK(time.batched_ns < 1e9);
    CHECK(time.bits.planes == time.bits.weights);
  }
}
