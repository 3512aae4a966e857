#pragma once

/// What the engine does in which order, and where the values live.
///
/// A convolution whose accumulators are read by one requantization alone runs together with it: the accumulators are
/// requantized band by band and never reach memory. All other values get a place in one arena; places are reused as
/// soon as nobody reads the value any more. Flatten moves nothing: its output is its input's place.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "bitgrain/deploy/integer_network.hpp"

namespace bitgrain::deploy {

/// One step: an op, and for a requantization the convolution that runs with it.
struct EngineStep {
  int op = 0;
  int convolution = -1;  ///< index of a ConvOp, or -1
  int term = -1;         ///< the term of the requantization that holds its accumulators
};

struct EnginePlan {
  std::vector<EngineStep> steps;
  std::vector<std::int64_t>
      offset;                    ///< of each value in the arena, in bytes per image; -1 if it never reaches memory
  std::int64_t arena_bytes = 0;  ///< per image, a multiple of 64
};

/// Images that run together, of so many bytes each: a chunk should stay in a second-level cache.
inline std::int64_t chunk_images(std::int64_t image_bytes) {
  constexpr std::int64_t kChunkBytes = 1 << 19, kMost = 16;
  return std::clamp<std::int64_t>(kChunkBytes / image_bytes, 1, kMost);
}

/// Bytes of one stored element of a value.
inline std::int64_t stored_bytes(const IntegerNetwork& network, const Value& value) {
  const bool is_code = value.type == ValueType::kU8 || value.type == ValueType::kS8;
  return is_code && network.arithmetic == Arithmetic::kInteger ? 1 : 4;
}

/// The values that an op reads.
inline std::vector<int> op_inputs(const Op& op) {
  std::vector<int> inputs;
  if (const auto* requantize = std::get_if<RequantizeOp>(&op))
    for (const Term& term : requantize->terms) inputs.push_back(term.value);
  else if (const auto* affine = std::get_if<AffineOp>(&op))
    for (const AffineTerm& term : affine->terms) inputs.push_back(term.value);
  else
    std::visit(
        [&](const auto& o) {
          if constexpr (requires { o.input; }) inputs.push_back(o.input);
        },
        op);
  return inputs;
}

namespace detail {

class EnginePlanner {
 public:
  explicit EnginePlanner(const IntegerNetwork& net)
      : net_(net), uses_(net.values.size()), convolution_of_(net.values.size(), -1), root_(net.values.size()) {
    for (std::size_t v = 0; v < root_.size(); ++v) root_[v] = static_cast<int>(v);
    for (std::size_t i = 0; i < net.ops.size(); ++i) {
      for (const int input : op_inputs(net.ops[i])) ++uses_[static_cast<std::size_t>(input)];
      if (const auto* conv = std::get_if<ConvOp>(&net.ops[i]))
        convolution_of_[static_cast<std::size_t>(conv->output)] = static_cast<int>(i);
    }
  }

  EnginePlan run() {
    fuse();
    find_lifetimes();
    place();
    return std::move(plan_);
  }

 private:
  // The convolution of the last term that is made for this requantization alone.
  EngineStep step_of(int index) const {
    EngineStep step{index, -1, -1};
    if (const auto* requantize = std::get_if<RequantizeOp>(&net_.ops[static_cast<std::size_t>(index)]))
      for (std::size_t t = 0; t < requantize->terms.size(); ++t) {
        const auto value = static_cast<std::size_t>(requantize->terms[t].value);
        if (convolution_of_[value] <= step.convolution || uses_[value] != 1) continue;
        step.convolution = convolution_of_[value];
        step.term = static_cast<int>(t);
      }
    return step;
  }

  void fuse() {
    std::vector<char> runs_later(net_.ops.size(), 0);
    for (std::size_t i = 0; i < net_.ops.size(); ++i) {
      const EngineStep step = step_of(static_cast<int>(i));
      if (step.convolution >= 0) runs_later[static_cast<std::size_t>(step.convolution)] = 1;
    }
    for (std::size_t i = 0; i < net_.ops.size(); ++i)
      if (runs_later[i] == 0) plan_.steps.push_back(step_of(static_cast<int>(i)));
  }

  void find_lifetimes() {
    first_.assign(root_.size(), -1);
    last_.assign(root_.size(), -1);
    first_[0] = 0;
    for (std::size_t s = 0; s < plan_.steps.size(); ++s) {
      const auto now = static_cast<std::int64_t>(s);
      const EngineStep& step = plan_.steps[s];
      const Op& op = net_.ops[static_cast<std::size_t>(step.op)];
      std::vector<int> inputs = op_inputs(op);
      if (step.convolution >= 0)
        inputs[static_cast<std::size_t>(step.term)] =
            std::get<ConvOp>(net_.ops[static_cast<std::size_t>(step.convolution)]).input;
      for (const int input : inputs) last_[root(input)] = now;
      const auto output = static_cast<std::size_t>(op_output(op));
      if (std::holds_alternative<FlattenOp>(op))
        root_[output] = static_cast<int>(root(inputs[0]));
      else
        first_[output] = now;
      last_[root(static_cast<int>(output))] = now;
    }
    last_[root(net_.output())] = static_cast<std::int64_t>(plan_.steps.size());
  }

  // First fit: values in order of birth, each in the lowest gap that is free throughout its life.
  void place() {
    plan_.offset.assign(root_.size(), -1);
    std::vector<std::size_t> order, placed;
    for (std::size_t v = 0; v < root_.size(); ++v)
      if (first_[v] >= 0) order.push_back(v);
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return first_[a] != first_[b] ? first_[a] < first_[b] : a < b; });
    for (const std::size_t v : order) {
      std::int64_t at = 0;
      for (const std::size_t other : placed) {  // sorted by offset
        if (last_[other] < first_[v] || last_[v] < first_[other]) continue;
        if (plan_.offset[other] >= at + bytes(v)) break;
        at = std::max(at, plan_.offset[other] + bytes(other));
      }
      plan_.offset[v] = at;
      plan_.arena_bytes = std::max(plan_.arena_bytes, at + bytes(v));
      placed.insert(std::upper_bound(placed.begin(), placed.end(), v,
                                     [&](std::size_t a, std::size_t b) { return plan_.offset[a] < plan_.offset[b]; }),
                    v);
    }
    for (std::size_t v = 0; v < root_.size(); ++v) plan_.offset[v] = plan_.offset[root(static_cast<int>(v))];
  }

  std::int64_t bytes(std::size_t v) const {
    const Value& value = net_.values[v];
    return (value.numel() * stored_bytes(net_, value) + 63) / 64 * 64;
  }
  std::size_t root(int value) const { return static_cast<std::size_t>(root_[static_cast<std::size_t>(value)]); }

  const IntegerNetwork& net_;
  EnginePlan plan_;
  std::vector<int> uses_;                   // how many terms and inputs a value is
  std::vector<int> convolution_of_;         // the op that makes a value if it is a convolution
  std::vector<int> root_;                   // whose place a value shares
  std::vector<std::int64_t> first_, last_;  // steps at which a place is written and last read
};

}  // namespace detail

/// Plans a valid network.
inline EnginePlan plan_engine(const IntegerNetwork& network) { return detail::EnginePlanner(network).run(); }

}  // namespace bitgrain::deploy
