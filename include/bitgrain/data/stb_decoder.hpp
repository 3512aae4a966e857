#pragma once

/// stb_image inside our own namespace: every translation unit gets a private (static) copy of the decoder, so the
/// library stays header-only, two translation units may include it, and a program that brings its own stb_image
/// before or after this header does not clash with it.
///
/// PNG, JPEG and BMP only: the other formats are not used for training images, and each decoder is code that reads
/// files from outside. Use `decode_image` of data/image.hpp, not this.

// All that stb_image.h includes must have been included before it is, inside a namespace.
// NOLINTBEGIN(modernize-deprecated-headers)
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
// NOLINTEND(modernize-deprecated-headers)

#include "bitgrain/base/check.hpp"

// What the program may have set for an stb_image of its own is put aside, and back at the end.
#pragma push_macro("STBI_INCLUDE_STB_IMAGE_H")
#pragma push_macro("STB_IMAGE_IMPLEMENTATION")
#pragma push_macro("STB_IMAGE_STATIC")
#pragma push_macro("STBIDEF")
#pragma push_macro("STBI_ASSERT")
#pragma push_macro("STBI_MAX_DIMENSIONS")
#pragma push_macro("STBI_NO_STDIO")
#pragma push_macro("STBI_NO_SIMD")
#pragma push_macro("STBI_SSE2")
#pragma push_macro("STBI_NEON")
#pragma push_macro("STBI_NO_PNG")
#pragma push_macro("STBI_NO_JPEG")
#pragma push_macro("STBI_NO_BMP")
#pragma push_macro("STBI_NO_ZLIB")
#pragma push_macro("STBI_NO_TGA")
#pragma push_macro("STBI_NO_PSD")
#pragma push_macro("STBI_NO_GIF")
#pragma push_macro("STBI_NO_HDR")
#pragma push_macro("STBI_NO_PIC")
#pragma push_macro("STBI_NO_PNM")
#pragma push_macro("STBI_NO_LINEAR")
#pragma push_macro("stbi__err")
#pragma push_macro("stbi__vertically_flip_on_load")
#undef STBI_INCLUDE_STB_IMAGE_H
#undef STB_IMAGE_IMPLEMENTATION
#undef STB_IMAGE_STATIC
#undef STBIDEF
#undef STBI_ASSERT
#undef STBI_MAX_DIMENSIONS
#undef STBI_NO_STDIO
#undef STBI_NO_SIMD
#undef STBI_SSE2
#undef STBI_NEON
#undef STBI_NO_PNG
#undef STBI_NO_JPEG
#undef STBI_NO_BMP
#undef STBI_NO_ZLIB
#undef STBI_NO_TGA
#undef STBI_NO_PSD
#undef STBI_NO_GIF
#undef STBI_NO_HDR
#undef STBI_NO_PIC
#undef STBI_NO_PNM
#undef STBI_NO_LINEAR
#undef stbi__err
#undef stbi__vertically_flip_on_load

// NOLINTBEGIN(readability-identifier-naming)
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ASSERT(condition) ((condition) ? (void)0 : ::bitgrain::raise("stb_image: broken image data"))
#define STBI_MAX_DIMENSIONS (1 << 16)
#define STBI_NO_STDIO
#define STBI_NO_SIMD
#define STBI_NO_TGA
#define STBI_NO_PSD
#define STBI_NO_GIF
#define STBI_NO_HDR
#define STBI_NO_PIC
#define STBI_NO_PNM
#define STBI_NO_LINEAR
// NOLINTEND(readability-identifier-naming)

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#endif
namespace bitgrain::detail::stb {
using ::abs;  // not the op bitgrain::abs
#include <stb/stb_image.h>
}  // namespace bitgrain::detail::stb
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#undef stbi__err
#undef stbi__vertically_flip_on_load
#pragma pop_macro("STBI_INCLUDE_STB_IMAGE_H")
#pragma pop_macro("STB_IMAGE_IMPLEMENTATION")
#pragma pop_macro("STB_IMAGE_STATIC")
#pragma pop_macro("STBIDEF")
#pragma pop_macro("STBI_ASSERT")
#pragma pop_macro("STBI_MAX_DIMENSIONS")
#pragma pop_macro("STBI_NO_STDIO")
#pragma pop_macro("STBI_NO_SIMD")
#pragma pop_macro("STBI_SSE2")
#pragma pop_macro("STBI_NEON")
#pragma pop_macro("STBI_NO_PNG")
#pragma pop_macro("STBI_NO_JPEG")
#pragma pop_macro("STBI_NO_BMP")
#pragma pop_macro("STBI_NO_ZLIB")
#pragma pop_macro("STBI_NO_TGA")
#pragma pop_macro("STBI_NO_PSD")
#pragma pop_macro("STBI_NO_GIF")
#pragma pop_macro("STBI_NO_HDR")
#pragma pop_macro("STBI_NO_PIC")
#pragma pop_macro("STBI_NO_PNM")
#pragma pop_macro("STBI_NO_LINEAR")
#pragma pop_macro("stbi__err")
#pragma pop_macro("stbi__vertically_flip_on_load")
