#pragma once

/// Which network: what a file must say so that it can be built again.

#include <string>
#include <string_view>

#include "bitgrain/run/json_file.hpp"
#include "bitgrain/tensor/shape.hpp"

namespace bitgrain {

/// The names that ModelSpec::architecture may have, for help texts.
inline constexpr std::string_view kArchitectureNames =
    "lenet5, vgg7, resnet8, resnet20, resnet32, resnet44, resnet56, resnet110";

/// An architecture and what it is fitted to.
struct ModelSpec {
  std::string architecture = "resnet20";  ///< one of kArchitectureNames
  Shape image = {32, 32, 3};              ///< [H,W,C]
  std::int64_t classes = 10;
  std::string shortcut = "A";  ///< of residual networks: "A" (no weights) or "B" (1x1 convolution)

  friend bool operator==(const ModelSpec&, const ModelSpec&) = default;

  /// Depth of a CIFAR ResNet; 0 for other architectures.
  int resnet_depth() const {
    for (const int depth : {8, 20, 32, 44, 56, 110})
      if (architecture == "resnet" + std::to_string(depth)) return depth;
    return 0;
  }
  /// Throws Error, naming the field, unless the architecture is known and the numbers are sensible.
  void validate() const {
    BITGRAIN_CHECK(architecture == "lenet5" || architecture == "vgg7" || resnet_depth() > 0, "the architecture '",
                   architecture, "' is not known; expected one of ", kArchitectureNames);
    BITGRAIN_CHECK(shortcut == "A" || shortcut == "B", "the shortcut must be A or B, got '", shortcut, "'");
    BITGRAIN_CHECK(image.rank() == 3, "images are [H,W,C], got ", image);
    for (int i = 0; i < 3; ++i)
      BITGRAIN_CHECK(image[i] >= 1 && image[i] <= 4096, "images of ", image,
                     " are not supported: 1 to 4096 per side");
    BITGRAIN_CHECK(classes >= 2 && classes <= 65536, "a classifier needs 2 to 65536 classes, got ", classes);
  }
  /// "resnet20 for images 32 x 32 x 3, 10 classes".
  std::string text() const {
    return detail::concat(architecture, resnet_depth() > 0 && shortcut == "B" ? " (shortcut B)" : "", " for images ",
                          image[0], " x ", image[1], " x ", image[2], ", ", classes, " classes");
  }
};

inline Json to_json(const ModelSpec& spec) {
  return {{"architecture", spec.architecture},
          {"image", {spec.image[0], spec.image[1], spec.image[2]}},
          {"classes", spec.classes},
          {"shortcut", spec.shortcut}};
}

/// Throws Error, beginning with `where`, for unknown keys and for what `validate` refuses.
inline ModelSpec model_spec_from_json(const Json& json, const std::string& where) {
  check_json_keys(json, {"architecture", "image", "classes", "shortcut"}, where);
  ModelSpec spec;
  spec.architecture = json_field<std::string>(json, "architecture", where);
  spec.classes = json_field<std::int64_t>(json, "classes", where);
  spec.shortcut = json_field_or<std::string>(json, "shortcut", where, "A");
  BITGRAIN_CHECK(json.contains("image") && json["image"].is_array() && json["image"].size() == 3, where,
                 ": expected 'image': [height, width, channels]");
  spec.image = {};
  for (const Json& extent : json["image"]) spec.image.append(json_value<std::uint16_t>(extent, where + ", 'image'"));
  spec.validate();
  return spec;
}

}  // namespace bitgrain
