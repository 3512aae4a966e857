#include "bitgrain/ops/global_avg_pool.hpp"

#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("global_avg_pool: the mean of every channel") {
  const auto x = var({1, 2, 2, 2}, {1, 10, 2, 20, 3, 30, 6, 60});
  const auto y = global_avg_pool(x);
  CHECK(y.shape() == Shape{1, 2});
  CHECK(list(y) == Values{3, 30});
  check_gradients([](const auto& in) { return global_avg_pool(in[0]); }, {random_var({2, 3, 4, 5}, 1)});
}

TEST_CASE("global_avg_pool: traced as an average pool of the whole image and a flatten") {
  const auto x = random_var({2, 3, 4, 5}, 1);
  Trace<double> recorder;
  const auto y = global_avg_pool(x);
  REQUIRE(recorder.records.size() == 2);
  CHECK(recorder.records[0].op == "avg_pool2d");
  CHECK(recorder.records[0].output.shape() == Shape{2, 1, 1, 5});
  CHECK(recorder.records[0].attributes.pool.window.kernel_h == 3);
  CHECK(recorder.records[0].attributes.pool.window.kernel_w == 4);
  CHECK(recorder.records[1].op == "flatten");
  CHECK(recorder.records[1].inputs[0].id() == recorder.records[0].output.id());
  CHECK(recorder.records[1].output.id() == y.id());
}

TEST_CASE("global_avg_pool: codes dropped, what is no image is named") {
  CHECK(global_avg_pool(with_codes(random_var({1, 2, 2, 1}, 1))).quant() == nullptr);
  CHECK(names(error_of([] { global_avg_pool(random_var({2, 3}, 1)); }), {"global_avg_pool", "[2,3]"}));
}
