// The integer engine alone, as firmware links it: a packed model and raw images in, classes out. No heap, no threads,
// no exceptions, no other library; compiled with BITGRAIN_NO_HEAP and -fno-exceptions in a few seconds.
//
//   engine_only MODEL.bgm IMAGES.raw      (IMAGES.raw: height x width x channels bytes per image, one after the
//   other)

#include <cstdio>

#include "bitgrain/engine.hpp"

namespace {
using bitgrain::deploy::ArenaEngine;
using bitgrain::deploy::OpenStatus;

// What firmware has at fixed addresses: the model in flash, an image, and the arena, as large as `bitgrain info`
// says.
unsigned char model[16 << 20];
unsigned char image[1 << 20];
alignas(64) unsigned char arena[64 << 20];
ArenaEngine engine;

int complain(const char* what, const char* why) {
  std::fprintf(stderr, "error: %s: %s\n", what, why);
  return 1;
}
}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return complain("usage", "engine_only MODEL.bgm IMAGES.raw");
  std::FILE* file = std::fopen(argv[1], "rb");
  if (file == nullptr) return complain(argv[1], "cannot be opened");
  const std::size_t bytes = std::fread(model, 1, sizeof model, file);
  std::fclose(file);

  char message[200];
  if (engine.open(model, bytes, arena, sizeof arena, 1, message) != OpenStatus::kOpen)
    return complain(argv[1], message);
  std::printf("needs an arena of %llu bytes, takes images of %lld bytes, gives %lld logits\n",
              static_cast<unsigned long long>(engine.arena_bytes()), static_cast<long long>(engine.image_bytes()),
              static_cast<long long>(engine.outputs()));

  const auto size = static_cast<std::size_t>(engine.image_bytes());
  if (size > sizeof image) return complain(argv[1], "takes images that are too large");
  file = std::fopen(argv[2], "rb");
  if (file == nullptr) return complain(argv[2], "cannot be opened");
  std::size_t got = 0;
  for (int i = 0; (got = std::fread(image, 1, size, file)) == size; ++i) {
    std::int32_t label = 0;
    engine.predict(image, 1, &label);
    std::printf("image %d: class %d\n", i, static_cast<int>(label));
  }
  std::fclose(file);
  return got == 0 ? 0 : complain(argv[2], "does not end with a whole image");
}
