#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>

namespace bitgrain::kernels::reference {

/// log of the sum of exp(x) over one row, without overflow.
template <class T>
double log_sum_exp(std::int64_t classes, const T* x) {
  const double top = double{*std::max_element(x, x + classes)};
  double sum = 0;
  for (std::int64_t c = 0; c < classes; ++c) sum += std::exp(double{x[c]} - top);
  return top + std::log(sum);
}

/// The readable oracle of kernels::log_softmax.
template <class T>
void log_softmax(std::int64_t rows, std::int64_t classes, const T* x, T* y) {
  for (std::int64_t r = 0; r < rows && classes > 0; ++r, x += classes, y += classes) {
    const double normaliser = log_sum_exp(classes, x);
    for (std::int64_t c = 0; c < classes; ++c) y[c] = static_cast<T>(double{x[c]} - normaliser);
  }
}

/// The readable oracle of kernels::softmax.
template <class T>
void softmax(std::int64_t rows, std::int64_t classes, const T* x, T* y) {
  for (std::int64_t r = 0; r < rows && classes > 0; ++r, x += classes, y += classes) {
    const double normaliser = log_sum_exp(classes, x);
    for (std::int64_t c = 0; c < classes; ++c) y[c] = static_cast<T>(std::exp(double{x[c]} - normaliser));
  }
}

/// The readable oracle of kernels::softmax_backward.
template <class T>
void softmax_backward(std::int64_t rows, std::int64_t classes, const T* y, const T* dy, T* dx) {
  for (std::int64_t r = 0; r < rows; ++r, y += classes, dy += classes, dx += classes) {
    double dot = 0;
    for (std::int64_t c = 0; c < classes; ++c) dot += double{y[c]} * double{dy[c]};
    for (std::int64_t c = 0; c < classes; ++c) dx[c] = static_cast<T>(double{y[c]} * (double{dy[c]} - dot));
  }
}

/// The readable oracle of kernels::softmax_cross_entropy. Labels are trusted here.
template <class T>
void softmax_cross_entropy(std::int64_t rows, std::int64_t classes, const T* logits, const std::int32_t* labels,
                           std::type_identity_t<T> smoothing, T* loss, std::type_identity_t<T*> dlogits) {
  double total = 0;
  for (std::int64_t r = 0; r < rows; ++r) {
    const double normaliser = log_sum_exp(classes, logits + r * classes);
    for (std::int64_t c = 0; c < classes; ++c) {
      const double log_p = double{logits[r * classes + c]} - normaliser;
      const double target = (c == labels[r] ? 1.0 - double{smoothing} : 0.0) + double{smoothing} / double(classes);
      total -= target * log_p;
      if (dlogits) dlogits[r * classes + c] = static_cast<T>((std::exp(log_p) - target) / double(rows));
    }
  }
  *loss = static_cast<T>(rows > 0 ? total / double(rows) : 0.0);
}

}  // namespace bitgrain::kernels::reference
