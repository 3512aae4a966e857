#pragma once

/// Compiling convolutions, matrix products and other large kernels once per program.
///
/// They are templates, so every translation unit that calls one compiles it: some twenty seconds of optimizer. A
/// program of several translation units saves that by defining BITGRAIN_EXTERN_KERNELS for all of them and including
/// this header in exactly one, all compiled with the same flags. This project's own programs do so. Nothing else
/// changes: without the macro, headers are all there is.

#include "bitgrain/kernels/bf16/conv2d.hpp"
#include "bitgrain/kernels/bits/conv2d.hpp"
#include "bitgrain/kernels/bits/linear.hpp"
#include "bitgrain/kernels/f32/batch_norm_quantize.hpp"
#include "bitgrain/kernels/f32/conv2d.hpp"
#include "bitgrain/kernels/f32/gemm.hpp"
#include "bitgrain/kernels/int8/conv2d.hpp"
#include "bitgrain/kernels/int8/real_conv2d.hpp"

namespace bitgrain::kernels {
BITGRAIN_CONV2D_INSTANCES(, float, DefaultArch)
BITGRAIN_CONV2D_INSTANCES(, double, DefaultArch)
BITGRAIN_CONV2D_BF16_INSTANCES(, DefaultArch)
BITGRAIN_GEMM_INSTANCES(, float, DefaultArch)
BITGRAIN_GEMM_INSTANCES(, double, DefaultArch)
BITGRAIN_BATCH_NORM_QUANTIZE_INSTANCES(, DefaultArch)
BITGRAIN_CONV2D_INT8_INSTANCES()
BITGRAIN_CONV2D_REAL_INSTANCES()
BITGRAIN_CONV2D_BITS_INSTANCES()
BITGRAIN_LINEAR_PACKED_INSTANCES()
}  // namespace bitgrain::kernels
