// A program may bring an stb_image of its own, before our header or after it. Other files of this test program
// include our copy too: linking shows that two translation units may.
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNM
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#include <stb/stb_image.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#include <doctest/doctest.h>

#include <string>

#include "bitgrain/data/stb_decoder.hpp"

namespace ours = bitgrain::detail::stb;

TEST_CASE("our decoder and the program's own one live side by side with their own settings") {
#if !defined(STB_IMAGE_STATIC) || !defined(STBI_ONLY_PNM) || !defined(STBI_NO_PNG)
  FAIL("the program's settings were lost");
#endif
  const std::string pnm = "P5 2 1 255 ab";
  const auto* bytes = reinterpret_cast<const unsigned char*>(pnm.data());
  int w = 0, h = 0, c = 0;
  CHECK(stbi_info_from_memory(bytes, static_cast<int>(pnm.size()), &w, &h, &c) == 1);
  CHECK(w == 2);
  CHECK(ours::stbi_info_from_memory(bytes, static_cast<int>(pnm.size()), &w, &h, &c) == 0);  // we read no PNM
}
