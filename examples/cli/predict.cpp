// bitgrain predict

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "bitgrain/data/image.hpp"
#include "bitgrain/run/table.hpp"
#include "command.hpp"
#include "network.hpp"

namespace cli {

using namespace bitgrain;

namespace {

class Predict final : public Command {
 public:
  Predict()
      : Command("predict", "Say what is in an image, with a packed model.",
                "  bitgrain predict runs/lenet-3bit/model.bgm seven.png\n"
                "  bitgrain predict runs/resnet20/model.bgm --top 3 *.png\n") {
    options.argument("MODEL", model_, "a packed model.bgm, or a run folder that holds one").require();
    options.arguments("IMAGE", images_, "PNG, JPEG or BMP files of the size that the model takes").require();
    options.group("Run");
    options.whole("--top", top_, 1, 1000, "classes to show");
    options.text("--kernels", kernels_, "FILE", "choose the engine's kernels by times of bitgrain bench --tune");
  }

  int run() override {
    const deploy::IntegerNetwork network =
        load_packed(std::filesystem::is_directory(model_) ? model_ + "/model.bgm" : model_);
    const deploy::Value& in = network.values[0];
    BITGRAIN_CHECK(in.channels == 1 || in.channels == 3, "the model takes images of ", in.channels,
                   " channels, which image files do not have");
    for (const std::string& path : images_) {
      const Tensor<std::uint8_t> image = decode_image(path, static_cast<int>(in.channels));
      BITGRAIN_CHECK(image.shape()[0] == in.height && image.shape()[1] == in.width, "image '", path, "' has ",
                     image.shape()[0], " x ", image.shape()[1], " pixels (height x width), the model takes ",
                     in.height, " x ", in.width, "; resize it first");
      show(path, classify(network, image, kernels_), network.classes);
    }
    return kSuccess;
  }

 private:
  void show(const std::string& path, const std::vector<float>& logits, const std::vector<std::string>& names) const {
    if (images_.size() > 1) say(path + ":");
    std::vector<std::size_t> order(logits.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; });
    double sum = 0;
    for (const float logit : logits) sum += std::exp(static_cast<double>(logit - logits[order[0]]));
    Table table({{"class", Align::kLeft}, {"probability"}, {"logit"}});
    for (std::size_t i = 0; i < order.size() && i < static_cast<std::size_t>(top_); ++i) {
      const std::size_t c = order[i];
      table.add({c < names.size() ? names[c] : "class " + std::to_string(c),
                 percent_text(std::exp(static_cast<double>(logits[c] - logits[order[0]])) / sum),
                 fixed_text(static_cast<double>(logits[c]), 3)});
    }
    const std::string text = table.text();
    say(text.substr(0, text.size() - 1));
  }

  std::string model_, kernels_;
  std::vector<std::string> images_;
  int top_ = 5;
};

}  // namespace

std::unique_ptr<Command> make_predict() { return std::make_unique<Predict>(); }

}  // namespace cli
