#pragma once

/// Reference networks, each a template over a layer family (nn/float_layers.hpp).

#include "bitgrain/models/lenet5.hpp"
#include "bitgrain/models/resnet_cifar.hpp"
#include "bitgrain/models/vgg7.hpp"
