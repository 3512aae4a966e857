#include "bitgrain/quant/batch_norm_quantize.hpp"

#include "bitgrain/base/random.hpp"
#include "bitgrain/ops/add.hpp"
#include "bitgrain/quant/lsq.hpp"
#include "bitgrain/quant/quant_layers.hpp"
#include "ops/op_check.hpp"

namespace {
namespace norm_quantize {
using namespace op_check;

FakeQuantizeOptions options(int bits = 2) {
  FakeQuantizeOptions o;
  o.bits = bits;
  o.rule = {0, (1 << bits) - 1, kernels::Rounding::kHalfUp};
  return o;
}
// x, gamma, beta, step and, perhaps, a residual.
Var<double> fused(const std::vector<Var<double>>& in) {
  Tensor<double> mean(in[1].shape(), 0.0), var(in[1].shape(), 1.0);
  return batch_norm_quantize_train(in[0], in[1], in[2], mean, var, 0.1, 1e-5, in.size() > 4 ? in[4] : Var<double>(),
                                   in[3], options());
}
Var<double> composed(const std::vector<Var<double>>& in) {
  Tensor<double> mean(in[1].shape(), 0.0), var(in[1].shape(), 1.0);
  const auto y = batch_norm_train(in[0], in[1], in[2], mean, var, 0.1, 1e-5);
  return fake_quantize(in.size() > 4 ? add(y, in[4]) : y, in[3], options());
}
std::vector<Var<double>> inputs(const Shape& shape, bool residual) {
  const Shape channels{shape[-1]};
  std::vector<Var<double>> in{random_var(shape, 1, -2, 2), random_var(channels, 2, 0.5, 1.5), random_var(channels, 3),
                              var({1}, {0.4})};
  if (residual) in.push_back(random_var(shape, 4));
  return in;
}
}  // namespace norm_quantize
}  // namespace

TEST_CASE("batch_norm_quantize_train: gradients to x, gamma, beta, the step and the residual over ranks") {
  using namespace norm_quantize;
  for (const Shape& shape : {Shape{4, 3}, Shape{2, 3, 2, 5}, Shape{3, 2, 19}})
    for (const bool residual : {false, true}) check_gradients(fused, inputs(shape, residual));
}

TEST_CASE("batch_norm_quantize_train: codes and gradients are those of batch norm, add and quantizer one by one") {
  using namespace norm_quantize;
  for (const bool residual : {false, true}) {
    const auto a = inputs({3, 4, 5, 21}, residual), b = inputs({3, 4, 5, 21}, residual);
    const Var<double> y = fused(a), expected = composed(b);
    CHECK(y.has_code_bytes());
    CHECK(list(y) == list(expected));
    CHECK(y.quant()->step == expected.quant()->step);
    const Tensor<double> seed = random_var(y.shape(), 9).value();
    y.backward(seed.clone());
    expected.backward(seed.clone());
    for (std::size_t i = 0; i < a.size(); ++i)
      for (std::int64_t k = 0; k < a[i].numel(); ++k)
        CHECK(a[i].grad()[k] == doctest::Approx(b[i].grad()[k]).epsilon(1e-12));
  }
}

TEST_CASE("batch_norm_quantize_train: a residual of codes counts with the values of its codes") {
  using namespace norm_quantize;
  auto in = inputs({6, 9}, true), same = inputs({6, 9}, false);
  Tensor<std::uint8_t> bytes(Shape{6, 9});
  for (std::int64_t i = 0; i < 54; ++i) bytes.mutable_data()[i] = static_cast<std::uint8_t>(i % 4);
  const auto info = std::make_shared<const QuantInfo>(QuantInfo{Grid::kUnsigned, 2, {0.25}, 1});
  const auto codes = Var<double>::of_codes(bytes, info);
  same.push_back(codes);
  in[4].mutable_value().copy_from(codes.detach().value());
  const Var<double> y = fused(same), expected = fused(in);
  CHECK(list(y) == list(expected));
  y.backward(Tensor<double>({6, 9}, 1.0));
  expected.backward(Tensor<double>({6, 9}, 1.0));
  for (std::size_t i = 0; i < 4; ++i) CHECK(list(same[i].grad()) == list(in[i].grad()));
}

TEST_CASE("batch_norm_quantize_train and a convolution before it make no real number of a tensor's size forward") {
  using namespace norm_quantize;
  using Family = QuantLayers<Lsq, Lsq>;
  Family::Options o;
  o.weight_bits = o.activation_bits = 4;
  Family::ConvBnAct block(o, 16, 16, Window2d::square(3, 1, 1));
  for (auto& p : block.parameters())
    if (p.name == "conv.weight")
      for (std::int64_t i = 0; i < p.var.numel(); ++i)
        p.var.mutable_value().mutable_data()[i] = 0.1F * static_cast<float>(i % 7) - 0.2F;
  Tensor<std::uint8_t> bytes(Shape{4, 16, 16, 16});
  for (std::int64_t i = 0; i < bytes.numel(); ++i) bytes.mutable_data()[i] = static_cast<std::uint8_t>(i * i % 16);
  const auto x =
      Var<float>::of_codes(bytes, std::make_shared<const QuantInfo>(QuantInfo{Grid::kUnsigned, 4, {0.1}, 0}));
  block(x.detach());  // initialises the steps, from values
  const auto n = static_cast<std::size_t>(x.numel());
  const std::size_t before = MemoryPool::instance().stats().bytes_in_use;
  const Var<float> y = block(x);
  CHECK(y.has_code_bytes());
  // The sums, two bytes each, and the codes; weights and what belongs to channels are small beside them.
  CHECK(MemoryPool::instance().stats().bytes_in_use - before < 4 * n);
  y.backward(Tensor<float>(y.shape(), 1.0F));
}

TEST_CASE("batch_norm_quantize_train: saves x and bytes, nothing of the size of its result in floats") {
  using namespace norm_quantize;
  const auto in_use = [] { return MemoryPool::instance().stats().bytes_in_use; };
  const auto in = inputs({64, 128}, false);
  const std::size_t before = in_use();
  Var<double> y = fused(in);
  CHECK(in_use() - before < 64 * 128 * 2);
  y = Var<double>();  // drops the tape as well
  CHECK(in_use() == before);
}

TEST_CASE("batch_norm_quantize_train: what does not fit is named") {
  using namespace norm_quantize;
  const auto in = inputs({4, 3}, true);
  CHECK(names(op_check::error_of([&] {
                fused({in[0], in[1], in[2], in[3], random_var({4, 2}, 1)});
              }),
              {"batch_norm_quantize_train", "[4,3]", "[4,2]"}));
  CHECK(names(op_check::error_of([&] { fused({in[0], in[1], in[2], random_var({3}, 1, 0.5, 1)}); }), {"one step"}));
}

TEST_CASE("a block trains with the fused op and gives what its layers give one by one") {
  using namespace norm_quantize;
  using Family = QuantLayers<Lsq, Lsq>;
  // What a trace sees is one op after the other.
  std::vector<std::vector<float>> results;
  for (const bool traced_run : {false, true}) {
    Family::Options o;
    o.weight_bits = o.activation_bits = 3;
    Family::ConvBnAddAct block(o, 4, 4, Window2d::square(3, 1, 1));
    RandomStream random(5, "block");
    for (auto& p : block.parameters())
      if (p.name == "conv.weight")
        for (float& v : p.var.mutable_value().mutable_values()) v = static_cast<float>(random.normal());
    Tensor<float> x({2, 5, 5, 4});
    for (float& v : x.mutable_values()) v = static_cast<float>(random.below(8));
    Var<float> in(x, true);
    in.set_quant(std::make_shared<const QuantInfo>(QuantInfo{Grid::kUnsigned, 3, {1.0}, 0}));
    block(in, in);  // initialises the steps
    const auto run = [&] {
      const Var<float> y = block(in, in);
      y.backward(Tensor<float>(y.shape(), 1.0F));
      return y;
    };
    Var<float> y;
    if (traced_run) {
      Trace<float> trace;
      y = run();
      CHECK(trace.records.size() == 4);
    } else {
      y = run();
      CHECK(y.has_code_bytes());
    }
    std::vector<float> all(y.value().values().begin(), y.value().values().end());
    for (const auto& p : block.parameters())
      all.insert(all.end(), p.var.grad().values().begin(), p.var.grad().values().end());
    all.insert(all.end(), in.grad().values().begin(), in.grad().values().end());
    results.push_back(all);
  }
  REQUIRE(results[0].size() == results[1].size());
  for (std::size_t i = 0; i < results[0].size(); ++i)
    CHECK(results[0][i] == doctest::Approx(results[1][i]).epsilon(1e-4));
}

TEST_CASE(
    "the first step comes out of the fused op as of the ops one by one, and in no more memory than later ones") {
  using namespace norm_quantize;
  using Family = QuantLayers<Lsq, Lsq>;
  Family::Options o;
  o.weight_bits = o.activation_bits = 4;
  Tensor<std::uint8_t> bytes(Shape{4, 16, 16, 16});
  for (std::int64_t i = 0; i < bytes.numel(); ++i) bytes.mutable_data()[i] = static_cast<std::uint8_t>(i * i % 16);
  const auto x =
      Var<float>::of_codes(bytes, std::make_shared<const QuantInfo>(QuantInfo{Grid::kUnsigned, 4, {0.1}, 0}));
  std::vector<std::vector<double>> steps;
  for (const bool one_by_one : {false, true}) {
    Family::ConvBnAddAct block(o, 16, 16, Window2d::square(3, 1, 1));
    for (auto& p : block.parameters())
      if (p.name == "conv.weight")
        for (std::int64_t i = 0; i < p.var.numel(); ++i)
          p.var.mutable_value().mutable_data()[i] = 0.1F * static_cast<float>(i % 7) - 0.2F;
    const std::size_t before = MemoryPool::instance().stats().bytes_in_use;
    Var<float> y;
    if (one_by_one) {
      Trace<float> trace;
      y = block(x.detach(), x.detach());
    } else {
      y = block(x.detach(), x.detach());
      CHECK(y.has_code_bytes());
      CHECK(MemoryPool::instance().stats().bytes_in_use - before < 5 * static_cast<std::size_t>(x.numel()));
    }
    steps.emplace_back();
    for (const auto& p : block.parameters())
      if (p.name.ends_with(".step")) steps.back().push_back(p.var.item());
  }
  REQUIRE(steps[0].size() == 2);
  for (std::size_t i = 0; i < 2; ++i) CHECK(steps[0][i] == doctest::Approx(steps[1][i]).epsilon(1e-6));
}
