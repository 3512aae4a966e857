#pragma once

/// Optimizers, schedules and gradient clipping.

#include "bitgrain/optim/adam.hpp"
#include "bitgrain/optim/adamw.hpp"
#include "bitgrain/optim/clip_grad.hpp"
#include "bitgrain/optim/one_cycle.hpp"
#include "bitgrain/optim/optimizer.hpp"
#include "bitgrain/optim/schedule.hpp"
#include "bitgrain/optim/sgd.hpp"
