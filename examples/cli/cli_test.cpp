// The bitgrain program from outside: what it prints, writes and exits with. The runs are tiny: what is learned does
// not matter here.

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>

#include "bitgrain/data/png_writer.hpp"
#include "bitgrain/run/json_file.hpp"
#include "bitgrain/run/safetensors.hpp"
#include "program.hpp"

using namespace bitgrain;

namespace {

// Enough to train something for a moment.
const std::string kTiny = " --train-images 200 --test-images 50 --batch 50 --epochs 1";

}  // namespace

TEST_CASE("every command explains itself, with an example") {
  const TestFolder folder("cli");
  const Program bitgrain(folder);
  const Result help = expect(bitgrain, "--help", 0);
  for (const char* name :
       {"train", "import", "calibrate", "search", "eval", "predict", "info", "export", "solve", "cost", "bench"}) {
    CHECK(contains(help.out, std::string("\n  ") + name + " "));
    const Result one = expect(bitgrain, std::string(name) + " --help", 0);
    CHECK(contains(one.out, std::string("Examples:\n  bitgrain ") + name));
  }
  CHECK(contains(expect(bitgrain, "--version", 0).out, "kernels for"));
}

TEST_CASE("wrong usage is exit code 2 and names what is wrong") {
  const TestFolder folder("cli");
  const Program bitgrain(folder);
  const auto says = [&](const std::string& words, const std::string& part) {
    const Result result = expect(bitgrain, words, 2);
    INFO(result.err);
    CHECK(contains(result.err, part));
  };
  says("", "command");
  says("trian", "no command 'trian'; did you mean train?");
  says("train --epoch 3", "no option --epoch; did you mean --epochs?");
  says("train --epochs many", "--epochs: expected a whole number from 1 to 100000, got 'many'");
  says("train --epochs 1 --epochs 2", "--epochs is given twice");
  says("train --lr 1e", "--lr: expected a number");
  says("train --model alexnet", "--model: expected lenet5");
  says("train --wbits 4", "--wbits needs a quantizer");
  says("train --method lsq --wbits 9", "--wbits: expected 1 to 8, or 32");
  says("search --init x", "--budget-avg-bits");
  says("search --budget-avg-bits 3", "--init is missing");
  says("eval", "MODEL is missing");
  says("eval runs/x --kernels times.json", "--kernels needs a packed model.bgm");
  says("bench", "MODEL is missing (or --tune)");
  says("bench model.bgm --out times.json", "--out is for the times that --tune or --all-bits measures");
  says("bench runs/x --all-bits --tune", "--all-bits goes without --tune");
  says("search --init x --budget-latency 3", "--budget-latency: expected a time with its unit");
  says("search --init x --budget-latency -3ms", "--budget-latency: expected a time with its unit");
  says("search --init x --budget-latency 3ms --abits 32", "--budget-latency needs activations of 1 to 8 bits");
  says("search --init x --budget-bytes 3 --latencies times.json", "--latencies is for --budget-latency");
  says("cost --measure --latencies times.json", "give --measure or --latencies");
  says("cost --image 3x3", "--image: expected HEIGHTxWIDTHxCHANNELS");
  write_json_file(folder / "recipe.json", Json{{"epochz", 1}});
  says("train --config recipe.json", "recipe 'recipe.json': the key 'epochz' is no option of 'bitgrain train'");
  write_json_file(folder / "recipe.json", Json{{"epochs", "x"}});
  says("train --config recipe.json", "recipe 'recipe.json': --epochs: expected");
}

TEST_CASE("the shipped recipes are accepted") {
  const TestFolder folder("cli");
  const Program bitgrain(folder);
  int recipes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(BITGRAIN_SOURCE_DIR "/examples/recipes")) {
    const std::string path = entry.path().string();
    const auto command = json_field<std::string>(read_json_file(path), "command", path);
    // Everything in it is known; then the files that are not there end the run.
    const std::string missing = command == "search" ? " --init nothing" : " --data-dir nothing";
    const Result result = expect(bitgrain, command + " --config " + path + missing, 1);
    CHECK(contains(result.err, "nothing"));
    ++recipes;
  }
  CHECK(recipes >= 3);
}

TEST_CASE("what fails is exit code 1 and names the file") {
  const TestFolder folder("cli");
  const Program bitgrain(folder);
  CHECK(contains(expect(bitgrain, "eval nothing.safetensors", 1).err, "file 'nothing.safetensors' does not exist"));
  CHECK(contains(expect(bitgrain, "info nothing.bgm", 1).err, "nothing.bgm"));
  CHECK(contains(expect(bitgrain, "train --data mnist --data-dir .", 1).err, "train-images"));
  write_json_file(folder / "search.json", Json{{"command", "search"}});
  CHECK(contains(expect(bitgrain, "train --config search.json", 1).err, "for 'bitgrain search'"));
}

TEST_CASE("solve prints the optimum, and exits with 0 only if there is one") {
  const TestFolder folder("cli");
  const Program bitgrain(folder);
  const auto problem = [&](double limit) {
    write_json_file(folder / "problem.json", Json::parse(R"({"groups": [
      {"name": "a", "choices": [{"label": "w2", "value": 3, "costs": {"size": 2}},
                                {"label": "w4", "value": 1, "costs": {"size": 4}}]},
      {"name": "b", "choices": [{"label": "w2", "value": 5, "costs": {"size": 2}},
                                {"label": "w4", "value": 1, "costs": {"size": 4}}]}],
      "limits": {"size": )" + std::to_string(limit) + "}}"));
  };
  problem(6);
  const Json answer = parse_json(expect(bitgrain, "solve problem.json", 0).out, "output");
  CHECK(answer["status"] == "optimal");
  CHECK(answer["value"] == 4);
  CHECK(answer["choice"]["a"] == "w2");
  CHECK(answer["choice"]["b"] == "w4");
  CHECK(answer["costs"]["size"] == 6);
  problem(3);
  const Json none = parse_json(expect(bitgrain, "solve problem.json", 1).out, "output");
  CHECK(none["status"] == "infeasible");
  write_file_atomically(folder / "problem.json", "{");
  CHECK(contains(expect(bitgrain, "solve problem.json", 1).err, "problem.json', offset"));
}

TEST_CASE("cost prints a network's costs without training") {
  const TestFolder folder("cli");
  const Program bitgrain(folder);
  const Result result = expect(bitgrain, "cost --model resnet20 --wbits 4 --abits 4", 0);
  CHECK(contains(result.out, "268,336"));  // weights of convolutions and head
  CHECK(contains(result.out, "134,168"));  // bytes: half of that
  write_json_file(folder / "bits.json", Json{{"weights", {{"head", 2}}}});
  CHECK(contains(expect(bitgrain, "cost --model resnet20 --bits bits.json", 0).out, "head"));
  write_json_file(folder / "bits.json", Json{{"weights", {{"nose", 2}}}});
  CHECK(contains(expect(bitgrain, "cost --model resnet20 --bits bits.json", 1).err, "layer 'nose'"));
}

TEST_CASE("latency: measured once at all bits, a limit of a search, a column of cost") {
  const TestFolder folder("cli");
  const Program bitgrain(folder);
  expect(bitgrain, "train --model lenet5 --lr 0.02 --out runs/float" + kTiny, 0);
  const Result timed = expect(bitgrain, "bench runs/float --all-bits --seconds 0 --out times.json", 0);
  CHECK(contains(timed.out, "fc1"));
  CHECK(contains(timed.out, "between the layers: "));
  const Result table = expect(bitgrain, "cost --model lenet5 --image 28x28x1 --latencies times.json", 0);
  CHECK(contains(table.out, "one image alone on one thread"));
  CHECK(contains(expect(bitgrain, "cost --model lenet5 --image 28x28x1 --measure", 0).out, "one image alone"));
  CHECK(contains(expect(bitgrain, "cost --model lenet5 --image 32x32x3 --latencies times.json", 1).err,
                 "file 'times.json': layer \"conv1\" (3 -> 32 channels, 25 taps"));

  const std::string search = "search --init runs/float --method sensitivity --latencies times.json" + kTiny;
  const Result found = expect(bitgrain, search + " --budget-latency 1s --out runs/fast", 0);
  CHECK(contains(found.out, " per image alone"));
  CHECK(folder.text("runs/fast/kernels.json") == folder.text("times.json"));
  CHECK(read_json_file(folder / "runs/fast/summary.json")["latency_seconds"].get<double>() <= 1);
  CHECK(read_json_file(folder / "runs/fast/config.json")["budget-latency"] == "1 s");
  expect(bitgrain, "eval runs/fast/model.bgm --kernels runs/fast/kernels.json --test-images 10", 0);
  const Result none = expect(bitgrain, search + " --budget-latency 1ns --out runs/none", 1);
  CHECK(contains(none.err, "The least possible latency is "));
  CHECK(contains(none.err, "the limit is 1 ns"));

  Json broken = read_json_file(folder / "times.json");
  broken["times"][0]["single_ns"] = -1;
  write_json_file(folder / "broken.json", broken);
  CHECK(contains(expect(bitgrain, "cost --model lenet5 --image 28x28x1 --latencies broken.json", 1).err,
                 "file 'broken.json', time number 1, 'single_ns': expected a time above 0, got -1"));
}

TEST_CASE("weights go out in PyTorch's layout and come back to the same network, through safetensors and .npy") {
  const TestFolder folder("cli");
  const Program bitgrain(folder);
  expect(bitgrain, "train --model lenet5 --method lsq --wbits 4 --abits 4 --lr 0.02 --out runs/few" + kTiny, 0);
  expect(bitgrain, "train --model lenet5 --lr 0.02 --out runs/float" + kTiny, 0);
  expect(bitgrain, "export runs/float --to safetensors --layout pytorch --out pt.safetensors", 0);
  expect(bitgrain, "export runs/few --to npy --layout pytorch --out pt", 0);
  CHECK(folder.has("pt/fc1.weight.npy"));
  CHECK(std::distance(std::filesystem::directory_iterator(folder / "pt"), {}) == 8);  // no quantizer's steps
  const SafetensorsFile there = SafetensorsFile::read(folder / "pt.safetensors");
  CHECK(there.entry("conv2.weight").shape == std::vector<std::uint64_t>{64, 32, 5, 5});

  const std::string images = " --model lenet5 --test-images 50";
  const Result imported = expect(bitgrain, "import pt.safetensors --layout pytorch --out runs/imported" + images, 0);
  CHECK(contains(imported.out, "8 tensors from pt.safetensors, in the layout of pytorch"));
  const SafetensorsFile before = SafetensorsFile::read(folder / "runs/float/model.safetensors"),
                        after = SafetensorsFile::read(folder / "runs/imported/model.safetensors");
  for (const SafetensorsEntry& e : before.entries()) {
    CAPTURE(e.name);
    CHECK(std::ranges::equal(before.bytes(e), after.bytes(after.entry(e.name))));
  }
  // The other order is noticed by its shapes.
  const Result wrong = expect(bitgrain, "import pt.safetensors" + images, 1);
  CHECK(contains(wrong.err,
                 "of another shape: 'conv2.weight' [64,32,5,5], the network's 'conv2.weight' has [64,5,5,32]"));
  expect(bitgrain, "train --weights pt --layout pytorch --model lenet5 --lr 0 --out runs/again" + kTiny, 0);
  CHECK(contains(expect(bitgrain, "train --weights pt --init runs/float", 2).err, "--init and --weights"));
}

TEST_CASE("from training to a packed model: train, search, info, eval, predict, calibrate, export") {
  const TestFolder folder("cli");
  const Program bitgrain(folder);
  expect(bitgrain, "train --model lenet5 --lr 0.02 --out runs/float" + kTiny, 0);
  CHECK(folder.has("runs/float/model.safetensors"));
  CHECK_FALSE(folder.has("runs/float/checkpoint.safetensors"));
  CHECK(contains(folder.text("runs/float/metrics.csv"), "\n1,train,4,"));
  CHECK(read_json_file(folder / "runs/float/summary.json")["finished"] == true);
  // Never over an earlier run.
  CHECK(contains(expect(bitgrain, "train --model lenet5 --out runs/float" + kTiny, 1).err, "--force"));

  const Result found = expect(bitgrain, "search --init runs/float --budget-avg-bits 3 --out runs/few" + kTiny, 0);
  CHECK(contains(found.err, "limpq: integer program optimal"));
  const Json summary = read_json_file(folder / "runs/few/summary.json");
  CHECK(summary["average_weight_bits"].get<double>() <= 3);
  CHECK(summary["model_bytes"].get<std::int64_t>() ==
        static_cast<std::int64_t>(std::filesystem::file_size(folder / "runs/few/model.bgm")));
  CHECK(contains(folder.text("runs/few/layers.csv"), "fine-tune,conv1,weights,"));

  const Result info = expect(bitgrain, "info runs/few/model.bgm", 0);
  CHECK(contains(info.out, "1024x512"));
  CHECK(contains(info.out, "integer arithmetic"));
  CHECK(contains(info.out, "an arena of "));
  const Result packed = expect(bitgrain, "eval runs/few/model.bgm --verify --test-images 10", 0);
  CHECK(contains(packed.out, "(integer engine)"));
  CHECK(contains(packed.out, " codes compared, 0 differ"));
  CHECK(contains(expect(bitgrain, "eval runs/few --verify --test-images 10", 0).out, "training graph in double"));

  write_png(folder / "image.png", Tensor<std::uint8_t>(Shape{28, 28, 1}, std::uint8_t{9}));
  write_png(folder / "small.png", Tensor<std::uint8_t>(Shape{20, 28, 1}, std::uint8_t{9}));
  const Result predicted = expect(bitgrain, "predict runs/few/model.bgm image.png --top 3", 0);
  CHECK(std::count(predicted.out.begin(), predicted.out.end(), '%') == 3);
  CHECK(contains(expect(bitgrain, "predict runs/few image.png small.png", 1).err, "has 20 x 28 pixels"));

  // Whichever kernels run, the logits are the same.
  const Result timed = expect(bitgrain, "bench runs/few --seconds 0.001", 0);
  CHECK(contains(timed.out, "bit_serial"));
  CHECK(contains(timed.out, "total, chosen"));
  expect(bitgrain, "bench runs/few --seconds 0 --tune --out times.json", 0);
  CHECK(expect(bitgrain, "predict runs/few image.png --top 3 --kernels times.json", 0).out == predicted.out);
  write_json_file(folder / "none.json", Json{{"times", Json::array()}});
  CHECK(expect(bitgrain, "predict runs/few image.png --top 3 --kernels none.json", 0).out == predicted.out);
  CHECK(contains(expect(bitgrain, "predict runs/few image.png --kernels image.png", 1).err, "file 'image.png'"));
  CHECK(contains(expect(bitgrain, "eval runs/few/model.bgm --kernels none.json --verify --test-images 10", 0).out,
                 " codes compared, 0 differ"));

  const Result calibrated = expect(
      bitgrain, "calibrate runs/float --train-images 200 --test-images 50 --wbits 8 --abits 8 --out runs/ptq", 0);
  CHECK(contains(calibrated.out, " after (integer engine)"));
  CHECK(folder.has("runs/ptq/model.bgm"));

  expect(bitgrain, "export runs/few --to bgm --out copy.bgm", 0);
  CHECK(folder.text("copy.bgm") == folder.text("runs/few/model.bgm"));
  CHECK(contains(expect(bitgrain, "export runs/float --to bgm --out x.bgm", 1).err, "quantize it first"));
  expect(bitgrain, "export runs/few/model.bgm --to npy --out codes", 0);
  CHECK(std::filesystem::file_size(folder / "codes/conv1.codes.npy") == 128 + 32 * 25);
}
