#pragma once

/// A network in float arithmetic: the same steps on floats, with weights = step * code. Runs one chunk of images.

#include <algorithm>
#include <cstdint>
#include <variant>
#include <vector>

#include "bitgrain/deploy/engine_ops.hpp"
#include "bitgrain/deploy/engine_plan.hpp"
#include "bitgrain/deploy/integer_network.hpp"
#include "bitgrain/deploy/integer_program.hpp"
#include "bitgrain/kernels/f32/conv2d.hpp"

namespace bitgrain::deploy {

class FloatProgram {
 public:
  /// Every value as real numbers.
  using Observer = std::vector<std::vector<float>>;

  /// For a valid network in float arithmetic, which must outlive the program.
  explicit FloatProgram(const IntegerNetwork& network) : net_(&network), plan_(plan_engine(network)) {
    weights_.resize(net_->ops.size());
    for (std::size_t i = 0; i < net_->ops.size(); ++i)
      if (const auto* conv = std::get_if<ConvOp>(&net_->ops[i])) {
        const WeightCodes& w = conv->weights;
        const std::size_t per_channel = w.codes.size() / static_cast<std::size_t>(conv->geometry.out_channels);
        for (std::size_t k = 0; k < w.codes.size(); ++k)
          weights_[i].push_back(w.step[w.step.size() == 1 ? 0 : k / per_channel] * static_cast<float>(w.codes[k]));
      }
    const Value& in = value(0);
    for (const std::int16_t code : net_->input.codes)
      table_.push_back(static_cast<float>(in.step * (code - in.zero_point)));
  }

  const EnginePlan& plan() const { return plan_; }

  /// Runs arena.images images of raw bytes. `observer`, if any, receives every value.
  void run(const std::uint8_t* images, ChunkArena arena, Observer* observer = nullptr) const {
    const Value& in = value(0);
    look_up_rows(table_.data(), arena.images * in.height * in.width, in.channels, images, reals(arena, 0));
    if (observer != nullptr) {
      observer->assign(net_->values.size(), {});
      observe(arena, 0, *observer);
    }
    for (const EngineStep& step : plan_.steps) {
      const Op& op = net_->ops[static_cast<std::size_t>(step.op)];
      std::visit([&](const auto& o) { run_op(o, step, arena); }, op);
      if (observer != nullptr) observe(arena, op_output(op), *observer);
    }
  }

  /// Value `index` [images, numel], which the last steps must have left in place (the logits).
  const float* read(ChunkArena arena, int index) const { return reals(arena, index); }

 private:
  const Value& value(int index) const { return net_->values[static_cast<std::size_t>(index)]; }
  float* reals(ChunkArena arena, int index) const {
    return reinterpret_cast<float*>(arena.data + plan_.offset[static_cast<std::size_t>(index)] * arena.images);
  }
  void observe(ChunkArena arena, int index, Observer& observer) const {
    const float* from = reals(arena, index);
    observer[static_cast<std::size_t>(index)].assign(from, from + arena.images * value(index).numel());
  }

  void run_op(const ConvOp& op, const EngineStep& step, ChunkArena arena) const {
    ConvGeometry geometry = op.geometry;
    geometry.batch = arena.images;
    kernels::conv2d_forward<float>(geometry, reals(arena, op.input),
                                   weights_[static_cast<std::size_t>(step.op)].data(), nullptr,
                                   reals(arena, op.output));
  }
  void run_op(const AffineOp& op, const EngineStep&, ChunkArena arena) const {
    const Value& out = value(op.output);
    std::vector<const float*> sources;
    sources.reserve(op.terms.size());
    for (const AffineTerm& term : op.terms) sources.push_back(reals(arena, term.value));
    affine_rows(op, arena.images * out.height * out.width, sources.data(), reals(arena, op.output));
  }
  void run_op(const MaxPoolOp& op, const EngineStep&, ChunkArena arena) const {
    max_pool_rows(op.geometry, arena.images, reals(arena, op.input), reals(arena, op.output));
  }
  void run_op(const SumPoolOp& op, const EngineStep&, ChunkArena arena) const {
    mean_pool_rows(op.geometry, arena.images, reals(arena, op.input), reals(arena, op.output));
  }
  void run_op(const SubsamplePadOp& op, const EngineStep&, ChunkArena arena) const {
    subsample_pad_rows(op, value(op.input), arena.images, reals(arena, op.input), 0.0f, reals(arena, op.output));
  }
  void run_op(const FlattenOp&, const EngineStep&, ChunkArena) const {}
  void run_op(const RequantizeOp&, const EngineStep&, ChunkArena) const {}  // integer arithmetic only

  const IntegerNetwork* net_;
  EnginePlan plan_;
  std::vector<std::vector<float>> weights_;  // by op
  std::vector<float> table_;                 // [channels][256]
};

}  // namespace bitgrain::deploy
