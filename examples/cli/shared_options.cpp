#include "shared_options.hpp"

#include <optional>

namespace cli {

void DataOptions::declare(OptionSet& options, bool with_input) {
  options.group("Data");
  options.choice("--data", data, {"mnist-sample", "mnist", "fashion-mnist", "cifar10", "cifar100", "folder"},
                 "the data set");
  options.text("--data-dir", dir, "DIR", "where its files are; examples/data/fetch.sh brings the full sets");
  options.whole("--train-images", train_images, 0, INT32_MAX,
                "use so many training images, equally many per class; 0: all");
  options.whole("--test-images", test_images, 0, INT32_MAX, "the same for the test images");
  options.whole("--channels", channels, 1, 3, "of the images of --data folder: 1 grey, 3 colour");
  if (with_input)
    options.choice("--input", input, {"normalised", "bytes"},
                   "how pixels become numbers: (x - mean) / deviation as signed 8-bit codes, or x / 255");
}

void ModelOptions::declare(OptionSet& options) {
  options.group("Network");
  options.choice("--model", model,
                 {"lenet5", "vgg7", "resnet8", "resnet20", "resnet32", "resnet44", "resnet56", "resnet110"},
                 "the architecture");
  options.choice("--shortcut", shortcut, {"A", "B"},
                 "of residual networks where the size changes: no weights, or 1x1 convolutions");
}

bitgrain::ModelSpec ModelOptions::spec(const bitgrain::ImageDataset& images) const {
  return {model, {images.height(), images.width(), images.channels()}, images.num_classes(), shortcut};
}

void WeightOptions::declare(OptionSet& options, bool with_path) {
  if (with_path)
    options.text(
        "--weights", path, "PATH",
        "start from float weights of another program: a safetensors file, a folder of NAME.npy files, or one "
        "NAME.npy");
  options.choice(
      "--layout", layout, {"bitgrain", "pytorch"},
      "the order in files of weights: bitgrain's [out, kh, kw, in] and channels last, or PyTorch's [out, in, "
      "kh, kw] and channels first where a linear layer reads a flattened image");
}

void QuantOptions::declare(OptionSet& options, const std::vector<std::string>& methods) {
  options.group("Quantization");
  if (!methods.empty()) options.choice("--method", method, methods, "the quantizer");
  options.whole("--wbits", weight_bits, 1, 32, "bits of the weights, 1 to 8; 32: float");
  options.whole("--abits", activation_bits, 1, 32, "bits of the activations, 1 to 8; 32: float");
  options.whole("--first-last-bits", first_last_bits, 0, 8,
                "weight bits of the first and the last layer; 0: as all others");
  options.text("--bits", bits, "FILE",
               "bits by name, as a search writes them (allocation.json); others stay at --wbits and --abits");
  options.flag("--per-channel", per_channel, "a weight step for every output channel instead of one for the layer");
}

void TrainingOptions::declare(OptionSet& options) {
  options.group("Training");
  options.whole("--epochs", epochs, 1, 100000, "how often the training images are gone through");
  options.whole("--batch", batch, 1, 65536, "images per step");
  options.real("--lr", learning_rate, 0, 1000, "largest learning rate");
  options.choice("--schedule", schedule, {"one-cycle", "cosine", "step", "constant"},
                 "how the learning rate goes on");
  options.real("--rise", rise, 0, 1, "share of the steps after which --schedule one-cycle is at its largest rate");
  options.whole("--step-epochs", step_epochs, 1, 100000, "epochs between the steps of --schedule step");
  options.real("--step-factor", step_factor, 0, 1, "what each step multiplies by");
  options.whole("--warmup-epochs", warmup_epochs, 0, 100000, "epochs of linear rise before cosine, step or constant");
  options.choice("--optimizer", optimizer, {"sgd", "adam", "adamw"}, "sgd is with Nesterov momentum");
  options.real("--momentum", momentum, 0, 0.9999, "of sgd");
  options.real("--weight-decay", weight_decay, 0, 1, "of weights; biases, batch norm and step sizes do not decay");
  options.flag("--decay-all", decay_all, "let --weight-decay act on biases and batch norm too");
  options.real("--label-smoothing", label_smoothing, 0, 0.999, "share of the label spread over all classes");
  options.real("--clip-norm", clip_norm, 0, 1e6, "largest norm of the gradient; 0: any");
  options.choice("--augment", augment, {"none", "pad-crop", "pad-crop-flip"}, "what happens to training images");
  options.whole("--pad", pad, 0, 64, "pixels of --augment");
  options.whole("--evaluate-every", evaluate_every, 1, 100000,
                "epochs between evaluations; the last epoch always is");
}

void TrainingOptions::declare_finetune(OptionSet& options) {
  epochs = 4;
  learning_rate = 0.02;
  weight_decay = 1e-4;
  options.group("Fine-tune");
  options.whole("--epochs", epochs, 1, 100000, "how often the training images are gone through");
  options.whole("--batch", batch, 1, 65536, "images per step");
  options.real("--lr", learning_rate, 0, 1000, "largest learning rate of the one cycle");
  options.real("--weight-decay", weight_decay, 0, 1, "of weights; biases, batch norm and step sizes do not decay");
  options.real("--label-smoothing", label_smoothing, 0, 0.999, "share of the label spread over all classes");
  options.choice("--augment", augment, {"none", "pad-crop", "pad-crop-flip"}, "what happens to training images");
  options.whole("--pad", pad, 0, 64, "pixels of --augment");
}

void TrainingOptions::declare_arithmetic(OptionSet& options) {
  options.flag(
      "--no-winograd", no_winograd,
      "sum all float convolutions directly: slower, rounds less (Winograd's method is used where it is faster)");
  options.choice("--grad-precision", grad_precision, {"fp32", "bf16"},
                 "what the backward passes of convolutions multiply: floats, or floats rounded to bf16");
  options.flag("--profile", profile, "print at the end where the time of a training step went, op by op")
      .unrecorded();
}

void TrainingOptions::declare_checkpoints(OptionSet& options) {
  options
      .real(
          "--checkpoint-seconds", checkpoint_seconds, 0, 1e9,
          "save where the run stands so many seconds after the last time, besides at the end of every epoch; 0: not "
          "by the clock")
      .unrecorded();
  options
      .whole("--checkpoint-steps", checkpoint_steps, 0, std::int64_t{1} << 40, "the same by steps; 0: not by steps")
      .unrecorded();
}

void BudgetOptions::declare(OptionSet& options) {
  options.group("Budget (upper limits; several at once; 0: no limit)");
  options.real("--budget-avg-bits", average_bits, 0, 32, "average bits per weight");
  options.real("--budget-bytes", payload_bytes, 0, 1e15, "bytes of all packed weights");
  options.real("--budget-model-bytes", model_bytes, 0, 1e15, "bytes of the packed model file, constants included");
  options.real("--budget-bitops", bitops, 0, 1e18,
               "multiply-accumulates times weight bits times input bits, of one image");
  options.real("--budget-activation-sum", activation_sum, 0, 1e15, "bytes of all activations of one image");
  options.real("--budget-activation-max", activation_max, 0, 1e15, "bytes of the largest activation tensor");
  options.real("--budget-activation-peak", activation_peak, 0, 1e15,
               "bytes of activations that are alive at the same time");
  options.time("--budget-latency", latency,
               "what the engine takes for one image alone on one thread, with its unit, such as 2.5ms or 310us");
}

bitgrain::Budget BudgetOptions::budget() const {
  const auto limit = [](double value) { return value > 0 ? std::optional<double>(value) : std::nullopt; };
  return {limit(average_bits),   limit(payload_bytes),  limit(model_bytes),     limit(bitops),
          limit(activation_sum), limit(activation_max), limit(activation_peak), limit(latency)};
}

void RunOptions::declare(OptionSet& options, bool with_seed) {
  options.group("Run");
  if (with_seed)
    options.seed("--seed", seed, "of everything random; same seed, same weights, with any number of threads");
  declare_threads(options, threads);
  options.text("--out", out, "DIR", "the run folder; default: a new one below runs/").unrecorded();
  options.flag("--force", force, "replace the run that is in --out").unrecorded();
  options.text("--config", config, "FILE", "a recipe: options from a JSON file; the command line has the last word")
      .unrecorded();
}

void declare_threads(OptionSet& options, int& threads) {
  options.whole("--threads", threads, 0, 4096, "threads to compute with; 0: all cores").unrecorded();
}

}  // namespace cli
