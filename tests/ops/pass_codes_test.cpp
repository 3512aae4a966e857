#include "bitgrain/ops/pass_codes.hpp"

#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("codes with one step pass on, steps per channel and floats do not") {
  const auto x = random_var({2, 3}, 1);
  auto to = random_var({2, 3}, 2);
  detail::pass_codes(x, to);
  CHECK(to.quant() == nullptr);
  detail::pass_codes(with_channel_codes(x), to);
  CHECK(to.quant() == nullptr);
  const auto coded = with_codes(x);
  detail::pass_codes(coded, to);
  CHECK(to.quant() == coded.quant());
}

TEST_CASE("which grids hold zero") {
  const auto holds = [](Grid grid, int bits, std::int32_t zero_point) {
    return detail::grid_holds_zero({grid, bits, {1.0}, zero_point});
  };
  CHECK(holds(Grid::kUnsigned, 1, 0));
  CHECK(holds(Grid::kUnsigned, 8, 255));
  CHECK_FALSE(holds(Grid::kUnsigned, 8, 256));
  CHECK_FALSE(holds(Grid::kUnsigned, 8, -1));
  CHECK(holds(Grid::kSigned, 2, 0));
  CHECK(holds(Grid::kSymmetric, 2, 0));
  CHECK_FALSE(holds(Grid::kSigned, 1, 0));
  CHECK_FALSE(holds(Grid::kSymmetric, 1, 0));
  CHECK_FALSE(holds(Grid::kOdd, 4, 0));
  CHECK(holds(Grid::kPow2, 4, 0));
  CHECK(holds(Grid::kPlanes, 4, 0));
}
