#pragma once

/// Compiling convolutions and matrix products once per program.
///
/// They are templates, so every translation unit that calls one compiles it: some twenty seconds of optimizer. A
/// program of several translation units saves that by defining BITGRAIN_EXTERN_KERNELS for all of them and including
/// this header in exactly one, all compiled with the same flags. This project's own programs do so. Nothing else
/// changes: without the macro, headers are all there is.

#include "bitgrain/kernels/bf16/conv2d.hpp"
#include "bitgrain/kernels/f32/conv2d.hpp"
#include "bitgrain/kernels/f32/gemm.hpp"

namespace bitgrain::kernels {
BITGRAIN_CONV2D_INSTANCES(, float, DefaultArch)
BITGRAIN_CONV2D_INSTANCES(, double, DefaultArch)
BITGRAIN_CONV2D_BF16_INSTANCES(, DefaultArch)
BITGRAIN_GEMM_INSTANCES(, float, DefaultArch)
BITGRAIN_GEMM_INSTANCES(, double, DefaultArch)
}  // namespace bitgrain::kernels
