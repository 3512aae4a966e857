#include "bitgrain/ops/ops.hpp"

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("the umbrella header holds every op") {
  const std::filesystem::path folder = std::filesystem::path(BITGRAIN_SOURCE_DIR) / "include/bitgrain/ops";
  std::ostringstream umbrella;
  umbrella << std::ifstream(folder / "ops.hpp").rdbuf();
  // Headers that ops are made of; they come along with the ops that use them.
  const std::set<std::string> parts = {"ops.hpp",        "copy_runs.hpp",     "gradient_buffer.hpp",
                                       "pass_codes.hpp", "pool_geometry.hpp", "shape_check.hpp"};
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (parts.count(name) > 0) continue;
    CHECK_MESSAGE(umbrella.str().find("bitgrain/ops/" + name + "\"") != std::string::npos, name);
  }
}

namespace {
// Values and gradients of every op at the same point, in the precision T.
template <class T>
std::vector<double> outputs() {
  std::vector<double> all;
  const auto collect = [&all](const Tensor<T>& t) {
    for (const T v : t.values()) all.push_back(static_cast<double>(v));
  };
  const auto leaf = [](const Shape& shape, std::uint64_t seed) {
    return Var<T>(random_var(shape, seed, 0.1, 1.3).value().template cast<T>(), true);
  };
  const auto take = [&collect](const Var<T>& y, std::initializer_list<Var<T>> leaves) {
    collect(y.value());
    Tensor<T> seed(y.shape());
    for (std::int64_t i = 0; i < seed.numel(); ++i) seed.mutable_data()[i] = static_cast<T>(1 + i % 3);
    y.backward(std::move(seed));
    for (Var<T> x : leaves) {
      collect(x.grad());
      x.zero_grad();
    }
  };
  const Var<T> image = leaf({2, 4, 6, 4}, 1), other = leaf({2, 4, 6, 4}, 2), w = leaf({6, 3, 3, 2}, 3);
  const Var<T> matrix = leaf({4, 6}, 4), rows = leaf({5, 6}, 5), bias4 = leaf({4}, 6), bias5 = leaf({5}, 7);
  const Var<T> bias6 = leaf({6}, 8), number = leaf({}, 9);
  Tensor<T> mean({4}, T{0}), variance({4}, T{1});
  RandomStream random(1, "outputs");
  const std::vector<std::int32_t> labels = {0, 5, 2, 2};
  take(conv2d(image, w, bias6, Window2d::square(3, 2, 1), 2), {image, w, bias6});
  take(linear(matrix, rows, bias5), {matrix, rows, bias5});
  take(matmul(matrix, reshape(rows, {6, 5})), {matrix, rows});
  take(max_pool2d(image, Window2d::square(2, 2)), {image});
  take(avg_pool2d(image, Window2d::square(3, 1, 1)), {image});
  take(global_avg_pool(image), {image});
  take(batch_norm_train(image, bias4, bias4, mean, variance), {image, bias4});
  take(batch_norm_eval(image, bias4, bias4, mean, variance), {image, bias4});
  collect(mean);
  collect(variance);
  take(image + other, {image, other});
  take(image + bias4, {image, bias4});
  take(1 - (2 + image * 3) - other * -other, {image, other});
  take(scale(image, number), {image, number});
  take(relu(image - 1), {image});
  take(relu_max_pool2d(image - 1, Window2d::square(2, 2)), {image});
  take(relu6(image * 7), {image});
  take(clip(image, static_cast<T>(0.4), static_cast<T>(0.9)), {image});
  take(abs(image - other), {image, other});
  take(sigmoid(image), {image});
  take(tanh(image), {image});
  take(exp(image), {image});
  take(log(image), {image});
  take(softmax(matrix), {matrix});
  take(log_softmax(matrix), {matrix});
  take(cross_entropy(matrix, labels, 0.1), {matrix});
  take(sum(image), {image});
  take(mul(bitgrain::mean(image), 100), {image});
  take(concat<T>({image, other}, 3), {image, other});
  take(slice(image, 2, 1, 4), {image});
  take(subsample_pad(image, 2, 1, 1), {image});
  take(flatten(dropout(image, 0.5, random)), {image});
  return all;
}
}  // namespace

TEST_CASE("every op computes in float what it computes in double") {
  const std::vector<double> exact = outputs<double>(), single = outputs<float>();
  REQUIRE(exact.size() == single.size());
  // Sums here have at most a few hundred terms of order 1: 1e-4 leaves room for their rounding and no more.
  std::size_t far = 0;
  for (std::size_t i = 0; i < exact.size(); ++i)
    far += !(std::abs(exact[i] - single[i]) <= 1e-4 * std::max(1.0, std::abs(exact[i])));
  CHECK(far == 0);
}

TEST_CASE("a small network of many ops: gradients of every parameter, memory back to the baseline") {
  const auto bytes = [] { return MemoryPool::instance().stats().bytes_in_use; };
  const std::size_t before = bytes();
  {
    const std::vector<std::int32_t> labels = {0, 2};
    const auto f = [&labels](const std::vector<Var<double>>& in) {
      // Convolution, batch norm and ReLU; a residual block with shortcut A; pooling; a linear layer.
      const auto normalise = [](const Var<double>& x, const Var<double>& gamma, const Var<double>& beta) {
        return batch_norm_train(x, gamma, beta, Tensor<double>(gamma.shape(), 0.0),
                                Tensor<double>(gamma.shape(), 1.0));
      };
      const Var<double> none;
      auto x = relu(normalise(conv2d(in[0], in[1], none, Window2d::square(3, 1, 1)), in[2], in[3]));
      const auto y = conv2d(x, in[4], none, Window2d::square(3, 2, 1));
      x = relu6(y + subsample_pad(x, 2, 1, 1));
      return cross_entropy(linear(global_avg_pool(x), in[5], in[6]), labels, 0.1);
    };
    check_gradients(f, {random_var({2, 4, 4, 1}, 1), random_var({2, 3, 3, 1}, 2), random_var({2}, 3, 0.5, 1.5),
                        random_var({2}, 4), random_var({4, 3, 3, 2}, 5), random_var({3, 4}, 6), random_var({3}, 7)});
  }
  CHECK(bytes() == before);
}

TEST_CASE("ops save only what their backward reads") {
  const Shape shape{2, 16, 16, 32};
  const std::size_t size = 2 * 16 * 16 * 32 * sizeof(double);
  const auto bytes = [] { return MemoryPool::instance().stats().bytes_in_use; };
  const Var<double> leaf = random_var(shape, 1, 0.1, 0.9), trained = random_var(shape, 2);
  const Var<double> fixed(trained.value()), channels = random_var({32}, 3), kernel = random_var({32, 1, 1, 32}, 4);
  RandomStream random(1, "saved");
  // How many tensors of the input's size live on beside the result, the input being an intermediate value.
  const auto kept = [&](auto op) {
    const std::size_t before = bytes();
    const Var<double> y = op(add(leaf, 1.0));
    return (bytes() - before) / size - static_cast<std::size_t>(y.numel()) * sizeof(double) / size;
  };
  using V = const Var<double>&;
  CHECK(kept([](V x) { return add(x, x); }) == 0);
  CHECK(kept([](V x) { return sub(x, x); }) == 0);
  CHECK(kept([&](V x) { return add(x, channels); }) == 0);
  CHECK(kept([](V x) { return mul(x, 2.0); }) == 0);
  CHECK(kept([&](V x) { return mul(x, fixed); }) == 0);
  CHECK(kept([&](V x) { return mul(x, trained); }) == 1);
  CHECK(kept([](V x) { return relu(x); }) == 0);
  CHECK(kept([](V x) { return relu6(x); }) == 0);
  CHECK(kept([](V x) { return exp(x); }) == 0);
  CHECK(kept([](V x) { return log(x); }) == 1);
  CHECK(kept([](V x) { return sum(x); }) == 0);
  CHECK(kept([](V x) { return global_avg_pool(x); }) == 0);
  CHECK(kept([](V x) { return subsample_pad(x, 1, 0, 0); }) == 0);
  CHECK(kept([](V x) { return concat<double>({x}, 0); }) == 0);
  CHECK(kept([&](V x) { return dropout(x, 0.5, random); }) == 0);  // a byte per element
  CHECK(kept([&](V x) { return conv2d(x, kernel, {}, Window2d::square(1)); }) == 1);
  CHECK(kept([&](V x) { return conv2d(x, Var<double>(kernel.value()), {}, Window2d::square(1)); }) == 0);
  CHECK(kept([&](V x) {
          return batch_norm_train(x, channels, channels, Tensor<double>({32}, 0.0), Tensor<double>({32}, 1.0));
        }) == 1);
}
