#pragma once

/// Kernels chosen at run time: one program for every processor.
///
/// By default kernels are compiled for what the including translation unit is compiled for. The CMake option
/// BITGRAIN_DISPATCH=ON builds a static library that holds the kernels below once per instruction set (SSE4.2, AVX2
/// with FMA, AVX-512 with VNNI, the same with VPOPCNTDQ, and with BF16 too; NEON on aarch64), and defines
/// BITGRAIN_DISPATCH for everybody who links it: then the kernels' functions call the best set that the processor
/// runs. The environment variable BITGRAIN_KERNELS names another one (sse42, avx2, avx512, avx512popcnt, avx512bf16,
/// neon). Kernels of double, and kernels of a named Arch or primitive, are not dispatched.
///
/// The hazard of such libraries is the linker: of an inline function that several translation units define, it keeps
/// one copy, perhaps the one with AVX-512 instructions, for the whole program. Here the objects of a set are linked
/// into one and all of its symbols but one are made local, so that every set keeps its inline functions to itself.

#include <cstdint>

#include "bitgrain/base/cpu.hpp"
#include "bitgrain/base/process_state.hpp"
#include "bitgrain/tensor/geometry.hpp"

namespace bitgrain::kernels {

struct PackedBitConv2d;
struct PackedConv2d;
struct PackedFields;
struct PackedLinear;
struct Requantization;
namespace detail {
struct BandSink;
struct BitBandSink;
}  // namespace detail

/// The dispatched kernels of one instruction set; see the functions of the same names.
struct KernelSet {
  const char* name;
  void (*conv2d_forward)(const ConvGeometry&, const float* x, const float* w, const float* bias, float* y);
  void (*conv2d_backward_data)(const ConvGeometry&, const float* dy, const float* w, float* dx);
  void (*conv2d_backward_weights)(const ConvGeometry&, const float* x, const float* dy, float* dw, float* dbias);
  void (*conv2d_backward_data_bf16)(const ConvGeometry&, const float* dy, const float* w, float* dx);
  void (*conv2d_backward_weights_bf16)(const ConvGeometry&, const float* x, const float* dy, float* dw, float* dbias);
  void (*gemm)(bool trans_a, bool trans_b, std::int64_t m, std::int64_t n, std::int64_t k, float alpha,
               const float* a, std::int64_t lda, const float* b, std::int64_t ldb, float beta, float* c,
               std::int64_t ldc);
  void (*conv2d_u8s8_bands)(const PackedConv2d&, std::int64_t batch, const std::uint8_t* x, detail::BandSink sink);
  void (*conv2d_u8s8_codes)(const PackedConv2d&, std::int64_t batch, const std::uint8_t* x, const Requantization&,
                            const std::uint8_t* residual, std::uint8_t* codes);
  void (*requantize_band)(const Requantization&, std::int64_t pixels, const std::int32_t* acc,
                          const std::uint8_t* residual, std::uint8_t* codes);
  void (*conv2d_bits_bands)(const PackedBitConv2d&, std::int64_t batch, const std::uint8_t* x,
                            detail::BitBandSink sink);
  void (*linear_packed)(const PackedLinear&, std::int64_t batch, const std::uint8_t* x, std::int32_t* acc);
  void (*unpack_fields)(const PackedFields&, std::int8_t* codes);
  const char* dot;     ///< names of the primitives: kernels/int8/dot.hpp,
  const char* bits;    ///< kernels/bits/popcount.hpp,
  const char* fields;  ///< kernels/bits/fields.hpp
};

/// Whether this translation unit calls kernels through a kernel set. (The library's own objects do not.)
#if defined(BITGRAIN_DISPATCH) && !defined(BITGRAIN_KERNEL_SET)
inline constexpr bool kDispatch = true;
#else
inline constexpr bool kDispatch = false;
#endif

/// The set in use, chosen at the first call; part of the library. Throws Error if BITGRAIN_KERNELS names none that
/// the processor runs.
const KernelSet& kernel_set();

/// What the kernels of this program run on, e.g. "avx512+vnni", for reports.
inline const char* kernels_in_use() {
  if constexpr (kDispatch)
    return kernel_set().name;
  else
    return compiled_for();
}

}  // namespace bitgrain::kernels
