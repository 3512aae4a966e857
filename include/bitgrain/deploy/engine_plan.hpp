#pragma once

/// What the engine does in which order, and where the values live.
///
/// A convolution whose accumulators are read by one requantization alone runs together with it: the accumulators are
/// requantized band by band and never reach memory. All other values get a place in one arena; places are reused as
/// soon as nobody reads the value any more. Flatten moves nothing: its output is its input's place.

#include <algorithm>
#include <cstdint>
#include <utility>
#include <variant>

#include "bitgrain/base/array.hpp"
#include "bitgrain/base/memory.hpp"
#include "bitgrain/deploy/integer_network.hpp"

namespace bitgrain::deploy {

/// One step: an op, and for a requantization the convolution that runs with it.
struct EngineStep {
  int op = 0;
  int convolution = -1;  ///< index of a ConvOp, or -1
  int term = -1;         ///< the term of the requantization that holds its accumulators
};

struct EnginePlan {
  Array<EngineStep> steps;
  Array<std::int64_t> offset;    ///< of each value in the arena, in bytes per image; -1 if it never reaches memory
  std::int64_t arena_bytes = 0;  ///< per image, a multiple of 64
};

/// Images that run together, of so many bytes each: a chunk should stay in a second-level cache.
inline std::int64_t chunk_images(std::int64_t image_bytes) {
  constexpr std::int64_t kChunkBytes = 1 << 19, kMost = 16;
  return std::clamp<std::int64_t>(kChunkBytes / image_bytes, 1, kMost);
}

/// Bytes of one stored element of a value.
template <class Network>
std::int64_t stored_bytes(const Network& network, const ValueOf<Network>& value) {
  const bool is_code = value.type == ValueType::kU8 || value.type == ValueType::kS8;
  return is_code && network.arithmetic == Arithmetic::kInteger ? 1 : 4;
}

/// Calls visit(number of the term or 0, value) for the values that an op reads.
template <class Op, class Visit>
void for_each_input(const Op& op, Visit&& visit) {
  std::visit(
      [&](const auto& o) {
        if constexpr (requires { o.terms; })
          for (std::size_t t = 0; t < o.terms.size(); ++t) visit(static_cast<int>(t), int{o.terms[t].value});
        else
          visit(0, int{o.input});
      },
      op);
}

namespace detail {

template <class Network>
class EnginePlanner {
 public:
  explicit EnginePlanner(const Network& net)
      : net_(net),
        uses_(net.values.size()),
        convolution_of_(net.values.size()),
        root_(net.values.size()),
        first_(net.values.size()),
        last_(net.values.size()) {
    plan_.offset = Array<std::int64_t>(net.values.size());
    for (std::size_t v = 0; v < net.values.size(); ++v) {
      uses_[v] = 0;
      convolution_of_[v] = -1;
      root_[v] = static_cast<int>(v);
      first_[v] = last_[v] = plan_.offset[v] = -1;
    }
    for (std::size_t i = 0; i < net.ops.size(); ++i) {
      for_each_input(net.ops[i], [&](int, int input) { ++uses_[static_cast<std::size_t>(input)]; });
      if (const auto* conv = std::get_if<ConvOf<Network>>(&net.ops[i]))
        convolution_of_[static_cast<std::size_t>(conv->output)] = static_cast<int>(i);
    }
  }

  /// Bytes that planning takes at most, for so many values.
  static std::uint64_t memory_bytes(std::int64_t values) {
    constexpr std::uint64_t kArrays = 12;
    const auto each = sizeof(EngineStep) + sizeof(std::int64_t) + 3 * sizeof(int) + 2 * sizeof(std::int64_t) +
                      2 * sizeof(std::size_t) + 1;
    return static_cast<std::uint64_t>(values) * each + kArrays * kAlignment;
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
    if (const auto* requantize = std::get_if<RequantizeOf<Network>>(&net_.ops[static_cast<std::size_t>(index)]))
      for (std::size_t t = 0; t < requantize->terms.size(); ++t) {
        const auto value = static_cast<std::size_t>(requantize->terms[t].value);
        if (convolution_of_[value] <= step.convolution || uses_[value] != 1) continue;
        step.convolution = convolution_of_[value];
        step.term = static_cast<int>(t);
      }
    return step;
  }

  void fuse() {
    const Scratch<char> runs_later(net_.ops.size());
    std::fill_n(runs_later.data(), net_.ops.size(), char{0});
    std::size_t steps = net_.ops.size(), next = 0;
    for (std::size_t i = 0; i < net_.ops.size(); ++i) {
      const EngineStep step = step_of(static_cast<int>(i));
      if (step.convolution < 0) continue;
      runs_later[static_cast<std::size_t>(step.convolution)] = 1;  // its accumulators have one use
      --steps;
    }
    plan_.steps = Array<EngineStep>(steps);
    for (std::size_t i = 0; i < net_.ops.size(); ++i)
      if (runs_later[i] == 0) plan_.steps[next++] = step_of(static_cast<int>(i));
  }

  void find_lifetimes() {
    first_[0] = 0;
    for (std::size_t s = 0; s < plan_.steps.size(); ++s) {
      const auto now = static_cast<std::int64_t>(s);
      const EngineStep& step = plan_.steps[s];
      const auto& op = net_.ops[static_cast<std::size_t>(step.op)];
      const auto output = static_cast<std::size_t>(op_output(op));
      for_each_input(op, [&](int term, int input) {
        if (step.convolution >= 0 && term == step.term)
          input = std::get<ConvOf<Network>>(net_.ops[static_cast<std::size_t>(step.convolution)]).input;
        last_[root(input)] = now;
        if (std::holds_alternative<FlattenOp>(op)) root_[output] = static_cast<int>(root(input));
      });
      if (!std::holds_alternative<FlattenOp>(op)) first_[output] = now;
      last_[root(static_cast<int>(output))] = now;
    }
    last_[root(net_.output())] = static_cast<std::int64_t>(plan_.steps.size());
  }

  // First fit: values in order of birth, each in the lowest gap that is free throughout its life.
  void place() {
    const std::size_t values = net_.values.size();
    const Scratch<std::size_t> order(values), placed(values);
    std::size_t *born = order.data(), *end = placed.data();
    for (std::size_t v = 0; v < values; ++v)
      if (first_[v] >= 0) *born++ = v;
    std::sort(order.data(), born,
              [&](std::size_t a, std::size_t b) { return first_[a] != first_[b] ? first_[a] < first_[b] : a < b; });
    for (const std::size_t* next = order.data(); next != born; ++next) {
      const std::size_t v = *next;
      std::int64_t at = 0;
      for (const std::size_t* p = placed.data(); p != end; ++p) {  // sorted by offset
        const std::size_t other = *p;
        if (last_[other] < first_[v] || last_[v] < first_[other]) continue;
        if (plan_.offset[other] >= at + bytes(v)) break;
        at = std::max(at, plan_.offset[other] + bytes(other));
      }
      plan_.offset[v] = at;
      plan_.arena_bytes = std::max(plan_.arena_bytes, at + bytes(v));
      std::size_t* const place = std::upper_bound(
          placed.data(), end, v, [&](std::size_t a, std::size_t b) { return plan_.offset[a] < plan_.offset[b]; });
      std::copy_backward(place, end, end + 1);
      *place = v;
      ++end;
    }
    for (std::size_t v = 0; v < values; ++v) plan_.offset[v] = plan_.offset[root(static_cast<int>(v))];
  }

  std::int64_t bytes(std::size_t v) const {
    const auto& value = net_.values[v];
    return (value.numel() * stored_bytes(net_, value) + 63) / 64 * 64;
  }
  std::size_t root(int value) const { return static_cast<std::size_t>(root_[static_cast<std::size_t>(value)]); }

  const Network& net_;
  EnginePlan plan_;
  Scratch<int> uses_;                   // how many terms and inputs a value is
  Scratch<int> convolution_of_;         // the op that makes a value if it is a convolution
  Scratch<int> root_;                   // whose place a value shares
  Scratch<std::int64_t> first_, last_;  // steps at which a place is written and last read
};

}  // namespace detail

/// Plans a valid network.
template <class Network>
EnginePlan plan_engine(const Network& network) {
  return detail::EnginePlanner<Network>(network).run();
}
/// Bytes of an arena that planning a network of so many values takes at most.
template <class Network>
std::uint64_t planning_bytes(std::int64_t values) {
  return detail::EnginePlanner<Network>::memory_bytes(values);
}

}  // namespace bitgrain::deploy
