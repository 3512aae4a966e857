#pragma once

/// Packed models and the integer engine, nothing else: what a program that only runs a network includes.
///
///     const bitgrain::deploy::Engine engine(bitgrain::deploy::load_packed_model("model.bgm"));
///     const std::vector<std::int32_t> classes = engine.predict(images, count);  // raw bytes [count,H,W,C]

#include "bitgrain/deploy/engine.hpp"
#include "bitgrain/deploy/packed_model.hpp"
