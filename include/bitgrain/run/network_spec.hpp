#pragma once

/// Everything that the numbers of a network file need to become a network again: architecture, quantizers with their
/// bits, input table, class names. Stored as metadata beside the tensors.

#include <map>
#include <string>
#include <vector>

#include "bitgrain/data/input_table.hpp"
#include "bitgrain/quant/allocation.hpp"
#include "bitgrain/run/allocation_json.hpp"
#include "bitgrain/run/model_spec.hpp"

namespace bitgrain {

/// Which quantizers a network over AnyLayers has; methods as `quantizer_factory` names them.
struct QuantizationSpec {
  std::string weights = "float", activations = "float";
  bool per_channel = false;  ///< one weight step per output channel
  Allocation allocation;

  /// Whether any tensor is quantized.
  bool quantized() const { return weights != "float" || activations != "float"; }
  friend bool operator==(const QuantizationSpec&, const QuantizationSpec&) = default;
};

struct NetworkSpec {
  ModelSpec model;
  QuantizationSpec quantization;
  InputEncoding encoding;
  std::vector<std::string> classes;  ///< names in label order
};

namespace detail {
inline constexpr const char* kNetworkFormat = "bitgrain network 1";

inline const Json& json_part(const Json& json, const char* key, const std::string& where) {
  BITGRAIN_CHECK(json.is_object() && json.contains(key), where, ": the key '", key, "' is missing");
  return json.at(key);
}
}  // namespace detail

inline Json to_json(const QuantizationSpec& spec) {
  return {{"weights", spec.weights},
          {"activations", spec.activations},
          {"per_channel", spec.per_channel},
          {"allocation", allocation_to_json(spec.allocation)}};
}
/// Throws Error, beginning with `where`, for unknown keys or wrong types.
inline QuantizationSpec quantization_spec_from_json(const Json& json, const std::string& where) {
  check_json_keys(json, {"weights", "activations", "per_channel", "allocation"}, where);
  QuantizationSpec spec;
  spec.weights = json_field<std::string>(json, "weights", where);
  spec.activations = json_field<std::string>(json, "activations", where);
  spec.per_channel = json_field<bool>(json, "per_channel", where);
  spec.allocation = allocation_from_json(detail::json_part(json, "allocation", where), where + ", 'allocation'");
  return spec;
}

inline Json to_json(const InputEncoding& encoding) {
  return {{"step", encoding.step}, {"signed", encoding.is_signed}, {"codes", encoding.codes}};
}
/// Throws Error, beginning with `where`, for unknown keys, wrong types, or codes that InputEncoding refuses.
inline InputEncoding input_encoding_from_json(const Json& json, const std::string& where) {
  check_json_keys(json, {"step", "signed", "codes"}, where);
  InputEncoding encoding;
  encoding.step = json_field<double>(json, "step", where);
  encoding.is_signed = json_field<bool>(json, "signed", where);
  const Json& codes = detail::json_part(json, "codes", where);
  BITGRAIN_CHECK(codes.is_array(), where, ": expected an array 'codes'");
  for (const Json& code : codes) encoding.codes.push_back(json_value<std::int16_t>(code, where + ", 'codes'"));
  encoding.validate();
  return encoding;
}

/// The metadata of a network file: one JSON text per part.
inline std::map<std::string, std::string> to_metadata(const NetworkSpec& spec) {
  return {{"format", detail::kNetworkFormat},
          {"model", to_json(spec.model).dump()},
          {"quantization", to_json(spec.quantization).dump()},
          {"input", to_json(spec.encoding).dump()},
          {"classes", Json(spec.classes).dump(-1, ' ', false, Json::error_handler_t::replace)}};
}
/// Reads `to_metadata` back. Throws Error, beginning with `where`, if it is not bitgrain's or inconsistent.
inline NetworkSpec network_spec_from_metadata(const std::map<std::string, std::string>& metadata,
                                              const std::string& where) {
  const auto part = [&](const char* key) {
    const auto found = metadata.find(key);
    BITGRAIN_CHECK(found != metadata.end(), where, ": the metadata '", key,
                   "' is missing; this is not a network that bitgrain wrote");
    return found->second;
  };
  const auto place = [&](const char* key) { return where + ", metadata '" + key + "'"; };
  BITGRAIN_CHECK(part("format") == detail::kNetworkFormat, where, ": expected the format '", detail::kNetworkFormat,
                 "', got '", part("format"), "'");
  const auto json = [&](const char* key) { return parse_json(part(key), place(key)); };
  NetworkSpec spec;
  spec.model = model_spec_from_json(json("model"), place("model"));
  spec.quantization = quantization_spec_from_json(json("quantization"), place("quantization"));
  spec.encoding = input_encoding_from_json(json("input"), place("input"));
  BITGRAIN_CHECK(spec.encoding.channels() == spec.model.image[2], where, ": the input table has ",
                 spec.encoding.channels(), " channels, the model's images ", spec.model.image[2]);
  const Json classes = json("classes");
  BITGRAIN_CHECK(classes.is_array() && static_cast<std::int64_t>(classes.size()) == spec.model.classes,
                 place("classes"), ": expected ", spec.model.classes, " names");
  for (const Json& name : classes) spec.classes.push_back(json_value<std::string>(name, place("classes")));
  return spec;
}

}  // namespace bitgrain
