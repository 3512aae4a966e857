#pragma once

/// Weights from anywhere: named float tensors of a safetensors file, of a folder of .npy files, or of one .npy file.

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "bitgrain/run/npy_reader.hpp"
#include "bitgrain/run/safetensors.hpp"

namespace bitgrain {

/// Named tensors and where they come from.
struct WeightSet {
  std::string where;
  std::map<std::string, Tensor<float>> tensors;
  bool one_tensor = false;  ///< from a single .npy file: the other tensors of the network are not expected
};

namespace detail {
// PyTorch's batch norm counts its batches; nothing of ours depends on that.
inline bool is_batch_counter(const std::string& name) { return name.ends_with("num_batches_tracked"); }
}  // namespace detail

/// Every tensor of a safetensors file, as floats. Throws Error for types that are no floats.
inline WeightSet weights_of(const SafetensorsFile& file) {
  WeightSet set;
  set.where = file.where();
  for (const SafetensorsEntry& e : file.entries()) {
    if (detail::is_batch_counter(e.name)) continue;
    const std::string where = file.where() + ": tensor '" + e.name + "'";
    Shape shape;
    for (const std::uint64_t extent : e.shape) {
      BITGRAIN_CHECK(extent <= static_cast<std::uint64_t>(Shape::kMaxElements), where, " is too large");
      shape.append(static_cast<std::int64_t>(extent));
    }
    set.tensors.emplace(e.name, floats_of(e.dtype, shape, file.bytes(e), where));
  }
  return set;
}

/// Reads `path`: a folder of <tensor name>.npy files, one <tensor name>.npy, or else a safetensors file. F16, BF16,
/// F32 and F64 are taken (see floats_of). Throws Error naming what cannot be read.
inline WeightSet read_weights(const std::string& path) {
  namespace fs = std::filesystem;
  constexpr const char* kEnding = ".npy";
  const auto add = [](WeightSet& set, const fs::path& file) {
    const std::string name = file.stem().string();
    if (!detail::is_batch_counter(name)) set.tensors.emplace(name, read_npy_floats(file.string()));
  };
  WeightSet set;
  if (fs::is_directory(path)) {
    set.where = "folder '" + path + "'";
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(path, error))
      if (entry.path().extension() == kEnding) add(set, entry.path());
    BITGRAIN_CHECK(!error, set.where, " cannot be read: ", error.message());
    BITGRAIN_CHECK(!set.tensors.empty(), set.where, " holds no .npy files");
    return set;
  }
  if (!path.ends_with(kEnding)) return weights_of(SafetensorsFile::read(path));
  set.where = "file '" + path + "'";
  set.one_tensor = true;
  add(set, path);
  return set;
}

}  // namespace bitgrain
