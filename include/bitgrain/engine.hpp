#pragma once

/// Packed models and the integer engine, nothing else: what a program that only runs a network includes. With a heap:
///
///     const bitgrain::deploy::Engine engine(bitgrain::deploy::load_packed_model("model.bgm"));
///     const std::vector<std::int32_t> classes = engine.predict(images, count);  // raw bytes [count,H,W,C]
///
/// Without (deploy/arena_engine.hpp), from bytes in memory of the caller; firmware defines BITGRAIN_NO_HEAP for all
/// of its files and then has this engine alone, in a third of the compile time:
///
///     bitgrain::deploy::ArenaEngine engine;
///     engine.open(model, sizeof model, arena, sizeof arena);
///     engine.predict(images, count, classes);

#include "bitgrain/deploy/arena_engine.hpp"

#if !defined(BITGRAIN_NO_HEAP)
#include "bitgrain/deploy/engine.hpp"
#include "bitgrain/deploy/packed_model.hpp"
#endif
