// The integer engine alone: what an embedded program links. Reads a packed model and raw image bytes, prints the
// class of each image. No autograd, no layers, no JSON, no image decoder.
//
//   engine_only MODEL.bgm IMAGES.raw      (IMAGES.raw: height x width x channels bytes per image, one after the
//   other)

#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

#include "bitgrain/engine.hpp"

int main(int argc, char** argv) try {
  BITGRAIN_CHECK(argc == 3, "usage: engine_only MODEL.bgm IMAGES.raw");
  const bitgrain::deploy::Engine engine(bitgrain::deploy::load_packed_model(argv[1]));
  std::printf("%s\n", engine.describe().c_str());

  std::ifstream file(argv[2], std::ios::binary);
  BITGRAIN_CHECK(file, "cannot read '", argv[2], "'");
  const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto size = static_cast<std::int64_t>(bytes.size());
  BITGRAIN_CHECK(size > 0 && size % engine.image_bytes() == 0, "'", argv[2], "' holds ", size,
                 " bytes, not a whole number of images of ", engine.image_bytes());

  const std::int64_t count = size / engine.image_bytes();
  const auto classes = engine.predict(reinterpret_cast<const std::uint8_t*>(bytes.data()), count);
  for (std::int64_t i = 0; i < count; ++i)
    std::printf("image %lld: class %d\n", static_cast<long long>(i), classes[static_cast<std::size_t>(i)]);
} catch (const bitgrain::Error& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 1;
}
