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
