#pragma once

/// A network in integer arithmetic, packed and planned: runs one chunk of images. A template over the network
/// (IntegerNetwork or PackedNetwork) and over what its convolutions are made of (TimedLayers or ByteLayers).

#include <algorithm>
#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

#include "bitgrain/base/array.hpp"
#include "bitgrain/deploy/engine_ops.hpp"
#include "bitgrain/deploy/engine_plan.hpp"
#include "bitgrain/deploy/integer_network.hpp"
#include "bitgrain/deploy/requantize_rows.hpp"
#include "bitgrain/deploy/value_bounds.hpp"
#include "bitgrain/kernels/int8/requantize.hpp"

namespace bitgrain::deploy {

/// Where the values of a chunk live: `images` times EnginePlan::arena_bytes bytes, 64-byte aligned.
struct ChunkArena {
  std::uint8_t* data = nullptr;
  std::int64_t images = 0;
};

template <class Network, class Layers>
class BasicIntegerProgram {
  using ConvOp = ConvOf<Network>;
  using RequantizeOp = RequantizeOf<Network>;
  using AffineOp = AffineOf<Network>;

 public:
  /// Codes, accumulators and sums of every value.
  using Observer = std::vector<std::vector<std::int32_t>>;

  /// For a valid network in integer arithmetic, which must outlive the program.
  explicit BasicIntegerProgram(const Network& network, Layers layers = {})
      : BasicIntegerProgram(network, std::move(layers), plan_engine(network)) {}

  /// With its plan. In an arena that counts (base/arena.hpp) only the memory is taken: such a program cannot run.
  BasicIntegerProgram(const Network& network, Layers layers, EnginePlan plan)
      : net_(&network), made_of_(std::move(layers)), plan_(std::move(plan)) {
    std::size_t convolutions = 0, rows = 0, fused = 0;
    for (const EngineStep& step : plan_.steps) {
      convolutions += convolution_of(step) != nullptr ? 1 : 0;
      const bool requantizes = std::holds_alternative<RequantizeOp>(op_of(step)), fuses = can_fuse(step);
      fused += fuses ? 1 : 0;
      rows += requantizes && (!fuses || Layers::kObservable) ? 1 : 0;  // at most
    }
    places_ = Array<Place>(plan_.steps.size());
    layers_ = Array<typename Layers::Layer>(convolutions);
    rows_ = Array<RequantizeRows>(rows);
    fused_ = Array<kernels::Requantization>(fused);
    Place next{0, 0, 0};
    for (std::size_t s = 0; s < plan_.steps.size(); ++s) prepare(s, next);
    make_table();
  }

  const EnginePlan& plan() const { return plan_; }
  /// The plan, for another program.
  EnginePlan take_plan() { return std::move(plan_); }
  const Layers& made_of() const { return made_of_; }

  /// How many convolutions and linear layers run on `kernel`.
  template <class Kernel>
  std::int64_t layers_on(Kernel kernel) const {
    std::int64_t count = 0;
    for (const auto& layer : layers_) count += layer.kernel == kernel ? 1 : 0;
    return count;
  }

  /// Runs arena.images images of raw bytes. `observer`, if any, receives every value as it occurs.
  void run(const std::uint8_t* images, ChunkArena arena, Observer* observer = nullptr) const {
    const auto& in = value(0);
    if (!table_.empty())
      look_up_rows(table_.data(), arena.images * in.height * in.width, in.channels, images, codes(arena, 0));
    else
      std::copy_n(images, arena.images * in.numel(), codes(arena, 0));
    if constexpr (Layers::kObservable)
      if (observer != nullptr) {
        observer->assign(net_->values.size(), {});
        observe(arena, 0, *observer);
      }
    for (std::size_t s = 0; s < plan_.steps.size(); ++s) {
      const auto& op = op_of(plan_.steps[s]);
      std::visit([&](const auto& o) { run_op(o, s, arena, observer); }, op);
      if constexpr (Layers::kObservable)
        if (observer != nullptr) observe(arena, op_output(op), *observer);
    }
  }

  /// Reads value `index` [images, numel], which the last steps must have left in place (the logits).
  void read(ChunkArena arena, int index, std::int32_t* to) const {
    const std::int64_t count = arena.images * value(index).numel();
    for (std::int64_t i = 0; i < count; ++i) to[i] = read_one(arena, index, i);
  }
  /// Element i of these.
  std::int32_t read_one(ChunkArena arena, int index, std::int64_t i) const {
    return is_sum(index) ? sums(arena, index)[i] : codes(arena, index)[i] - storage_offset(value(index));
  }

 private:
  // Where the parts of a step are; -1: it has none.
  struct Place {
    int layer = -1, rows = -1, fused = -1;
  };

  const auto& value(int index) const { return net_->values[static_cast<std::size_t>(index)]; }
  bool is_sum(int index) const { return value(index).type == ValueType::kS32; }
  std::uint8_t* codes(ChunkArena arena, int index) const {
    return arena.data + plan_.offset[static_cast<std::size_t>(index)] * arena.images;
  }
  std::int32_t* sums(ChunkArena arena, int index) const {
    return reinterpret_cast<std::int32_t*>(codes(arena, index));  // 64-byte aligned
  }
  const auto& op_of(const EngineStep& step) const { return net_->ops[static_cast<std::size_t>(step.op)]; }
  // The convolution of a step, if it has one.
  const ConvOp* convolution_of(const EngineStep& step) const {
    const int op = step.convolution >= 0 ? step.convolution : step.op;
    return std::get_if<ConvOp>(&net_->ops[static_cast<std::size_t>(op)]);
  }
  void observe(ChunkArena arena, int index, Observer& observer) const {
    auto& seen = observer[static_cast<std::size_t>(index)];
    seen.resize(static_cast<std::size_t>(arena.images * value(index).numel()));
    read(arena, index, seen.data());
  }

  // A sink of accumulators that an observer is to see.
  auto copy_to(Observer& observer, int index, std::int64_t images) const {
    auto& seen = observer[static_cast<std::size_t>(index)];
    seen.resize(static_cast<std::size_t>(images * value(index).numel()));
    return [to = seen.data(), channels = value(index).channels](std::int64_t first, std::int64_t count,
                                                                const std::int32_t* acc) {
      std::copy_n(acc, count * channels, to + first * channels);
    };
  }

  // Whether a convolution can do the requantization: one of its own accumulators and at most one tensor
  // of codes, to codes.
  bool can_fuse(const EngineStep& step) const {
    if (step.convolution < 0) return false;
    const auto& op = std::get<RequantizeOp>(op_of(step));
    if (op.terms.size() > 2 || is_sum(op.output)) return false;
    return op.terms.size() == 1 || !is_sum(op.terms[static_cast<std::size_t>(1 - step.term)].value);
  }

  // Makes the parts of a step, and counts on.
  void prepare(std::size_t index, Place& next) {
    const EngineStep& step = plan_.steps[index];
    Place place;
    const bool fuses = can_fuse(step);
    if (const ConvOp* conv = convolution_of(step)) {
      auto layer = made_of_.pack(*conv, value(conv->input));
      made_of_.note_scratch(layer, fuses, fuses && std::get<RequantizeOp>(op_of(step)).terms.size() == 2);
      place.layer = keep(layers_, std::move(layer), next.layer);
    }
    if (const auto* op = std::get_if<RequantizeOp>(&op_of(step))) {
      if (fuses)
        place.fused = keep(fused_, fused_form(*op, step), next.fused);
      else
        place.rows = keep(rows_, RequantizeRows(*op, *net_), next.rows);
    }
    if (places_.data() != nullptr) places_[index] = place;
  }
  template <class T>
  static int keep(Array<T>& array, T&& part, int& next) {
    if (array.data() != nullptr) array[static_cast<std::size_t>(next)] = std::move(part);
    return next++;
  }

  kernels::Requantization fused_form(const RequantizeOp& op, const EngineStep& step) const {
    const auto own = static_cast<std::size_t>(step.term);
    const bool residual = op.terms.size() == 2;
    const auto& term = op.terms[own];
    const auto& other = op.terms[residual ? 1 - own : own];
    const auto& from = value(other.value);
    const std::int32_t offset = residual ? storage_offset(from) : 0;
    const std::int32_t largest = residual ? code_range(from).high + offset : 0;  // as stored
    // Codes of type s8 are stored +128. |B| < 2^61 and |128 R| < 2^38: no overflow.
    const auto channel = [&](std::size_t c) {
      const std::int32_t r = residual ? other.multiplier[c] : 0;
      return kernels::RequantizationChannel{term.multiplier[c], r, op.bias[c] - std::int64_t{offset} * r,
                                            op.shift[c]};
    };
    const ConvOp& conv = *convolution_of(step);
    return kernels::make_requantization(op.bias.size(), residual, channel, op.low, op.high,
                                        storage_offset(value(op.output)), accumulator_bound(conv, value(conv.input)),
                                        largest);
  }

  // The stored codes of image bytes, unless they are these bytes.
  void make_table() {
    const auto& from = net_->input.codes;
    const std::int32_t offset = storage_offset(value(0));
    bool changes = false;
    for (std::size_t i = 0; i < from.size(); ++i)
      changes = changes || from[i] + offset != static_cast<std::int32_t>(i % 256);
    if (!changes) return;
    table_ = Array<std::uint8_t>(from.size());
    if (table_.data() == nullptr) return;
    for (std::size_t i = 0; i < from.size(); ++i) table_[i] = static_cast<std::uint8_t>(from[i] + offset);
  }

  void run_op(const ConvOp& op, std::size_t step, ChunkArena arena, Observer*) const {
    const std::int64_t channels = op.geometry.out_channels;
    std::int32_t* to = sums(arena, op.output);
    Layers::run_sums(layer_of(step), arena.images, codes(arena, op.input),
                     [&](std::int64_t first, std::int64_t count, const std::int32_t* acc) {
                       std::copy_n(acc, count * channels, to + first * channels);
                     });
  }
  const auto& layer_of(std::size_t step) const { return layers_[static_cast<std::size_t>(places_[step].layer)]; }

  void run_op(const RequantizeOp& op, std::size_t index, ChunkArena arena, Observer* observer) const {
    const EngineStep& step = plan_.steps[index];
    const Place& place = places_[index];
    if (place.fused >= 0) {
      const auto& constants = fused_[static_cast<std::size_t>(place.fused)];
      const std::uint8_t* residual = nullptr;
      if (constants.residual) residual = codes(arena, op.terms[static_cast<std::size_t>(1 - step.term)].value);
      Layers::run_codes(layer_of(index), arena.images, codes(arena, convolution_of(step)->input), constants, residual,
                        codes(arena, op.output));
      // The codes above are those of every run. The accumulators, which never were in memory, are made for the
      // observer alone.
      if constexpr (Layers::kObservable)
        if (observer != nullptr)
          Layers::run_sums(layer_of(index), arena.images, codes(arena, convolution_of(step)->input),
                           copy_to(*observer, convolution_of(step)->output, arena.images));
      return;
    }
    const auto& out = value(op.output);
    const std::int64_t channels = out.channels, pixels = arena.images * out.height * out.width;
    const std::size_t terms = op.terms.size();
    int from[kMaxTerms];
    for (std::size_t t = 0; t < terms; ++t) from[t] = op.terms[t].value;
    // Requantizes `count` pixels from `first` on; `acc` are the accumulators of the convolution that runs with it.
    const auto requantize = [&](std::int64_t first, std::int64_t count, const std::int32_t* acc) {
      const void* sources[kMaxTerms];
      for (std::size_t t = 0; t < terms; ++t) {
        if (static_cast<int>(t) == step.term)
          sources[t] = acc;
        else if (is_sum(from[t]))
          sources[t] = sums(arena, from[t]) + first * channels;
        else
          sources[t] = codes(arena, from[t]) + first * channels;
      }
      const RequantizeRows& rows = rows_[static_cast<std::size_t>(place.rows)];
      if (out.type == ValueType::kS32)
        rows.run(count, channels, sources, sums(arena, op.output) + first * channels);
      else
        rows.run(count, channels, sources, codes(arena, op.output) + first * channels);
    };
    if (step.convolution < 0) {
      requantize(0, pixels, nullptr);
      return;
    }
    const ConvOp& conv = *convolution_of(step);
    if constexpr (Layers::kObservable)
      if (observer != nullptr) {
        Layers::run_sums(layer_of(index), arena.images, codes(arena, conv.input),
                         [&, see = copy_to(*observer, conv.output, arena.images)](
                             std::int64_t first, std::int64_t count, const std::int32_t* acc) {
                           see(first, count, acc);
                           requantize(first, count, acc);
                         });
        return;
      }
    Layers::run_sums(layer_of(index), arena.images, codes(arena, conv.input), requantize);
  }

  void run_op(const MaxPoolOp& op, std::size_t, ChunkArena arena, Observer*) const {
    max_pool_rows(op.geometry, arena.images, codes(arena, op.input), codes(arena, op.output));
  }
  void run_op(const SumPoolOp& op, std::size_t, ChunkArena arena, Observer*) const {
    sum_pool_rows(op.geometry, arena.images, codes(arena, op.input), storage_offset(value(op.input)),
                  sums(arena, op.output));
  }
  void run_op(const SubsamplePadOp& op, std::size_t, ChunkArena arena, Observer*) const {
    const auto& in = value(op.input);
    subsample_pad_rows(op, in, arena.images, codes(arena, op.input),
                       static_cast<std::uint8_t>(in.zero_point + storage_offset(in)), codes(arena, op.output));
  }
  void run_op(const FlattenOp&, std::size_t, ChunkArena, Observer*) const {}
  void run_op(const AffineOp&, std::size_t, ChunkArena, Observer*) const {}  // float arithmetic only

  const Network* net_;
  Layers made_of_;
  EnginePlan plan_;
  Array<Place> places_;                   // by step
  Array<typename Layers::Layer> layers_;  // of the steps with a convolution
  Array<RequantizeRows> rows_;            // of requantizations that run alone
  Array<kernels::Requantization> fused_;  // of those that the convolution does
  Array<std::uint8_t> table_;             // stored codes [channels][256]; none: the codes are the bytes of the images
};

}  // namespace bitgrain::deploy
