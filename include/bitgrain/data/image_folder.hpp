#pragma once

/// A folder of image files, one subfolder per class:
///
///     folder/cat/0001.png   folder/cat/0002.jpg   folder/dog/a.png   ...
///
/// Classes and files are taken in the order of their names, byte by byte, so every machine sees the same data set.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "bitgrain/data/dataset.hpp"
#include "bitgrain/data/image.hpp"

namespace bitgrain {

namespace detail {
inline bool has_image_suffix(const std::filesystem::path& path) {
  std::string suffix = path.extension().string();
  for (char& c : suffix) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  return suffix == ".png" || suffix == ".jpg" || suffix == ".jpeg" || suffix == ".bmp";
}

// Names of the entries of a folder: subfolders, or image files. Hidden ones (".git", "._x.png") are left out.
inline std::vector<std::string> sorted_entries(const std::filesystem::path& folder, bool folders) {
  std::error_code error;
  std::filesystem::directory_iterator at(folder, error), end;
  BITGRAIN_CHECK(!error, "folder '", folder.string(), "' cannot be read: ", error.message());
  std::vector<std::string> names;
  for (; at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    std::error_code ignored;
    if (!name.starts_with('.') &&
        (folders ? at->is_directory(ignored) : at->is_regular_file(ignored) && has_image_suffix(at->path())))
      names.push_back(name);
  }
  BITGRAIN_CHECK(!error, "folder '", folder.string(), "' cannot be read: ", error.message());
  std::sort(names.begin(), names.end());
  return names;
}
}  // namespace detail

/// Loads `folder`/<class>/<image>, decoded to `channels` (1 or 3): [N,H,W,channels]. Throws Error if there is no
/// class, a class is empty, an image cannot be decoded, or one is of another size than the first.
inline ImageDataset load_image_folder(const std::string& folder, int channels, const std::string& name = "folder") {
  const std::filesystem::path root(folder);
  ImageDataset dataset;
  dataset.name = name;
  dataset.classes = detail::sorted_entries(root, true);
  BITGRAIN_CHECK(!dataset.classes.empty(), "folder '", folder,
                 "': expected one subfolder of images per class, there is none");
  std::vector<std::string> files;
  for (std::size_t c = 0; c < dataset.classes.size(); ++c) {
    const std::filesystem::path sub = root / dataset.classes[c];
    const std::vector<std::string> names = detail::sorted_entries(sub, false);
    BITGRAIN_CHECK(!names.empty(), "folder '", sub.string(),
                   "': expected .png, .jpg, .jpeg or .bmp files, there is none");
    for (const std::string& file : names) files.push_back((sub / file).string());
    dataset.labels.resize(files.size(), static_cast<std::int32_t>(c));
  }

  // Sizes first, from the headers alone: no memory is made for images that do not fit together.
  const ImageInfo first = image_info(files[0]);
  for (const std::string& file : files) {
    const ImageInfo info = image_info(file);
    BITGRAIN_CHECK(info.height == first.height && info.width == first.width, "file '", file, "': expected ",
                   first.height, " x ", first.width, " pixels as in '", files[0], "', got ", info.height, " x ",
                   info.width);
  }
  dataset.images =
      Tensor<std::uint8_t>(Shape{static_cast<std::int64_t>(files.size()), first.height, first.width, channels});
  std::uint8_t* to = dataset.images.mutable_data();
  const std::int64_t bytes = first.height * first.width * channels;
  for (const std::string& file : files) {
    const Tensor<std::uint8_t> image = decode_image(file, channels);
    BITGRAIN_CHECK(image.numel() == bytes, "file '", file, "' changed while it was read");
    std::memcpy(to, image.data(), static_cast<std::size_t>(bytes));
    to += bytes;
  }
  return dataset;
}

}  // namespace bitgrain
