#include "bitgrain/ops/avg_pool2d.hpp"

#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("avg_pool2d: values; padding counts as zeros") {
  const auto x = var({1, 2, 2, 1}, {1, 2, 3, 6});
  CHECK(list(avg_pool2d(x, Window2d::square(2))) == Values{3});
  // 2x2 windows with one line of padding: the corners hold one pixel each, divided by 4 all the same.
  CHECK(list(avg_pool2d(x, Window2d::square(2, 2, 1))) == Values{0.25, 0.5, 0.75, 1.5});
}

TEST_CASE("avg_pool2d: gradients over overlaps, paddings and rectangular windows") {
  Window2d rectangular;
  rectangular.kernel_h = 3, rectangular.kernel_w = 2, rectangular.stride_h = 2, rectangular.pad_h = 1;
  for (const Window2d& window :
       {Window2d::square(2, 2), Window2d::square(3, 2, 1), Window2d::square(3, 1, 1), rectangular})
    check_gradients([&](const auto& in) { return avg_pool2d(in[0], window); }, {random_var({2, 5, 6, 3}, 1)});
}

TEST_CASE("avg_pool2d: traced with its geometry, codes dropped, what does not fit is named") {
  const auto x = random_var({2, 4, 6, 3}, 1);
  const auto record = traced([&] { avg_pool2d(x, Window2d::square(2, 2)); });
  CHECK(record.op == "avg_pool2d");
  CHECK(record.attributes.pool == PoolGeometry{2, 4, 6, 3, Window2d::square(2, 2)});
  CHECK(avg_pool2d(with_codes(x), Window2d::square(2)).quant() == nullptr);
  CHECK(names(error_of([] { avg_pool2d(random_var({2, 3}, 1), Window2d::square(2)); }), {"avg_pool2d", "[2,3]"}));
}
