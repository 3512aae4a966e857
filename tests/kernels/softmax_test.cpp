#include "bitgrain/kernels/f32/softmax.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "bitgrain/kernels/reference/softmax.hpp"
#include "error_of.hpp"
#include "kernels/float_case.hpp"

namespace {
namespace kernels = bitgrain::kernels;
using bitgrain::RandomStream;

template <class T>
void fill_labels(std::vector<std::int32_t>& labels, std::int64_t classes, RandomStream& random) {
  for (auto& label : labels) label = static_cast<std::int32_t>(random.below(static_cast<std::uint32_t>(classes)));
}
}  // namespace

TEST_CASE_TEMPLATE("softmax, log_softmax and the gradient equal their references", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using A = typename Case::Arch;
  RandomStream random(1, "softmax");
  for (const std::int64_t rows : {0, 1, 3})
    for (const std::int64_t classes : {1, 2, 7, 10, 15, 16, 17, 100, 1000}) {
      Guarded<T> x(rows * classes, 1), dy(rows * classes, 2), y(rows * classes, 3), expected(rows * classes);
      fill_random(x, random, -8, 8);
      fill_random(dy, random);
      const double sum_units = 8 + std::log2(static_cast<double>(classes)) + static_cast<double>(classes) / 8;
      kernels::log_softmax<T, A>(rows, classes, x.data(), y.data());
      kernels::reference::log_softmax(rows, classes, x.data(), expected.data());
      check_close(y, expected, 24 + sum_units, "log_softmax");  // results up to 23
      kernels::softmax<T, A>(rows, classes, x.data(), y.data());
      kernels::reference::softmax(rows, classes, x.data(), expected.data());
      check_close(y, expected, 24 + sum_units, "softmax");
      kernels::reference::softmax_backward(rows, classes, y.data(), dy.data(), expected.data());
      kernels::softmax_backward<T, A>(rows, classes, y.data(), dy.data(), dy.data());
      check_close(dy, expected, sum_units, "softmax_backward, in place");
    }
}

TEST_CASE_TEMPLATE("cross-entropy and its gradient equal their references, smoothed or not", Case,
                   BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  using A = typename Case::Arch;
  RandomStream random(2, "loss");
  for (const std::int64_t rows : {1, 2, 50})
    for (const std::int64_t classes : {1, 2, 10, 16, 17, 100})
      for (const T smoothing : {T(0), T(0.125), T(1)}) {
        Guarded<T> x(rows * classes, 1), d(rows * classes, 1), expected(rows * classes);
        fill_random(x, random, -8, 8);
        std::vector<std::int32_t> labels(static_cast<std::size_t>(rows));
        fill_labels<T>(labels, classes, random);
        T loss = 0, loss2 = 0, loss3 = 0;
        kernels::reference::softmax_cross_entropy(rows, classes, x.data(), labels.data(), smoothing, &loss2,
                                                  expected.data());
        kernels::softmax_cross_entropy<T, A>(rows, classes, x.data(), labels.data(), smoothing, &loss, d.data());
        // Losses are sums over the classes of numbers up to 23 times the smoothing's share.
        const double units = 24 * static_cast<double>(classes + 2);
        const double epsilon = double{std::numeric_limits<T>::epsilon()};
        CHECK(std::abs(double{loss} - double{loss2}) <= units * epsilon);
        check_close(d, expected, 40 + static_cast<double>(classes) / 8, "dlogits");
        kernels::softmax_cross_entropy<T, A>(rows, classes, x.data(), labels.data(), smoothing, &loss3, nullptr);
        CHECK(loss3 == loss);
        kernels::softmax_cross_entropy<T, A>(rows, classes, x.data(), labels.data(), smoothing, &loss3, x.data());
        CHECK(x == d);  // in place
      }
}

TEST_CASE_TEMPLATE("huge and infinite logits neither overflow nor give NaN", Case, BITGRAIN_FLOAT_CASES) {
  using T = typename Case::T;
  Guarded<T> x(4), y(4);
  x[0] = T(1e30);
  x[1] = T(-1e30);
  x[2] = -std::numeric_limits<T>::infinity();
  x[3] = T(0);
  kernels::softmax<T, typename Case::Arch>(1, 4, x.data(), y.data());
  CHECK(y[0] == 1);
  for (int i = 1; i < 4; ++i) CHECK(y[i] <= std::numeric_limits<T>::min());
  const std::int32_t label = 0;
  T loss = 7;
  kernels::softmax_cross_entropy<T, typename Case::Arch>(1, 4, x.data(), &label, 0, &loss, y.data());
  CHECK(loss == 0);
}

TEST_CASE("a label outside the classes is an error that names it") {
  const float x[6] = {};
  float loss = 0;
  for (const std::int32_t bad : {-1, 3}) {
    const std::int32_t labels[2] = {0, bad};
    const std::string message = error_of([&] { kernels::softmax_cross_entropy(2, 3, x, labels, 0, &loss, nullptr); });
    CHECK(contains(message, "label 1"));
    CHECK(contains(message, std::to_string(bad)));
  }
}

TEST_CASE("softmax of nothing is harmless and its loss 0") {
  const float* none = nullptr;
  float loss = 7;
  kernels::softmax(0, 10, none, static_cast<float*>(nullptr));
  kernels::softmax(3, 0, none, static_cast<float*>(nullptr));
  kernels::softmax_cross_entropy(0, 10, none, nullptr, 0, &loss, nullptr);
  CHECK(loss == 0);
}

TEST_CASE("cross-entropy gives the same bits at 1, 2 and 3 threads") {
  RandomStream random(3, "threads");
  Guarded<float> x(20000);
  fill_random(x, random, -5, 5);
  std::vector<std::int32_t> labels(2000);
  fill_labels<float>(labels, 10, random);
  const auto results = at_threads([&] {
    Guarded<float> d(20000);
    float loss = 0;
    kernels::softmax_cross_entropy(2000, 10, x.data(), labels.data(), 0.1f, &loss, d.data());
    std::vector<float> all = d.values();
    all.push_back(loss);
    return all;
  });
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}
