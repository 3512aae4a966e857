#include "bitgrain/ops/matmul.hpp"

#include "ops/op_check.hpp"

using namespace op_check;

TEST_CASE("matmul: values by hand") {
  const auto a = var({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto b = var({3, 2}, {1, 0, 0, 1, 2, -1});
  CHECK(list(matmul(a, b)) == Values{7, -1, 16, -1});
}

TEST_CASE("matmul: gradients, also of a matrix with itself") {
  check_gradients([](const auto& in) { return matmul(in[0], in[1]); },
                  {random_var({3, 4}, 1), random_var({4, 5}, 2)});
  check_gradients([](const auto& in) { return matmul(in[0], in[1]); },
                  {random_var({1, 9}, 1), random_var({9, 1}, 2)});
  check_gradients([](const auto& in) { return matmul(in[0], in[0]); }, {random_var({4, 4}, 1)});
}

TEST_CASE("matmul: traced, codes dropped, shapes named") {
  const auto a = random_var({2, 3}, 1), b = random_var({3, 4}, 2);
  const auto record = traced([&] { matmul(a, b); });
  CHECK(record.op == "matmul");
  CHECK(record.inputs.size() == 2);
  CHECK(matmul(with_codes(a), b).quant() == nullptr);
  CHECK(names(error_of([&] { matmul(b, a); }), {"matmul", "[3,4]", "[2,3]"}));
  CHECK(names(error_of([&] { matmul(a, random_var({3}, 1)); }), {"matmul", "[3]"}));
}
