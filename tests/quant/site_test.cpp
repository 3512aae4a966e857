#include "bitgrain/quant/site.hpp"

#include <doctest/doctest.h>

#include "bitgrain/quant/lsq.hpp"
#include "bitgrain/quant/qlayers.hpp"
#include "bitgrain/quant/qrelu.hpp"

using namespace bitgrain;

namespace {
const QuantizerSpec kActivationSpec{QuantRole::kActivations, 2, 1, Grid::kUnsigned, false, {}};
const QuantizerSpec kSiteWeight{QuantRole::kWeights, 4, 1, Grid::kSigned, false, {}};

struct Replace final : QuantObserver<float> {
  std::vector<std::string> seen;
  Var<float> observe(const QuantSite<float>& site, const Var<float>& x, const Var<float>& y) override {
    seen.push_back(site.site_name() + (site.is_weight() ? " w" : " a") + std::to_string(site.bits()));
    CHECK(x.shape() == y.shape());
    Var<float> other(Tensor<float>(y.shape(), 7.0f));
    const Grid grid = site.is_weight() ? Grid::kSigned : Grid::kUnsigned;
    other.set_quant(std::make_shared<const QuantInfo>(QuantInfo{grid, 8, {1.0}, 0}));  // 7 is one of its values
    return other;
  }
};
}  // namespace

TEST_CASE("an observer sees every tensor at its site and may replace what goes on") {
  QReLU<Lsq> act(kActivationSpec);
  QLinear<Lsq> linear_layer(kSiteWeight, Lsq<float>(kSiteWeight), 4, 2, true);
  const Var<float> x(Tensor<float>({1, 4}, 1.0f));
  {
    Replace observer;
    CHECK(act(x).value()[0] == 7.0f);
    CHECK(linear_layer(act(x)).value()[0] == doctest::Approx(4 * 7 * 7));
    CHECK(observer.seen == std::vector<std::string>{" a2", " a2", " w4"});
  }
  CHECK(act(x).value()[0] != 7.0f);
  CHECK(QuantObserver<float>::current() == nullptr);
}
