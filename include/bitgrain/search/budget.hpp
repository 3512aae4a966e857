#pragma once

/// Budget: what a network may cost, in the words of whoever ships it. Several limits at once; all are upper limits.

#include <array>
#include <cmath>
#include <optional>
#include <sstream>
#include <string>

#include "bitgrain/base/check.hpp"
#include "bitgrain/search/seconds_text.hpp"

namespace bitgrain {

/// Upper limits; those that are not set do not bind. A result above any of them is a failure, for every method.
struct Budget {
  /// Payload bits (sign included) divided by the number of weights, over all quantized layers, fixed ones included.
  std::optional<double> average_weight_bits;
  /// sum over layers of ceil(n b / 8).
  std::optional<double> payload_bytes;
  /// The packed model file: payload and the constants that come with it.
  std::optional<double> model_bytes;
  /// sum over layers of MACs x weight bits x input bits, for one image, zero padding counted.
  std::optional<double> bitops;
  /// Bytes of all activation tensors of one image together (DQ's sum).
  std::optional<double> activation_sum;
  /// Bytes of the largest activation tensor of one image (DQ's maximum).
  std::optional<double> activation_max;
  /// Bytes of the activation tensors that are alive at the same time, at the worst step of the integer schedule.
  std::optional<double> activation_peak;
  /// Seconds that the engine takes for one image alone, on one thread of the machine where its kernels were measured.
  std::optional<double> latency;

  /// One limit, for code that treats all of them alike.
  struct Limit {
    const char* name;
    const std::optional<double>* value;
    bool seconds = false;

    /// `x`, which is of the kind that is limited, for people.
    std::string text_of(double x) const {
      if (seconds) return seconds_text(x);
      std::ostringstream text;
      text.precision(12);
      text << x;
      return text.str();
    }
  };
  /// All limits, set or not, in the order above.
  std::array<Limit, 8> limits() const {
    return {{{"average_weight_bits", &average_weight_bits},
             {"payload_bytes", &payload_bytes},
             {"model_bytes", &model_bytes},
             {"bitops", &bitops},
             {"activation_sum", &activation_sum},
             {"activation_max", &activation_max},
             {"activation_peak", &activation_peak},
             {"latency", &latency, true}}};
  }

  /// Whether no limit is set.
  bool empty() const {
    for (const Limit& limit : limits())
      if (limit.value->has_value()) return false;
    return true;
  }

  /// Throws Error, naming the limit, unless every limit that is set is positive and finite.
  void validate() const {
    for (const Limit& limit : limits())
      if (limit.value->has_value())
        BITGRAIN_CHECK(**limit.value > 0 && std::isfinite(**limit.value), "budget ", limit.name,
                       " must be positive and finite, got ", **limit.value);
  }

  /// "average_weight_bits <= 3, latency <= 2.5 ms"; "no limits" if none is set.
  std::string text() const {
    std::string text;
    for (const Limit& limit : limits())
      if (limit.value->has_value())
        text += std::string(text.empty() ? "" : ", ") + limit.name + " <= " + limit.text_of(**limit.value);
    return text.empty() ? "no limits" : text;
  }
};

}  // namespace bitgrain
