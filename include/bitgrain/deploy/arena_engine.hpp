#pragma once

/// The integer engine for programs without a heap: from the bytes of a packed model, which may lie in flash, in
/// memory of the caller. It takes nothing from the heap, neither while it is opened nor while it runs, starts no
/// threads, throws nothing, and gives the codes that Engine gives, bit for bit.
///
///     alignas(64) static unsigned char arena[49152];  // `bitgrain info model.bgm` says how many bytes
///     static bitgrain::deploy::ArenaEngine engine;
///     char message[160];
///     if (engine.open(model, sizeof model, arena, sizeof arena, 1, message) != bitgrain::deploy::OpenStatus::kOpen)
///       complain(message);
///     engine.predict(image, 1, &label);
///
/// The arena holds, from the bottom: the lists of values and ops, the plan, the packed weights and constants, the
/// values of the images that run together; on top, while it is needed, scratch memory: the weight codes of one layer
/// while they are packed, the rows and sums of one kernel while it runs. How much that is, is counted by the same
/// code that takes it (base/arena.hpp).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "bitgrain/base/arena.hpp"
#include "bitgrain/base/array.hpp"
#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/report.hpp"
#include "bitgrain/deploy/byte_layers.hpp"
#include "bitgrain/deploy/byte_reader.hpp"
#include "bitgrain/deploy/engine_plan.hpp"
#include "bitgrain/deploy/integer_program.hpp"
#include "bitgrain/deploy/packed_header.hpp"
#include "bitgrain/deploy/packed_network.hpp"
#include "bitgrain/deploy/validate.hpp"

namespace bitgrain::deploy {

/// What `ArenaEngine::open` ends with.
enum class OpenStatus : std::uint8_t {
  kOpen,
  kBadModel,    ///< not a complete, unaltered, valid packed model of this version
  kFloatModel,  ///< a network in float arithmetic, which this engine does not run
  kBadCount,    ///< no image at a time, or too many
  kSmallArena,  ///< arena_bytes() says what is needed
};

/// For one thread at a time.
class ArenaEngine {
 public:
  /// Most images at a time.
  static constexpr std::int64_t kMostImages = 1 << 12;

  ArenaEngine() = default;
  ArenaEngine(const ArenaEngine&) = delete;
  ArenaEngine& operator=(const ArenaEngine&) = delete;

  /// Prepares to run the packed model of `model_bytes` bytes at `model`, up to `images` images at a time. Model and
  /// arena may lie anywhere and must outlive the engine. Unless it ends with kOpen, `message` says why, as a text
  /// that ends with 0, cut to its room.
  OpenStatus open(const void* model, std::size_t model_bytes, void* arena, std::size_t arena_bytes,
                  std::int64_t images = 1, std::span<char> message = {}) {
    close();
    needed_ = 0;
    Report report(message);
    if (images < 1 || images > kMostImages) {
      report.fail("1 to ", kMostImages, " images at a time were expected, got ", images);
      return OpenStatus::kBadCount;
    }
    images_ = images;
    arena_ = Arena(arena, arena_bytes);
    const OpenStatus status = prepare({static_cast<const std::uint8_t*>(model), model_bytes}, arena_bytes, report);
    if (status != OpenStatus::kOpen) close();
    return status;
  }

  bool is_open() const { return program_.has_value(); }
  /// Bytes of arena that the model of the last `open` needs, wherever the arena lies. If that ended with kSmallArena
  /// because not even the list of ops fitted, only a lower bound is known.
  std::uint64_t arena_bytes() const { return needed_; }

  /// Of an open engine: bytes of one image, H * W * C of value 0.
  std::int64_t image_bytes() const { return network_.values[0].numel(); }
  /// Logits of one image.
  std::int64_t outputs() const { return output().numel(); }
  /// A logit means step * (code - zero point).
  const PackedValue& output() const { return network_.values[static_cast<std::size_t>(network_.output())]; }
  const PackedNetwork& network() const { return network_; }

  /// images [count,H,W,C] of raw bytes to logits [count, outputs()]: integer codes of one common step. False if the
  /// engine is not open or `count` is negative.
  bool run(const std::uint8_t* images, std::int64_t count, std::int32_t* logits) {
    return for_chunks(images, count, [&](std::int64_t first, ChunkArena values) {
      program_->read(values, network_.output(), logits + first * outputs());
    });
  }

  /// The class of each image, [count]: the index of its largest logit, the lowest of equals.
  bool predict(const std::uint8_t* images, std::int64_t count, std::int32_t* classes) {
    return for_chunks(images, count, [&](std::int64_t first, ChunkArena values) {
      const std::int64_t n = outputs();
      for (std::int64_t i = 0; i < values.images; ++i) {
        const auto logit = [&](std::int64_t k) { return program_->read_one(values, network_.output(), i * n + k); };
        std::int64_t largest = 0;
        for (std::int64_t k = 1; k < n; ++k)
          if (logit(k) > logit(largest)) largest = k;
        classes[first + i] = static_cast<std::int32_t>(largest);
      }
    });
  }

 private:
  using Program = BasicIntegerProgram<PackedNetwork, ByteLayers>;

  void close() {
    program_.reset();
    values_ = {};
    network_ = {};
  }

  OpenStatus prepare(std::span<const std::uint8_t> model, std::size_t arena_bytes, Report& report) {
    constexpr const char* kSource = "model";
    if (!check_header(model, kSource, report)) return OpenStatus::kBadModel;
    ByteReader in = body_reader(model, kSource, report);
    PackedNetworkReader reader(in);
    const std::int64_t values = reader.read_head();
    if (values < 0) return OpenStatus::kBadModel;
    const std::uint64_t lists =
        Arena::rounded(PackedNetworkReader::memory_bytes(values) + planning_bytes<PackedNetwork>(values));
    if (arena_.room() < lists) {
      needed_ = lists + kAlignment - 1;
      report.fail("an arena of ", arena_bytes, " bytes is too small: the lists of this model alone take ", needed_,
                  " bytes");
      return OpenStatus::kSmallArena;
    }

    const ArenaScope scope(arena_);
    if (!reader.read_body()) return OpenStatus::kBadModel;
    if (in.remaining() != 0) in.fail(in.remaining(), " bytes too many");
    if (in.failed()) return OpenStatus::kBadModel;
    network_ = reader.take();
    char text[256];
    Report objection(text);
    if (!check_network(network_, objection)) {
      report.fail(kSource, ", before offset ", in.offset(), ": ", objection.text());
      return OpenStatus::kBadModel;
    }
    if (network_.arithmetic != Arithmetic::kInteger) {
      report.fail("network '", network_.name, "' is in float arithmetic: only integers run here");
      return OpenStatus::kFloatModel;
    }

    EnginePlan plan = plan_engine(network_);
    const auto value_bytes = static_cast<std::uint64_t>(plan.arena_bytes * images_);
    needed_ = std::max(lists, count_bytes(plan, value_bytes)) + kAlignment - 1;
    if (arena_bytes < needed_) {
      report.fail("an arena of ", arena_bytes, " bytes is too small: network '", network_.name, "' needs ", needed_,
                  " bytes for ", images_, " images at a time");
      return OpenStatus::kSmallArena;
    }
    program_.emplace(network_, ByteLayers(images_), std::move(plan));
    values_ = Array<std::uint8_t>::unset(static_cast<std::size_t>(value_bytes));
    return OpenStatus::kOpen;
  }

  // Bytes of an aligned arena, by making the program in one that counts.
  std::uint64_t count_bytes(EnginePlan& plan, std::uint64_t value_bytes) {
    Arena counting = arena_.counting();
    const ArenaScope scope(counting);
    Program program(network_, ByteLayers(images_), std::move(plan));
    plan = program.take_plan();
    const std::uint64_t running = counting.kept() + Arena::rounded(value_bytes) + program.made_of().scratch_bytes();
    return std::max({arena_.peak(), counting.peak(), running});
  }

  // Runs all images and calls read(first image, values) after each chunk.
  template <class Read>
  bool for_chunks(const std::uint8_t* images, std::int64_t count, Read&& read) {
    if (!is_open() || count < 0) return false;
    const ArenaScope scope(arena_);
    for (std::int64_t first = 0; first < count; first += images_) {
      const ChunkArena values{values_.data(), std::min(images_, count - first)};
      program_->run(images + first * image_bytes(), values);
      read(first, values);
    }
    return true;
  }

  Arena arena_;
  PackedNetwork network_;
  std::optional<Program> program_;
  Array<std::uint8_t> values_;
  std::int64_t images_ = 1;
  std::uint64_t needed_ = 0;
};

/// Bytes of arena that a packed model needs for so many images at a time, or 0, with a message, if it cannot be run.
/// For tools: memory to find out comes from the pool.
inline std::uint64_t arena_bytes(std::span<const std::uint8_t> model, std::int64_t images = 1,
                                 std::span<char> message = {}) {
  ArenaEngine engine;
  std::uint64_t size = 0;
  for (;;) {
    const Scratch<std::uint8_t> memory(static_cast<std::size_t>(size));
    const OpenStatus status =
        engine.open(model.data(), model.size(), memory.data(), static_cast<std::size_t>(size), images, message);
    if (status == OpenStatus::kOpen) return size;
    if (status != OpenStatus::kSmallArena) return 0;
    size = engine.arena_bytes();
  }
}

}  // namespace bitgrain::deploy
