#pragma once

/// What loops tell the compiler about addresses and objects, where it would use registers unwisely. Changes no
/// result.

namespace bitgrain::kernels {

/// Makes the compiler forget what it knows about an address. GCC otherwise sees that a loop over overlapping runs of
/// memory loads numbers again that an earlier round had, keeps all of them, and spills its registers to do so.
template <class T>
inline void forget_address([[maybe_unused]] T*& p) {
#if defined(__GNUC__)
  asm("" : "+r"(p));
#endif
}

/// Makes the compiler put an object back into memory here and read it from there afterwards: what a loop does not
/// need then takes none of its registers.
template <class T>
inline void keep_in_memory([[maybe_unused]] T& object) {
#if defined(__GNUC__)
  asm volatile("" : "+m"(object));
#endif
}

}  // namespace bitgrain::kernels
