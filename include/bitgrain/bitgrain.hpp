#pragma once

/// The whole core of bitgrain: tensors, autograd, layers, quantizers, training, search and deployment. Needs Eigen
/// and xsimd, nothing else. Readers of data files (data/data.hpp: zlib, stb_image) and everything that writes JSON
/// (run/: nlohmann-json) are included separately; for the integer engine alone include bitgrain/engine.hpp.

#include "bitgrain/autograd/gradcheck.hpp"
#include "bitgrain/base/cpu.hpp"
#include "bitgrain/base/version.hpp"
#include "bitgrain/deploy/lower.hpp"
#include "bitgrain/deploy/thresholds.hpp"
#include "bitgrain/deploy/time_kernels.hpp"
#include "bitgrain/deploy/tuning_layers.hpp"
#include "bitgrain/deploy/verify.hpp"
#include "bitgrain/engine.hpp"
#include "bitgrain/kernels/int8/gemm.hpp"
#include "bitgrain/models/models.hpp"
#include "bitgrain/nn/nn.hpp"
#include "bitgrain/ops/ops.hpp"
#include "bitgrain/optim/optim.hpp"
#include "bitgrain/quant/install.hpp"
#include "bitgrain/quant/quant_layers.hpp"
#include "bitgrain/search/limpq.hpp"
#include "bitgrain/search/sensitivity.hpp"
#include "bitgrain/search/simple_methods.hpp"
#include "bitgrain/tensor/eigen.hpp"
#include "bitgrain/train/diagnostics.hpp"
#include "bitgrain/train/witness.hpp"
