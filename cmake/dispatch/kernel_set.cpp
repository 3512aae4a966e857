// The kernels of one instruction set: the one this file is compiled for. BITGRAIN_KERNEL_SET is its name.
// See include/bitgrain/kernels/kernel_set.hpp.

#include "bitgrain/kernels/kernel_set.hpp"

#include "bitgrain/kernels/bf16/conv2d.hpp"
#include "bitgrain/kernels/bits/conv2d.hpp"
#include "bitgrain/kernels/bits/linear.hpp"
#include "bitgrain/kernels/f32/conv2d.hpp"
#include "bitgrain/kernels/f32/gemm.hpp"
#include "bitgrain/kernels/int8/conv2d.hpp"
#include "bitgrain/kernels/int8/requantize_band.hpp"

#define BITGRAIN_TEXT_OF(name) #name
#define BITGRAIN_TEXT(name) BITGRAIN_TEXT_OF(name)
#define BITGRAIN_JOIN_OF(a, b) a##b
#define BITGRAIN_JOIN(a, b) BITGRAIN_JOIN_OF(a, b)

namespace bitgrain::kernels {
namespace {
constexpr KernelSet kSet{BITGRAIN_TEXT(BITGRAIN_KERNEL_SET),
                         conv2d_forward<float>,
                         conv2d_backward_data<float>,
                         conv2d_backward_weights<float>,
                         conv2d_backward_data_bf16<DefaultArch>,
                         conv2d_backward_weights_bf16<DefaultArch>,
                         gemm<float>,
                         detail::run_bands<BestDot>,
                         detail::run_any_codes<BestDot>,
                         detail::requantize_band<BestDot>,
                         detail::run_bit_bands<BestBits>,
                         linear_packed<BestFields>,
                         unpack_fields<BestFields>,
                         BestDot::kName,
                         BestBits::kName,
                         BestFields::kName};
}  // namespace
}  // namespace bitgrain::kernels

// The only symbol of this object that stays global.
extern "C" const bitgrain::kernels::KernelSet* BITGRAIN_JOIN(bitgrain_kernels_, BITGRAIN_KERNEL_SET)(
    const bitgrain::detail::ProcessState& state) {
  bitgrain::detail::process_state() = state;
  return &bitgrain::kernels::kSet;
}
