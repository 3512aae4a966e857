#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "bitgrain/run/csv_file.hpp"
#include "bitgrain/run/tolerant_save.hpp"
#include "bitgrain/train/diagnostics.hpp"
#include "bitgrain/train/lower_model.hpp"
#include "bitgrain/train/train_state.hpp"

namespace bitgrain {

/// Writes a row per epoch to `folder`/metrics.csv, and for quantized networks a row per tensor and epoch to
/// `folder`/layers.csv (train/diagnostics.hpp, on the first images of the validation or training set).
///
/// Empty cells: no evaluation was asked for in that epoch. Accuracies are shares, SQNR is in dB, `step` counts the
/// updates done. A file that cannot be written does not end the run: the rows are written after the next epoch.
class MetricsHook final : public TrainHook {
 public:
  /// `phase` tells the trainings of one run apart ("train", "limpq indicators", "fine-tune"). With `images`, a batch
  /// of bytes [N,H,W,C], the layers are diagnosed on them.
  explicit MetricsHook(const std::string& folder, std::string phase = "train", Tensor<std::uint8_t> images = {},
                       SayLine say = {})
      : phase_(std::move(phase)),
        images_(std::move(images)),
        metrics_(folder + "/metrics.csv", {"epoch", "phase", "step", "learning_rate", "train_loss", "train_accuracy",
                                           "test_loss", "test_accuracy", "arithmetic", "images_per_second"}),
        layers_(folder + "/layers.csv", {"epoch", "phase", "layer", "role", "bits", "clipped_share", "sqnr_db",
                                         "codes_used", "codes_available", "step"}),
        save_("the table of metrics", std::move(say)) {}

  /// The next trainings go under this name.
  void set_phase(std::string phase) { phase_ = std::move(phase); }
  /// Keeps what the files hold of the first `epochs` epochs: the run is resumed behind them.
  void resume_after(int epochs) {
    const auto keep = [epochs](const std::string& epoch) { return std::atoi(epoch.c_str()) <= epochs; };
    metrics_.continue_from_disk(keep);
    layers_.continue_from_disk(keep);
  }

  void on_epoch_end(TrainState& state) override {
    const std::string epoch = std::to_string(state.epoch + 1);
    const auto& test = state.evaluation;
    metrics_.add({epoch, phase_, std::to_string(state.step), number(state.optimizer.learning_rate()),
                  number(state.loss), number(state.accuracy), test ? number(test->loss) : "",
                  test ? number(test->accuracy()) : "", test ? test->arithmetic : "",
                  number(state.images_per_second)});
    if (images_.defined()) add_layers(state, epoch);
    save();
  }
  void on_train_end(TrainState&) override {
    if (!error().empty()) save();
  }
  /// Why the last rows could not be written; empty: they are.
  const std::string& error() const { return save_.error(); }

 private:
  void add_layers(TrainState& state, const std::string& epoch) {
    const auto layers = diagnose(state.model, encode_images<float>(images_, state.loader.encoding()));
    diagnosed_ = diagnosed_ || !layers.empty();
    for (const LayerDiagnostics& d : layers)
      layers_.add({epoch, phase_, d.site, d.role == QuantRole::kWeights ? "weights" : "activations",
                   std::to_string(d.bits), number(d.clipped_share), number(d.sqnr_db), std::to_string(d.codes_used),
                   std::to_string(d.codes_available), number(d.step)});
  }
  void save() {
    save_.attempt("after the next epoch", [this] {
      metrics_.save();
      if (diagnosed_) layers_.save();
    });
  }
  static std::string number(double value) {
    char buffer[40];
    std::snprintf(buffer, sizeof buffer, "%.8g", value);
    return buffer;
  }

  std::string phase_;
  Tensor<std::uint8_t> images_;
  bool diagnosed_ = false;
  CsvFile metrics_, layers_;
  TolerantSave save_;
};

}  // namespace bitgrain
