#pragma once

/// Layers, blocks, layer families, initialisation.

#include "bitgrain/nn/avg_pool2d.hpp"
#include "bitgrain/nn/batch_norm2d.hpp"
#include "bitgrain/nn/blocks.hpp"
#include "bitgrain/nn/conv2d.hpp"
#include "bitgrain/nn/copy_state.hpp"
#include "bitgrain/nn/dropout.hpp"
#include "bitgrain/nn/flatten.hpp"
#include "bitgrain/nn/float_layers.hpp"
#include "bitgrain/nn/global_avg_pool.hpp"
#include "bitgrain/nn/init.hpp"
#include "bitgrain/nn/initialize.hpp"
#include "bitgrain/nn/linear.hpp"
#include "bitgrain/nn/max_pool2d.hpp"
#include "bitgrain/nn/module.hpp"
#include "bitgrain/nn/relu.hpp"
#include "bitgrain/nn/relu6.hpp"
#include "bitgrain/nn/residual.hpp"
#include "bitgrain/nn/sequential.hpp"
#include "bitgrain/nn/summary.hpp"
#include "bitgrain/nn/window_text.hpp"
