#include "bitgrain/ops/pool_geometry.hpp"

#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("the geometry of a pool comes from the shape of its input") {
  const auto g = pool2d_geometry("pool", random_var({2, 5, 7, 3}, 1), Window2d::square(3, 2, 1));
  CHECK(g == PoolGeometry{2, 5, 7, 3, Window2d::square(3, 2, 1)});
  CHECK(g.out_h() == 3);
  CHECK(g.out_w() == 4);
  CHECK(names(error_of([] {
                pool2d_geometry("pool", random_var({5, 7, 3}, 1), Window2d::square(3));
              }),
              {"pool", "[5,7,3]"}));
}
