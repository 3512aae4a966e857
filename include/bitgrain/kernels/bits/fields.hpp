#pragma once

/// Weights at their true number of bits, in an order that unpacks within registers.
///
/// A step is what one dot product of bytes takes: 64 codes, four products of 16 output channels. Eight steps are a
/// group. Of codes lowest + spacing * u the level u of b = 1 .. 8 bits is stored, in parts of 8, 4, 2 and 1 bits as b
/// is their sum: the part of p bits takes 64 p bytes of the group, byte l of its vector v holding the fields l of the
/// steps v * 8/p + t at bit p * t. A group takes exactly 64 b bytes:
///
///     b = 3:   bits 0 and 1 of the levels of steps 0..3 | of steps 4..7 | bit 2 of steps 0..7        64 bytes each
///
/// Levels are unsigned; the input of the dot product is signed, bytes x - 128, so vpdpbusd takes it straight from
/// memory. The driver puts the rest right.
///
/// A primitive is a class with the types Lanes, Quad (input) and Fields (64 levels) and the functions below,
/// `BestFields` the fastest one this translation unit was compiled for. This header and popcount.hpp hold the
/// intrinsics of this folder.

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "bitgrain/kernels/int8/dot.hpp"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace bitgrain::kernels {

inline constexpr std::int64_t kFieldLanes = 16;
inline constexpr std::int64_t kFieldQuad = 4;
inline constexpr std::int64_t kStepFields = kFieldLanes * kFieldQuad;
inline constexpr std::int64_t kGroupSteps = 8;
inline constexpr std::int64_t kGroupFields = kGroupSteps * kStepFields;

/// The bit of the level at which the part of `part` bits begins: larger parts come first.
constexpr int part_begin(int part, int bits) {
  return (part < 8 ? bits & 8 : 0) + (part < 4 ? bits & 4 : 0) + (part < 2 ? bits & 2 : 0);
}
/// Where in a group the vector of that part lies that holds a step.
constexpr std::int64_t part_offset(int part, int bits, int step) {
  return kStepFields * (part_begin(part, bits) + step / (8 / part));
}
/// The bit of its bytes at which the field of the step begins.
constexpr int field_begin(int part, int step) { return part * (step % (8 / part)); }

/// Plain loops: any machine.
struct GenericFields {
  static constexpr const char* kName = "generic";
  static constexpr int kDotBits = 8;             ///< wider fields than these cost `dot` more
  static constexpr bool kManyRegisters = false;  ///< for a second chain of `dot` and the fields of a group
  static constexpr int kRows = 1;                ///< rows of a register tile with 64 output channels; they divide 4
  struct Lanes {
    std::uint32_t lane[kFieldLanes];
  };
  struct Fields {
    std::uint8_t level[kStepFields];
  };
  using Quad = const std::int8_t*;

  static Quad quad(const std::int8_t* x) { return x; }
  static Fields load(const std::uint8_t* vector) {
    Fields f;
    std::memcpy(f.level, vector, sizeof f.level);
    return f;
  }
  /// For bytes that take part in several products.
  static Fields load_once(const std::uint8_t* vector) { return load(vector); }
  /// Has all fields made before any of them is multiplied: logical instructions between products get in their way.
  static void make_now(Fields (&)[kGroupSteps]) {}
  /// The fields of Part bits from bit From of the bytes on become the bits from To on of the levels.
  template <int Part, int From, int To>
  static void merge(Fields& levels, const Fields& vector) {
    for (std::int64_t l = 0; l < kStepFields; ++l)
      levels.level[l] =
          static_cast<std::uint8_t>(levels.level[l] | (vector.level[l] >> From & ((1 << Part) - 1)) << To);
  }
  /// lanes[l] += sum over i < 4 of x[i] * fields[l][i] for fields below 2^Bits           (modulo 2^32)
  template <int Bits>
  static void dot(Lanes& lanes, Quad x, const Fields& fields) {
    for (std::int64_t l = 0; l < kFieldLanes; ++l) {
      const std::uint8_t* u = fields.level + l * kFieldQuad;
      lanes.lane[l] += static_cast<std::uint32_t>(x[0] * u[0] + x[1] * u[1] + x[2] * u[2] + x[3] * u[3]);
    }
  }
  /// The bits from From on of the bytes.
  template <int From>
  static Fields moved_down(Fields vector) {
    for (std::uint8_t& byte : vector.level) byte = static_cast<std::uint8_t>(byte >> From);
    return vector;
  }
  /// The lowest Bits bits of the bytes.
  template <int Bits>
  static Fields lowest_bits(Fields vector) {
    for (std::uint8_t& byte : vector.level) byte = static_cast<std::uint8_t>(byte & ((1 << Bits) - 1));
    return vector;
  }
  static void add(Lanes& to, const Lanes& from) {
    for (std::int64_t l = 0; l < kFieldLanes; ++l) to.lane[l] += from.lane[l];
  }
  static void subtract(Lanes& from, const Lanes& lanes) {
    for (std::int64_t l = 0; l < kFieldLanes; ++l) from.lane[l] -= lanes.lane[l];
  }
  /// Multiplies by 2^Power; if that divides, then numbers that are multiples as signed ones.
  template <int Power>
  static void scale(Lanes& lanes) {
    for (std::uint32_t& lane : lanes.lane)
      lane = Power >= 0 ? lane << std::max(Power, 0)
                        : static_cast<std::uint32_t>(static_cast<std::int32_t>(lane) / (1 << std::max(-Power, 0)));
  }
  static void store(std::uint8_t* to, const Fields& fields) { std::memcpy(to, fields.level, sizeof fields.level); }
  static Lanes load(const std::int32_t* from) {
    Lanes lanes;
    std::memcpy(lanes.lane, from, sizeof lanes.lane);
    return lanes;
  }
  static void store(std::int32_t* to, const Lanes& lanes) { std::memcpy(to, lanes.lane, sizeof lanes.lane); }
};

#if defined(__AVX2__)
/// 256-bit vectors. `pmaddubsw` saturates sums of two products at 16 bits: up to 7 bits they fit, 127 * 128 * 2 =
/// 32512; beyond, even and odd products are taken apart.
struct Avx2Fields {
  static constexpr const char* kName = "avx2";
  static constexpr int kDotBits = 7;
  static constexpr bool kManyRegisters = false;
  static constexpr int kRows = 1;
  struct Lanes {
    __m256i low, high;
  };
  struct Fields {
    __m256i low, high;
  };
  using Quad = __m256i;

  static Quad quad(const std::int8_t* x) {
    std::int32_t four;
    std::memcpy(&four, x, sizeof four);
    return _mm256_set1_epi32(four);
  }
  static Fields load(const std::uint8_t* vector) {
    const auto* from = reinterpret_cast<const __m256i*>(vector);
    return {_mm256_loadu_si256(from), _mm256_loadu_si256(from + 1)};
  }
  static Fields load_once(const std::uint8_t* vector) { return load(vector); }
  static void make_now(Fields (&)[kGroupSteps]) {}
  template <int Part, int From, int To>
  static void merge(Fields& levels, const Fields& vector) {
    levels.low = _mm256_or_si256(levels.low, moved<Part, From, To>(vector.low));
    levels.high = _mm256_or_si256(levels.high, moved<Part, From, To>(vector.high));
  }
  template <int Bits>
  static void dot(Lanes& lanes, const Quad& x, const Fields& fields) {
    add_products<Bits>(lanes.low, fields.low, x);
    add_products<Bits>(lanes.high, fields.high, x);
  }
  template <int From>
  static Fields moved_down(const Fields& vector) {
    return {moved<8 - From, From, 0>(vector.low), moved<8 - From, From, 0>(vector.high)};
  }
  template <int Bits>
  static Fields lowest_bits(const Fields& vector) {
    return {moved<Bits, 0, 0>(vector.low), moved<Bits, 0, 0>(vector.high)};
  }
  static void add(Lanes& to, const Lanes& from) {
    to.low = _mm256_add_epi32(to.low, from.low);
    to.high = _mm256_add_epi32(to.high, from.high);
  }
  static void subtract(Lanes& from, const Lanes& lanes) {
    from.low = _mm256_sub_epi32(from.low, lanes.low);
    from.high = _mm256_sub_epi32(from.high, lanes.high);
  }
  template <int Power>
  static void scale(Lanes& lanes) {
    const auto scaled = [](__m256i v) {
      return Power >= 0 ? _mm256_slli_epi32(v, Power) : _mm256_srai_epi32(v, -Power);
    };
    lanes = {scaled(lanes.low), scaled(lanes.high)};
  }
  static void store(std::uint8_t* to, const Fields& fields) { put(to, fields.low, fields.high); }
  static Lanes load(const std::int32_t* from) {
    const auto* half = reinterpret_cast<const __m256i*>(from);
    return {_mm256_loadu_si256(half), _mm256_loadu_si256(half + 1)};
  }
  static void store(std::int32_t* to, const Lanes& lanes) { put(to, lanes.low, lanes.high); }

 private:
  template <int Part, int From, int To>
  static __m256i moved(__m256i vector) {
    // Shifts move pairs of bytes; what crosses over has been masked away.
    const __m256i fields = _mm256_and_si256(vector, _mm256_set1_epi8(static_cast<char>(((1 << Part) - 1) << From)));
    if constexpr (From == To) return fields;
    return From >= To ? _mm256_srli_epi16(fields, From - To) : _mm256_slli_epi16(fields, To - From);
  }
  static void put(void* to, __m256i low, __m256i high) {
    _mm256_storeu_si256(static_cast<__m256i*>(to), low);
    _mm256_storeu_si256(static_cast<__m256i*>(to) + 1, high);
  }
  template <int Bits>
  static void add_products(__m256i& lanes, __m256i u, __m256i x) {
    const auto add = [&](__m256i some) {
      const __m256i pairs = _mm256_maddubs_epi16(some, x);
      lanes = _mm256_add_epi32(lanes, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    };
    if constexpr (Bits <= 7) {
      add(u);
    } else {
      const __m256i even = _mm256_set1_epi16(0xFF);
      add(_mm256_and_si256(u, even));
      add(_mm256_andnot_si256(even, u));
    }
  }
};
#endif

#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
/// `vpdpbusd` does the dot product in one instruction, without saturation.
struct Vnni512Fields {
  static constexpr const char* kName = "avx512-vnni";
  static constexpr int kDotBits = 8;
  static constexpr bool kManyRegisters = true;
  static constexpr int kRows = 4;
  using Lanes = __m512i;
  using Fields = __m512i;
  using Quad = __m512i;

  static Quad quad(const std::int8_t* x) {
    std::int32_t four;
    std::memcpy(&four, x, sizeof four);
    return _mm512_set1_epi32(four);
  }
  static Fields load(const std::uint8_t* vector) { return _mm512_loadu_si512(vector); }
  static Fields load_once(const std::uint8_t* vector) {
    Fields fields = load(vector);
#if defined(__GNUC__) && !defined(__clang__)
    asm("" : "+v"(fields));  // else GCC loads them again for every product, and loads are what there are too many of
#endif
    return fields;
  }
  static void make_now([[maybe_unused]] Fields (&f)[kGroupSteps]) {
#if defined(__GNUC__)
    static_assert(kGroupSteps == 8);
    asm("" : "+v"(f[0]), "+v"(f[1]), "+v"(f[2]), "+v"(f[3]), "+v"(f[4]), "+v"(f[5]), "+v"(f[6]), "+v"(f[7]));
#endif
  }
  template <int Part, int From, int To>
  static void merge(Fields& levels, const Fields& vector) {
    levels = _mm512_or_si512(levels, moved<Part, From, To>(vector));
  }
  template <int Bits>
  static void dot(Lanes& lanes, const Quad& x, const Fields& fields) {
    Vnni512Dot::dot(lanes, fields, x);
  }
  template <int From>
  static Fields moved_down(Fields vector) {
    return moved<8 - From, From, 0>(vector);
  }
  template <int Bits>
  static Fields lowest_bits(Fields vector) {
    return moved<Bits, 0, 0>(vector);
  }
  static void add(Lanes& to, const Lanes& from) { to = _mm512_add_epi32(to, from); }
  static void subtract(Lanes& from, const Lanes& lanes) { from = _mm512_sub_epi32(from, lanes); }
  template <int Power>
  static void scale(Lanes& lanes) {
    constexpr auto kUp = static_cast<unsigned>(Power), kDown = static_cast<unsigned>(-Power);
    if constexpr (Power > 0) lanes = _mm512_slli_epi32(lanes, kUp);
    if constexpr (Power < 0) lanes = _mm512_srai_epi32(lanes, kDown);
  }
  static void store(std::uint8_t* to, const Fields& fields) { _mm512_storeu_si512(to, fields); }
  static Lanes load(const std::int32_t* from) { return _mm512_loadu_si512(from); }
  static void store(std::int32_t* to, const Lanes& lanes) { _mm512_storeu_si512(to, lanes); }

 private:
  template <int Part, int From, int To>
  static __m512i moved(__m512i vector) {
    // Shifts move pairs of bytes; what crosses over has been masked away.
    const __m512i fields = _mm512_and_si512(vector, _mm512_set1_epi8(static_cast<char>(((1 << Part) - 1) << From)));
    constexpr auto kDown = static_cast<unsigned>(From - To), kUp = static_cast<unsigned>(To - From);
    if constexpr (From == To) return fields;
    return From >= To ? _mm512_srli_epi16(fields, kDown) : _mm512_slli_epi16(fields, kUp);
  }
};
using BestFields = Vnni512Fields;
#elif defined(__AVX2__)
using BestFields = Avx2Fields;
#else
using BestFields = GenericFields;
#endif

namespace detail {
template <class F, int Part, int Bits, int Step>
void merge_part(typename F::Fields& levels, const std::uint8_t* group) {
  if constexpr ((Bits & Part) != 0)
    F::template merge<Part, field_begin(Part, Step), part_begin(Part, Bits)>(
        levels, F::load(group + part_offset(Part, Bits, Step)));
}
}  // namespace detail

/// The levels of a step of a group.
template <class F, int Bits, int Step>
typename F::Fields unpack_levels(const std::uint8_t* group) {
  typename F::Fields levels = {};
  detail::merge_part<F, 8, Bits, Step>(levels, group);
  detail::merge_part<F, 4, Bits, Step>(levels, group);
  detail::merge_part<F, 2, Bits, Step>(levels, group);
  detail::merge_part<F, 1, Bits, Step>(levels, group);
  return levels;
}

}  // namespace bitgrain::kernels
