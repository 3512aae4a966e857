#pragma once

/// The engine: runs a lowered network on batches of raw image bytes. In integer arithmetic its codes equal the
/// interpreter's bit for bit, on every machine and with any number of threads.
///
/// Images are cut into fixed chunks that run in parallel; a chunk goes through all ops while its values stay in
/// cache. Weights are packed and memory is planned once, when the engine is made.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "bitgrain/base/check.hpp"
#include "bitgrain/base/cpu.hpp"
#include "bitgrain/base/memory.hpp"
#include "bitgrain/base/parallel.hpp"
#include "bitgrain/deploy/float_program.hpp"
#include "bitgrain/deploy/integer_network.hpp"
#include "bitgrain/deploy/integer_program.hpp"
#include "bitgrain/deploy/kernel_choice.hpp"
#include "bitgrain/deploy/kernel_times.hpp"
#include "bitgrain/deploy/timed_layers.hpp"
#include "bitgrain/deploy/validate.hpp"

namespace bitgrain::deploy {

/// Cheap to copy (copies share the packed weights). All functions may be called by several threads at once.
class Engine {
 public:
  /// Packs and plans; `times` say which kernel runs which layer. Throws Error if the network is not valid.
  explicit Engine(IntegerNetwork network, const KernelTable& times = shipped_kernel_times())
      : net_(std::make_shared<const IntegerNetwork>(std::move(network))) {
    validate(*net_);
    if (is_integer())
      integer_ = std::make_shared<const IntegerProgram>(*net_, times);
    else
      float_ = std::make_shared<const FloatProgram>(*net_);
    chunk_images_ = deploy::chunk_images(plan().arena_bytes);
  }

  const IntegerNetwork& network() const { return *net_; }
  /// Bytes of one image: H * W * C of value 0.
  std::int64_t image_bytes() const { return net_->values[0].numel(); }
  /// Logits of one image.
  std::int64_t outputs() const { return output().numel(); }

  /// images [count,H,W,C] of raw bytes to logits [count, outputs()]: integer codes of one common step. Throws Error
  /// in float arithmetic.
  void run(const std::uint8_t* images, std::int64_t count, std::int32_t* logits) const {
    check_arithmetic(Arithmetic::kInteger);
    for_chunks(images, count, [&](std::int64_t first, ChunkArena arena) {
      integer_->read(arena, net_->output(), logits + first * outputs());
    });
  }

  /// The logits as real numbers, step * (code - zero point) in integer arithmetic.
  void run_real(const std::uint8_t* images, std::int64_t count, float* logits) const {
    for_chunks(images, count, [&](std::int64_t first, ChunkArena arena) {
      const std::int64_t n = arena.images * outputs();
      float* to = logits + first * outputs();
      if (!is_integer()) {
        std::copy_n(float_->read(arena, net_->output()), n, to);
        return;
      }
      for (const std::int32_t code : read_codes(arena))
        *to++ = static_cast<float>(output().step * static_cast<double>(std::int64_t{code} - output().zero_point));
    });
  }

  /// The class of each image, [count]: the index of its largest logit, the lowest of equals.
  void predict(const std::uint8_t* images, std::int64_t count, std::int32_t* classes) const {
    for_chunks(images, count, [&](std::int64_t first, ChunkArena arena) {
      if (is_integer())
        write_largest(read_codes(arena).data(), arena.images, classes + first);
      else
        write_largest(float_->read(arena, net_->output()), arena.images, classes + first);
    });
  }
  std::vector<std::int32_t> predict(const std::uint8_t* images, std::int64_t count) const {
    std::vector<std::int32_t> classes(static_cast<std::size_t>(std::max<std::int64_t>(count, 0)));
    predict(images, count, classes.data());
    return classes;
  }

  /// Every value of one image, as it occurs in `run`: codes, accumulators, sums, in the order of the network's
  /// values. Throws Error in float arithmetic.
  std::vector<std::vector<std::int32_t>> run_all_values(const std::uint8_t* image) const {
    check_arithmetic(Arithmetic::kInteger);
    IntegerProgram::Observer observer;
    const Scratch<std::uint8_t> memory(static_cast<std::size_t>(plan().arena_bytes));
    integer_->run(image, {memory.data(), 1}, &observer);
    return observer;
  }

  /// Every value of one image as real numbers. Throws Error in integer arithmetic.
  std::vector<std::vector<float>> run_all_reals(const std::uint8_t* image) const {
    check_arithmetic(Arithmetic::kFloat);
    FloatProgram::Observer observer;
    const Scratch<std::uint8_t> memory(static_cast<std::size_t>(plan().arena_bytes));
    float_->run(image, {memory.data(), 1}, &observer);
    return observer;
  }

  /// One line for people: arithmetic, kernels, memory, threads.
  std::string describe() const {
    std::int64_t convolutions = 0, fused = 0;
    for (const Op& op : net_->ops) convolutions += std::holds_alternative<ConvOp>(op) ? 1 : 0;
    for (const EngineStep& step : plan().steps) fused += step.convolution >= 0 ? 1 : 0;
    std::string kernel = "in f32 with weights = step x code";
    if (is_integer()) {
      std::string counts;
      for (const kernels::BitsKernel k : kernels::kBitsKernels)
        if (const std::int64_t layers = integer_->layers_on(k); layers > 0)
          counts += bitgrain::detail::concat(counts.empty() ? "" : ", ", layers, " ", kernels::to_string(k));
      kernel = bitgrain::detail::concat("(", counts, ") u8 x s8 by ",
                                        kernels::kDispatch ? kernels::kernels_in_use() : kernels::BestDot::kName,
                                        ", ", fused, " requantized in cache");
    }
    return bitgrain::detail::concat(is_integer() ? "integer" : "float", " arithmetic, ", convolutions,
                                    " convolutions and linear layers ", kernel, ", chunks of ", chunk_images_, " x ",
                                    plan().arena_bytes, " bytes, ", num_threads(), " threads (", threading(),
                                    "), compiled for ", compiled_for());
  }

 private:
  bool is_integer() const { return net_->arithmetic == Arithmetic::kInteger; }
  const EnginePlan& plan() const { return is_integer() ? integer_->plan() : float_->plan(); }
  const Value& output() const { return net_->values[static_cast<std::size_t>(net_->output())]; }
  void check_arithmetic(Arithmetic wanted) const {
    BITGRAIN_CHECK(net_->arithmetic == wanted, "network '", net_->name, "' is in ",
                   is_integer() ? "integer arithmetic: its values are codes" : "float arithmetic: it has no codes");
  }
  std::vector<std::int32_t> read_codes(ChunkArena arena) const {
    std::vector<std::int32_t> codes(static_cast<std::size_t>(arena.images * outputs()));
    integer_->read(arena, net_->output(), codes.data());
    return codes;
  }
  template <class T>
  void write_largest(const T* logits, std::int64_t images, std::int32_t* classes) const {
    for (std::int64_t i = 0; i < images; ++i, logits += outputs())
      classes[i] = static_cast<std::int32_t>(std::max_element(logits, logits + outputs()) - logits);
  }

  // Runs all images and calls read(first image, arena) after each chunk.
  template <class Read>
  void for_chunks(const std::uint8_t* images, std::int64_t count, Read&& read) const {
    BITGRAIN_CHECK(count >= 0, "the number of images must not be negative, got ", count);
    parallel_for(count, chunk_images_, [&](std::int64_t begin, std::int64_t end) {
      const Scratch<std::uint8_t> memory(static_cast<std::size_t>(plan().arena_bytes * (end - begin)));
      const ChunkArena arena{memory.data(), end - begin};
      if (is_integer())
        integer_->run(images + begin * image_bytes(), arena);
      else
        float_->run(images + begin * image_bytes(), arena);
      read(begin, arena);
    });
  }

  std::shared_ptr<const IntegerNetwork> net_;
  std::shared_ptr<const IntegerProgram> integer_;  // one of the two
  std::shared_ptr<const FloatProgram> float_;
  std::int64_t chunk_images_ = 1;
};

}  // namespace bitgrain::deploy
