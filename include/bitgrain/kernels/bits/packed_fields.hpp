#pragma once

/// An array of weight codes at its true number of bits (layout: fields.hpp), and back to bytes.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "bitgrain/kernels/bits/codes.hpp"
#include "bitgrain/kernels/bits/fields.hpp"
#include "bitgrain/kernels/kernel_set.hpp"
#include "bitgrain/tensor/tensor.hpp"

namespace bitgrain::kernels {

struct PackedFields {
  BitCodes codes;
  std::int64_t count = 0;      ///< of codes
  std::int64_t groups = 0;     ///< ceil(count / kGroupFields); the last one is filled up with level 0
  Tensor<std::uint8_t> bytes;  ///< [groups][64 codes.bits]

  std::int64_t group_bytes() const { return kStepFields * codes.bits; }
};

namespace detail {
// The part of `part` bits of the levels of a group.
inline void pack_part(int part, int bits, const std::uint8_t* levels, std::uint8_t* group) {
  for (std::int64_t i = 0; i < kGroupFields; ++i) {
    const int step = static_cast<int>(i / kStepFields);
    const int field = levels[i] >> part_begin(part, bits) & ((1 << part) - 1);
    group[part_offset(part, bits, step) + i % kStepFields] |=
        static_cast<std::uint8_t>(field << field_begin(part, step));
  }
}

// Calls f.operator()<n>() for the n of First .. First + sizeof...(k) - 1 that `value` is.
template <int First, class F, int... k>
void with_constant(int value, F&& f, std::integer_sequence<int, k...>) {
  static_cast<void>(((value == First + k && (f.template operator()<First + k>(), true)) || ...));
}
// Calls f.operator()<bits>().
template <class F>
void with_bits(int bits, F&& f) {
  with_constant<1>(bits, f, std::make_integer_sequence<int, 8>{});
}
// Calls f.operator()<step>() for every step of a group.
template <class F>
void for_each_step(F&& f) {
  [&]<int... kStep>(std::integer_sequence<int, kStep...>) { (f.template operator()<kStep>(), ...); }
  (std::make_integer_sequence<int, static_cast<int>(kGroupSteps)>{});
}
}  // namespace detail

/// Packs `count` codes at the fewest bits that hold them.
inline PackedFields pack_fields(const std::int8_t* codes, std::int64_t count) {
  PackedFields packed;
  packed.codes = fewest_bits(codes, count);
  packed.count = count;
  packed.groups = (count + kGroupFields - 1) / kGroupFields;
  packed.bytes = Tensor<std::uint8_t>(Shape{packed.groups * packed.group_bytes()}, std::uint8_t{0});
  std::uint8_t* group = packed.bytes.mutable_data();
  for (std::int64_t first = 0; first < count; first += kGroupFields, group += packed.group_bytes()) {
    std::uint8_t levels[kGroupFields] = {};
    for (std::int64_t i = 0; i < kGroupFields && first + i < count; ++i)
      levels[i] = static_cast<std::uint8_t>(packed.codes.level(codes[first + i]));
    for (const int part : {8, 4, 2, 1})
      if ((packed.codes.bits & part) != 0) detail::pack_part(part, packed.codes.bits, levels, group);
  }
  return packed;
}

/// Writes the levels of `groups` groups, kGroupFields bytes each.
using UnpackGroups = void (*)(const std::uint8_t* group, std::int64_t groups, std::uint8_t* levels);

template <class F, int kBits>
void unpack_groups(const std::uint8_t* group, std::int64_t groups, std::uint8_t* levels) {
  for (std::int64_t g = 0; g < groups; ++g, group += kStepFields * kBits, levels += kGroupFields)
    detail::for_each_step(
        [&]<int kStep>() { F::store(levels + kStep * kStepFields, unpack_levels<F, kBits, kStep>(group)); });
}

/// The function that unpacks groups of `bits` bits.
template <class F>
UnpackGroups unpack_groups_of(int bits) {
  UnpackGroups result = nullptr;
  detail::with_bits(bits, [&]<int kBits>() { result = unpack_groups<F, kBits>; });
  return result;
}

/// Unpacks the codes [count].
template <class F = BestFields>
void unpack_fields(const PackedFields& packed, std::int8_t* codes) {
  if constexpr (kDispatch && std::is_same_v<F, BestFields>) return kernel_set().unpack_fields(packed, codes);
  const UnpackGroups unpack = unpack_groups_of<F>(packed.codes.bits);
  // Modulo 256: codes are bytes.
  const auto lowest = static_cast<std::uint8_t>(packed.codes.lowest);
  const auto spacing = static_cast<std::uint8_t>(packed.codes.spacing);
  alignas(64) std::uint8_t levels[kGroupFields];
  for (std::int64_t g = 0; g < packed.groups; ++g) {
    unpack(packed.bytes.data() + g * packed.group_bytes(), 1, levels);
    for (std::uint8_t& u : levels) u = static_cast<std::uint8_t>(u * spacing + lowest);
    const std::int64_t first = g * kGroupFields;
    std::memcpy(codes + first, levels, static_cast<std::size_t>(std::min(kGroupFields, packed.count - first)));
  }
}

}  // namespace bitgrain::kernels
