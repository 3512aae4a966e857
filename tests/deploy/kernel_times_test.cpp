// That the shipped times can be chosen by: bytes for every shape, and the few-bit kernels where they are known to
// win.

#include "bitgrain/deploy/kernel_times.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "bitgrain/deploy/tuning_layers.hpp"

namespace {
using namespace bitgrain;
using namespace bitgrain::deploy;
using kernels::BitsKernel;

BitsKernel shipped_choice(std::int64_t size, std::int64_t in, std::int64_t out, Grid grid, int weight_bits,
                          int input_bits) {
  Value input;
  input.height = input.width = size;
  input.channels = in;
  input.bits = input_bits;
  const KernelTable table(std::begin(deploy::detail::kShippedTimes), std::end(deploy::detail::kShippedTimes));
  return choose_kernel(table, tuning_layer(input, out, size == 1 ? 1 : 3, grid, weight_bits), input);
}
}  // namespace

TEST_CASE("every shipped shape has one time of bytes, and every other time is less") {
  const auto& times = deploy::detail::kShippedTimes;
  for (const KernelTime& time : times) {
    const auto of_bytes = [&](const KernelTime& t) {
      return t.kernel == BitsKernel::kBytes && t.shape == time.shape;
    };
    CHECK(std::count_if(std::begin(times), std::end(times), of_bytes) == 1);
    CHECK(time.ns() > 0);
    CHECK(time.ns() <= std::find_if(std::begin(times), std::end(times), of_bytes)->ns());
  }
}

TEST_CASE("the shipped times choose bits for few-bit layers of many channels, bytes for the rest") {
  for (const auto& [size, channels] : {std::pair{28, 128}, {14, 256}, {7, 512}, {14, 200}}) {
    CHECK(shipped_choice(size, channels, channels, Grid::kSigned, 1, 1) == BitsKernel::kBitSerial);
    CHECK(shipped_choice(size, channels, channels, Grid::kSigned, 1, 2) == BitsKernel::kBitSerial);
    CHECK(shipped_choice(size, channels, channels, Grid::kSigned, 2, 2) == BitsKernel::kBitSerial);
    CHECK(shipped_choice(size, channels, channels, Grid::kSymmetric, 2, 2) == BitsKernel::kBitSerial);
    CHECK(shipped_choice(size, channels, channels, Grid::kSigned, 3, 3) == BitsKernel::kBytes);
    CHECK(shipped_choice(size, channels, channels, Grid::kSigned, 8, 8) == BitsKernel::kBytes);
  }
  CHECK(shipped_choice(32, 16, 16, Grid::kSigned, 2, 2) == BitsKernel::kBytes);
  CHECK(shipped_choice(32, 3, 16, Grid::kSigned, 1, 1) == BitsKernel::kBytes);
  CHECK(shipped_choice(1, 8192, 1024, Grid::kSigned, 2, 8) == BitsKernel::kPackedLinear);
  CHECK(shipped_choice(1, 8192, 1024, Grid::kSigned, 8, 8) == BitsKernel::kBytes);
  CHECK(shipped_choice(1, 64, 10, Grid::kSigned, 1, 1) == BitsKernel::kBytes);
}
