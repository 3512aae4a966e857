#pragma once

/// What loops tell the compiler about addresses and objects, where it would use registers or caches unwisely.
/// Changes no result.

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

/// Asks for the cache line of an address to be brought into the first-level cache (prefetch() of simd.hpp: the
/// second). Never faults.
inline void prefetch_near([[maybe_unused]] const void* p) {
#if defined(__GNUC__)
  __builtin_prefetch(p);
#endif
}

}  // namespace bitgrain::kernels
