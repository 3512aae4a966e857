#pragma once

/// A network in integer arithmetic, packed and planned: runs one chunk of images.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "bitgrain/deploy/engine_ops.hpp"
#include "bitgrain/deploy/engine_plan.hpp"
#include "bitgrain/deploy/integer_network.hpp"
#include "bitgrain/deploy/kernel_choice.hpp"
#include "bitgrain/deploy/kernel_times.hpp"
#include "bitgrain/deploy/requantize_rows.hpp"
#include "bitgrain/deploy/value_bounds.hpp"
#include "bitgrain/kernels/bits/any_conv2d.hpp"

namespace bitgrain::deploy {

/// Where the values of a chunk live: `images` times EnginePlan::arena_bytes bytes, 64-byte aligned.
struct ChunkArena {
  std::uint8_t* data = nullptr;
  std::int64_t images = 0;
};

class IntegerProgram {
 public:
  /// Codes, accumulators and sums of every value.
  using Observer = std::vector<std::vector<std::int32_t>>;

  /// For a valid network in integer arithmetic, which must outlive the program; `times` choose the kernels.
  explicit IntegerProgram(const IntegerNetwork& network, const KernelTable& times = shipped_kernel_times())
      : net_(&network), plan_(plan_engine(network)) {
    convolutions_.resize(net_->ops.size());
    requantizations_.resize(net_->ops.size());
    fused_.resize(net_->ops.size());
    for (std::size_t i = 0; i < net_->ops.size(); ++i) {
      if (const auto* conv = std::get_if<ConvOp>(&net_->ops[i])) {
        const Value& in = value(conv->input);
        convolutions_[i] = pack_layer(choose_kernel(times, *conv, in), *conv, in);
      } else if (const auto* requantize = std::get_if<RequantizeOp>(&net_->ops[i])) {
        requantizations_[i] = RequantizeRows(*requantize, *net_);
      }
    }
    for (const EngineStep& step : plan_.steps) fuse(step);
    for (const std::int16_t code : net_->input.codes)
      table_.push_back(static_cast<std::uint8_t>(code + storage_offset(value(0))));
    for (std::size_t i = 0; i < table_.size(); ++i) table_changes_ |= table_[i] != i % 256;
  }

  const EnginePlan& plan() const { return plan_; }

  /// How many convolutions and linear layers run on `kernel`.
  std::int64_t layers_on(kernels::BitsKernel kernel) const {
    std::int64_t layers = 0;
    for (std::size_t i = 0; i < net_->ops.size(); ++i)
      layers += std::holds_alternative<ConvOp>(net_->ops[i]) && convolutions_[i].kernel == kernel ? 1 : 0;
    return layers;
  }

  /// Runs arena.images images of raw bytes. `observer`, if any, receives every value as it occurs.
  void run(const std::uint8_t* images, ChunkArena arena, Observer* observer = nullptr) const {
    const Value& in = value(0);
    if (table_changes_)
      look_up_rows(table_, arena.images * in.height * in.width, in.channels, images, codes(arena, 0));
    else
      std::copy_n(images, arena.images * in.numel(), codes(arena, 0));
    if (observer != nullptr) {
      observer->assign(net_->values.size(), {});
      observe(arena, 0, *observer);
    }
    for (const EngineStep& step : plan_.steps) {
      const Op& op = net_->ops[static_cast<std::size_t>(step.op)];
      std::visit([&](const auto& o) { run_op(o, step, arena, observer); }, op);
      if (observer != nullptr) observe(arena, op_output(op), *observer);
    }
  }

  /// Reads value `index` [images, numel], which the last steps must have left in place (the logits).
  void read(ChunkArena arena, int index, std::int32_t* to) const {
    const std::int64_t count = arena.images * value(index).numel();
    if (is_sum(index)) {
      std::copy_n(sums(arena, index), count, to);
      return;
    }
    const std::int32_t offset = storage_offset(value(index));
    const std::uint8_t* from = codes(arena, index);
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i] - offset;
  }

 private:
  const Value& value(int index) const { return net_->values[static_cast<std::size_t>(index)]; }
  bool is_sum(int index) const { return value(index).type == ValueType::kS32; }
  std::uint8_t* codes(ChunkArena arena, int index) const {
    return arena.data + plan_.offset[static_cast<std::size_t>(index)] * arena.images;
  }
  std::int32_t* sums(ChunkArena arena, int index) const {
    return reinterpret_cast<std::int32_t*>(codes(arena, index));  // 64-byte aligned
  }
  void observe(ChunkArena arena, int index, Observer& observer) const {
    auto& seen = observer[static_cast<std::size_t>(index)];
    seen.resize(static_cast<std::size_t>(arena.images * value(index).numel()));
    read(arena, index, seen.data());
  }

  // Prepares a requantization that a convolution can do in registers: one of bytes, its own accumulators and at most
  // one tensor of codes, to codes.
  void fuse(const EngineStep& step) {
    if (step.convolution < 0) return;
    if (convolutions_[static_cast<std::size_t>(step.convolution)].kernel != kernels::BitsKernel::kBytes) return;
    const auto index = static_cast<std::size_t>(step.op);
    const auto& op = std::get<RequantizeOp>(net_->ops[index]);
    if (op.terms.size() > 2 || value(op.output).type == ValueType::kS32) return;
    const auto own = static_cast<std::size_t>(step.term);
    std::vector<std::int32_t> residual;
    std::int32_t largest = 0;  // stored residual
    std::vector<std::int64_t> bias = op.bias;
    if (op.terms.size() == 2) {
      const Term& other = op.terms[1 - own];
      if (is_sum(other.value)) return;
      residual = other.multiplier;
      largest = code_range(value(other.value)).high + storage_offset(value(other.value));
      // Codes of type s8 are stored +128. |B| < 2^61 and |128 R| < 2^38: no overflow.
      for (std::size_t c = 0; c < bias.size(); ++c)
        bias[c] -= std::int64_t{storage_offset(value(other.value))} * residual[c];
    }
    const auto& conv = std::get<ConvOp>(net_->ops[static_cast<std::size_t>(step.convolution)]);
    fused_[index] = kernels::make_requantization(op.terms[own].multiplier, residual, bias, op.shift, op.low, op.high,
                                                 storage_offset(value(op.output)),
                                                 accumulator_bound(conv, value(conv.input)), largest);
  }

  void run_op(const ConvOp& op, const EngineStep& step, ChunkArena arena, Observer*) const {
    const std::int64_t channels = op.geometry.out_channels;
    std::int32_t* to = sums(arena, op.output);
    kernels::any_conv2d_bands(convolutions_[static_cast<std::size_t>(step.op)], arena.images, codes(arena, op.input),
                              [&](std::int64_t first, std::int64_t count, const std::int32_t* acc) {
                                std::copy_n(acc, count * channels, to + first * channels);
                              });
  }

  void run_op(const RequantizeOp& op, const EngineStep& step, ChunkArena arena, Observer* observer) const {
    if (const auto& fused = fused_[static_cast<std::size_t>(step.op)]; fused && observer == nullptr) {
      const auto convolution = static_cast<std::size_t>(step.convolution);
      const std::uint8_t* residual = nullptr;
      if (fused->residual) residual = codes(arena, op.terms[static_cast<std::size_t>(1 - step.term)].value);
      kernels::conv2d_u8s8_codes(std::get<kernels::PackedConv2d>(convolutions_[convolution].packed), arena.images,
                                 codes(arena, std::get<ConvOp>(net_->ops[convolution]).input), *fused, residual,
                                 codes(arena, op.output));
      return;
    }
    const Value& out = value(op.output);
    const std::int64_t channels = out.channels, pixels = arena.images * out.height * out.width;
    std::vector<const void*> sources(op.terms.size());
    // Requantizes `count` pixels from `first` on; `acc` are the accumulators of the convolution that runs with it.
    const auto requantize = [&](std::int64_t first, std::int64_t count, const std::int32_t* acc) {
      for (std::size_t t = 0; t < sources.size(); ++t) {
        const int from = op.terms[t].value;
        if (static_cast<int>(t) == step.term)
          sources[t] = acc;
        else if (is_sum(from))
          sources[t] = sums(arena, from) + first * channels;
        else
          sources[t] = codes(arena, from) + first * channels;
      }
      const RequantizeRows& rows = requantizations_[static_cast<std::size_t>(step.op)];
      if (out.type == ValueType::kS32)
        rows.run(count, channels, sources.data(), sums(arena, op.output) + first * channels);
      else
        rows.run(count, channels, sources.data(), codes(arena, op.output) + first * channels);
    };
    if (step.convolution < 0) {
      requantize(0, pixels, nullptr);
      return;
    }
    const auto convolution = static_cast<std::size_t>(step.convolution);
    const auto& conv = std::get<ConvOp>(net_->ops[convolution]);
    std::vector<std::int32_t>* seen = nullptr;
    if (observer != nullptr) {
      seen = &(*observer)[static_cast<std::size_t>(conv.output)];
      seen->resize(static_cast<std::size_t>(pixels * channels));
    }
    kernels::any_conv2d_bands(convolutions_[convolution], arena.images, codes(arena, conv.input),
                              [&](std::int64_t first, std::int64_t count, const std::int32_t* acc) {
                                if (seen != nullptr)
                                  std::copy_n(acc, count * channels, seen->data() + first * channels);
                                requantize(first, count, acc);
                              });
  }

  void run_op(const MaxPoolOp& op, const EngineStep&, ChunkArena arena, Observer*) const {
    max_pool_rows(op.geometry, arena.images, codes(arena, op.input), codes(arena, op.output));
  }
  void run_op(const SumPoolOp& op, const EngineStep&, ChunkArena arena, Observer*) const {
    sum_pool_rows(op.geometry, arena.images, codes(arena, op.input), storage_offset(value(op.input)),
                  sums(arena, op.output));
  }
  void run_op(const SubsamplePadOp& op, const EngineStep&, ChunkArena arena, Observer*) const {
    const Value& in = value(op.input);
    subsample_pad_rows(op, in, arena.images, codes(arena, op.input),
                       static_cast<std::uint8_t>(in.zero_point + storage_offset(in)), codes(arena, op.output));
  }
  void run_op(const FlattenOp&, const EngineStep&, ChunkArena, Observer*) const {}
  void run_op(const AffineOp&, const EngineStep&, ChunkArena, Observer*) const {}  // float arithmetic only

  const IntegerNetwork* net_;
  EnginePlan plan_;
  std::vector<kernels::AnyConv2d> convolutions_;               // by op
  std::vector<RequantizeRows> requantizations_;                // by op
  std::vector<std::optional<kernels::Requantization>> fused_;  // by op: done by the convolution that runs with it
  std::vector<std::uint8_t> table_;                            // stored codes [channels][256]
  bool table_changes_ = false;                                 // or the codes are the bytes of the images
};

}  // namespace bitgrain::deploy
