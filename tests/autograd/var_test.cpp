#include "bitgrain/autograd/var.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "autograd/plain_ops.hpp"

using namespace bitgrain;
using plain::list;
using plain::parameter;
using Values = std::vector<double>;

namespace {
// The message of the Error that `f` throws; empty if it throws none.
template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}
bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
}  // namespace

TEST_CASE("the gradient of a product is the other factor") {
  const auto a = parameter({2, 3}), b = parameter({5, -7});
  const auto loss = plain::sum(plain::mul(a, b));
  CHECK(loss.item() == 2 * 5 - 3 * 7);
  CHECK(loss.shape() == Shape{});
  loss.backward();
  CHECK(list(a.grad()) == Values{5, -7});
  CHECK(list(b.grad()) == Values{2, 3});
}

TEST_CASE("an input used twice by one op receives both gradients") {
  const auto x = parameter({3, -4});
  plain::sum(plain::mul(x, x)).backward();
  CHECK(list(x.grad()) == Values{6, -8});
}

TEST_CASE("in a diamond every node runs once, after all gradients of its output have arrived") {
  const auto x = parameter({2});
  int calls = 0;
  Values arrived;
  const auto top = make_result<double>("counted", x.value().clone(), {x}, [x, &calls, &arrived](const auto& dy) {
    ++calls;
    arrived.push_back(dy.item());
    x.add_grad(dy.clone());
  });
  // x -> top -> {square, top} -> product -> + top: three readers at different depths.
  const auto square = plain::mul(top, top);
  const auto cube = plain::mul(square, top);
  const auto loss = plain::add(cube, top);
  loss.backward(Tensor<double>({1}, 1.0));
  CHECK(calls == 1);
  CHECK(arrived == Values{3 * 4 + 1});
  CHECK(list(x.grad()) == Values{13});
}

TEST_CASE("gradients of a leaf add up over backward passes until zero_grad") {
  auto x = parameter({1, 2});
  plain::sum(x).backward();
  plain::sum(plain::mul(x, x)).backward();
  CHECK(list(x.grad()) == Values{3, 5});
  x.zero_grad();
  CHECK_FALSE(x.grad().defined());
  plain::sum(x).backward();
  CHECK(list(x.grad()) == Values{1, 1});
}

TEST_CASE("two leaves that were handed one gradient tensor do not write into each other's") {
  const auto a = parameter({1}), b = parameter({1}), c = parameter({10});
  // add gives the same tensor to a and b; a then receives more from the product, which is older on the tape.
  const auto product = plain::mul(a, c);
  const auto both = plain::add(a, b);
  plain::sum(plain::add(product, both)).backward();
  CHECK(list(a.grad()) == Values{11});
  CHECK(list(b.grad()) == Values{1});
}

TEST_CASE("the caller's seed is not written to") {
  const auto x = parameter({1, 1});
  const auto y = plain::add(x, x);
  const Tensor<double> seed({2}, {1.0, 2.0});
  y.backward(seed);
  CHECK(list(x.grad()) == Values{2, 4});
  CHECK(list(seed) == Values{1, 2});
}

TEST_CASE("only what a gradient needs is recorded") {
  const Var<double> constant(Tensor<double>({1}, 3.0));
  const auto x = parameter({2});
  const auto unneeded = plain::mul(constant, constant);
  CHECK_FALSE(unneeded.requires_grad());
  CHECK(unneeded.is_leaf());
  const auto y = plain::mul(constant, x);
  CHECK(y.requires_grad());
  CHECK_FALSE(y.is_leaf());
  y.backward();
  CHECK(list(x.grad()) == Values{3});
  CHECK_FALSE(constant.grad().defined());
}

TEST_CASE("gradients of intermediate results are freed") {
  const auto x = parameter({2});
  const auto middle = plain::mul(x, x);
  plain::mul(middle, x).backward();
  CHECK(list(x.grad()) == Values{12});
  CHECK_FALSE(middle.grad().defined());
}

TEST_CASE("NoGrad records nothing, nests, and ends with its scope") {
  const auto x = parameter({2});
  {
    const NoGrad outer;
    CHECK_FALSE(grad_enabled());
    { const NoGrad inner; }
    CHECK_FALSE(grad_enabled());
    const auto y = plain::mul(x, x);
    CHECK_FALSE(y.requires_grad());
    CHECK(y.item() == 4);
  }
  CHECK(grad_enabled());
  CHECK(plain::mul(x, x).requires_grad());
}

TEST_CASE("detach keeps the values and the codes and cuts the tape") {
  const auto x = parameter({3});
  auto y = plain::mul(x, x);
  y.set_quant(std::make_shared<QuantInfo>(QuantInfo{Grid::kUnsigned, 4, {1.0}, 0}));
  const auto cut = y.detach();
  CHECK(cut.item() == 9);
  CHECK_FALSE(cut.requires_grad());
  CHECK(cut.quant() == y.quant());
  plain::mul(cut, x).backward();
  CHECK(list(x.grad()) == Values{9});
}

TEST_CASE("codes are refused when a variable carries none") {
  CHECK(contains(error_of([] { parameter({1}).codes(); }), "no integer codes"));
}

TEST_CASE("backward twice through the same tape is an error") {
  const auto x = parameter({2});
  const auto y = plain::mul(x, x);
  y.backward();
  CHECK(contains(error_of([&] { y.backward(); }), "earlier backward has freed"));
}

TEST_CASE("backward into a part of the tape that was freed is an error") {
  const auto x = parameter({2});
  const auto shared = plain::mul(x, x);
  const auto first = plain::sum(shared), second = plain::sum(shared);
  first.backward();
  CHECK(contains(error_of([&] { second.backward(); }), "earlier backward has freed"));
}

TEST_CASE("backward needs a parameter, and a seed unless it starts from one element") {
  const Var<double> constant(Tensor<double>({1}, 3.0));
  CHECK(contains(error_of([&] { constant.backward(); }), "depends on no parameter"));
  const auto x = parameter({1, 2});
  CHECK(contains(error_of([&] { plain::mul(x, x).backward(); }), "[2]"));
  const std::string message = error_of([&] { plain::mul(x, x).backward(Tensor<double>({3}, 1.0)); });
  CHECK(contains(message, "[3]"));
  CHECK(contains(message, "[2]"));
}

TEST_CASE("writing in place into a tensor that backward needs is an error, also through a view") {
  auto x = parameter({2, 3});
  SUBCASE("into the variable") {
    const auto y = plain::sum(plain::mul(x, x));
    x.mutable_value().fill(0);
    CHECK(contains(error_of([&] { y.backward(); }), "written in place"));
  }
  SUBCASE("through a reshaped view") {
    const auto y = plain::sum(plain::mul(x, x));
    Tensor<double> view = x.value().reshape({1, 2});
    view.mutable_data()[0] = 7;
    CHECK(contains(error_of([&] { y.backward(); }), "[2]"));
  }
  SUBCASE("after backward it is allowed") {
    plain::sum(plain::mul(x, x)).backward();
    x.mutable_value().fill(0);
    CHECK(x.value()[1] == 0);
  }
}

TEST_CASE("backward frees the tape: memory returns to what values and gradients of the leaves take") {
  const auto bytes = [] { return MemoryPool::instance().stats().bytes_in_use; };
  Var<double> x(Tensor<double>({1000}, 0.5), true);
  const std::size_t before = bytes();
  {
    const auto y = plain::sum(plain::mul(plain::mul(x, x), plain::mul(x, x)));
    CHECK(bytes() > before + 2 * 8000);  // the two factors; what only the sum read is gone
    y.backward();
    // Left: y itself (one block of 64 bytes) and the gradient of x.
    CHECK(bytes() <= before + 64 + 8192);
  }
  x.zero_grad();
  CHECK(bytes() == before);
}

TEST_CASE("a tape that is dropped without backward is freed too") {
  const auto bytes = [] { return MemoryPool::instance().stats().bytes_in_use; };
  const auto x = parameter({1, 2, 3});
  const std::size_t before = bytes();
  { const auto y = plain::sum(plain::mul(x, x)); }
  CHECK(bytes() == before);
}

TEST_CASE("the tape keeps no value alive that no op saved") {
  const auto bytes = [] { return MemoryPool::instance().stats().bytes_in_use; };
  const Var<double> x(Tensor<double>({1000}, 0.5), true);
  const std::size_t before = bytes();
  auto y = plain::add(x, x);
  for (int i = 0; i < 10; ++i) y = plain::add(y, x);
  CHECK(bytes() == before + 8192);  // y alone
  y = plain::mul(y, y);
  CHECK(bytes() == before + 2 * 8192);  // its factor lives on in the product's backward
  y.backward(Tensor<double>({1000}, 1.0));
  CHECK(x.grad()[0] == 2 * 6 * 12);
}

TEST_CASE("a slot is what the tape holds of a variable") {
  const auto x = parameter({1, 2});
  const GradSlot<double> slot = x.slot();
  CHECK(slot.requires_grad());
  CHECK(slot.shape() == Shape{2});
  slot.add_grad(Tensor<double>({2}, 3.0));
  CHECK(list(x.grad()) == Values{3, 3});
  CHECK(contains(error_of([&] { slot.add_grad(Tensor<double>({3}, 3.0)); }), "[3]"));
  CHECK_FALSE(GradSlot<double>().requires_grad());
  CHECK_FALSE(Var<double>().slot().requires_grad());
}

TEST_CASE("a long chain needs no deep recursion in backward") {
  const auto x = parameter({1});
  auto y = x;
  for (int i = 0; i < 20000; ++i) y = plain::add(y, x);
  y.backward();
  CHECK(list(x.grad()) == Values{20001});
}

TEST_CASE("a recomputed value is computed once, when it is first needed, and not held before") {
  int computed = 0;
  Var<double> y(Tensor<double>({1000}, 6.0));
  const Tensor<double> half({1000}, 3.0);
  y.set_recomputed(std::make_shared<Recomputed<double>>(y.value(), [&computed, half] {
    ++computed;
    Tensor<double> twice({1000});
    for (std::int64_t i = 0; i < 1000; ++i) twice.mutable_data()[i] = 2 * half[i];
    return twice;
  }));
  const auto bytes = [] { return MemoryPool::instance().stats().bytes_in_use; };
  const auto with_value = bytes();
  const Saved<double> first(y), second(y);
  y = {};
  CHECK(bytes() == with_value - 8192);
  CHECK(computed == 0);
  CHECK(list(first.get()) == Values(1000, 6.0));
  CHECK(list(second.get()) == Values(1000, 6.0));
  CHECK(computed == 1);
}

TEST_CASE("a value that was written in place is saved as it is, not recomputed") {
  Var<double> y(Tensor<double>({1}, 6.0));
  y.set_recomputed(std::make_shared<Recomputed<double>>(y.value(), [] { return Tensor<double>({1}, 6.0); }));
  y.mutable_value().fill(7.0);
  CHECK(Saved<double>(y).get().item() == 7.0);
}

TEST_CASE("a variable of codes makes its values when asked, passes on as bytes, and forgets them when written") {
  const auto info = std::make_shared<const QuantInfo>(QuantInfo{Grid::kUnsigned, 3, {0.5}, 2});
  Var<float> x = Var<float>::of_codes(Tensor<std::uint8_t>({2, 2}, {0, 2, 5, 7}), info);
  CHECK(x.shape() == Shape{2, 2});
  CHECK(x.numel() == 4);
  CHECK(x.has_code_bytes());
  CHECK(x.detach().has_code_bytes());
  const std::size_t before = MemoryPool::instance().stats().bytes_in_use;
  const Saved<float> saved(x);
  CHECK(MemoryPool::instance().stats().bytes_in_use == before);
  const auto same = [](const Tensor<float>& t, std::vector<float> expected) {
    return std::vector<float>(t.values().begin(), t.values().end()) == expected;
  };
  CHECK(same(x.value(), {-1.0F, 0.0F, 1.5F, 2.5F}));
  CHECK(x.codes().codes[3] == 7);
  x.mutable_value().fill(9);
  CHECK_FALSE(x.has_code_bytes());
  CHECK(same(x.value(), {9, 9, 9, 9}));
  CHECK(same(saved.get(), {-1.0F, 0.0F, 1.5F, 2.5F}));  // what was saved are the codes
}

TEST_CASE("a variable of scaled sums makes its values when asked") {
  const auto sums = std::make_shared<const ScaledSums<float>>(
      ScaledSums<float>{Tensor<std::int16_t>({2, 2}, {-3, 100, 5, 32767}), Tensor<float>({2}, {0.5F, 2.0F})});
  Var<float> x = Var<float>::of_sums(sums);
  CHECK(x.has_value());
  CHECK(x.numel() == 4);
  CHECK(x.shape() == Shape{2, 2});
  const Saved<float> saved(x);
  const std::vector<float> expected{-1.5F, 200.0F, 2.5F, 65534.0F};
  const Var<float> cut = x.detach();
  CHECK(std::vector<float>(cut.value().values().begin(), cut.value().values().end()) == expected);
  CHECK(std::vector<float>(x.value().values().begin(), x.value().values().end()) == expected);
  CHECK(std::vector<float>(saved.get().values().begin(), saved.get().values().end()) == expected);
  x.mutable_value().fill(1);
  CHECK(x.sums() == nullptr);
  CHECK(x.value()[3] == 1.0F);
}
