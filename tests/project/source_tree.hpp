#pragma once

// Reading the repository's own files, for the tests about it.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace source_tree {

inline const std::filesystem::path& root() {
  static const std::filesystem::path path = BITGRAIN_SOURCE_DIR;
  return path;
}

inline std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

/// Files below `folder` (relative to the repository) whose names end in `ending`, as sorted paths relative to it.
inline std::vector<std::string> files(const std::string& folder, const std::string& ending) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root() / folder))
    if (entry.is_regular_file() && entry.path().filename().string().ends_with(ending))
      found.push_back(std::filesystem::relative(entry.path(), root() / folder).generic_string());
  std::sort(found.begin(), found.end());
  return found;
}

/// The headers, as one includes them less the "bitgrain/": "tensor/shape.hpp".
inline std::vector<std::string> headers() { return files("include/bitgrain", ".hpp"); }

/// What the lines `#include <x>` and `#include "x"` of a text name.
inline std::vector<std::string> includes_of(const std::string& text) {
  std::vector<std::string> names;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    line.erase(std::remove(line.begin(), line.end(), ' '), line.end());
    if (!line.starts_with("#include<") && !line.starts_with("#include\"")) continue;
    const std::size_t end = line.find_first_of(">\"", 9);
    if (end != std::string::npos) names.push_back(line.substr(9, end - 9));
  }
  return names;
}

/// The folder of a header: "kernels" of "kernels/f32/gemm.hpp", empty for the umbrella headers.
inline std::string folder_of(const std::string& header) {
  const std::size_t slash = header.find('/');
  return slash == std::string::npos ? "" : header.substr(0, slash);
}

}  // namespace source_tree
