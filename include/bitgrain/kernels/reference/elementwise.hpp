#pragma once

#include <cstdint>

namespace bitgrain::kernels::reference {

/// The readable oracle of kernels::map: y[i] = f(x[i]...).
template <class T, class F, class... In>
void map(std::int64_t n, T* y, F f, const In*... x) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = f(x[i]...);
}

/// The readable oracle of kernels::update: f(x[i]...), where f takes what it changes by reference.
template <class F, class... T>
void update(std::int64_t n, F f, T*... x) {
  for (std::int64_t i = 0; i < n; ++i) f(x[i]...);
}

}  // namespace bitgrain::kernels::reference
