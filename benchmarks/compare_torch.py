#!/usr/bin/python3
"""Training steps of bitgrain and of PyTorch, run alternately: images per second, their ratios, resident memory.

    benchmarks/compare_torch.py --model resnet20|lenet5|vgg7 --mode fp32|bf16|lsq|lsq_bf16|qat8 --threads N [--pairs 5] [--json FILE]

One pair is a run of bitgrain's benchmark program bench_train and a run of PyTorch (Debian: python3-torch), each in a
process of its own; every second pair starts with PyTorch. A step is forward, cross-entropy, backward and SGD with
momentum and weight decay, on the same network, batch size and random images. PyTorch runs at its best: channels_last
tensors and an allocator that never returns memory to the system (by default it loses a quarter of its time to page
faults); mode bf16 is its CPU autocast. Mode lsq is learned step size quantization to 4 bits of all weights and
activations, for PyTorch written as a researcher does, in Python with a straight-through estimator; lsq_bf16 the same
under autocast, against bitgrain's bf16 backward. Mode qat8 is 8 bits of weights and activations: PyTorch's own
quantization-aware training (torch.ao, batch norm folded into the convolutions, its fbgemm configuration with weights
per channel or the plain one per tensor, whichever is faster) against bitgrain's LSQ. Both sides count memory alike:
the peak of resident memory minus what was resident before the model was built. Run on an otherwise idle machine.
"""

import argparse
import importlib.util
import json
import math
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

# bench_train's name of a mode.
ROW = {"fp32": "fp32", "bf16": "bf16", "lsq": "lsq_w4a4", "lsq_bf16": "lsq_w4a4_bf16", "qat8": "lsq_w8a8"}
BATCH = {"resnet20": 128, "lenet5": 128, "vgg7": 100}
SHAPE = {"resnet20": (3, 32, 32), "lenet5": (1, 28, 28), "vgg7": (3, 32, 32)}


# --- PyTorch's side, in a process of its own -------------------------------------------------------------------------

def resident_kib(key):
    with open("/proc/self/status", encoding="ascii") as status:
        return int(re.search(rf"{key}:\s+(\d+)", status.read()).group(1))


def build_network(name, quantized):
    """The networks of bitgrain's models: the same layers in the same order. Quantized: 4-bit LSQ at the same places."""
    import torch
    from torch import nn

    class Lsq(nn.Module):
        """Learned step size quantization (Esser et al., ICLR 2020), one step; unsigned it is the ReLU as well."""

        def __init__(self, signed, bits=4):
            super().__init__()
            self.low, self.high = (-2 ** (bits - 1), 2 ** (bits - 1) - 1) if signed else (0, 2 ** bits - 1)
            self.step, self.ready = nn.Parameter(torch.tensor(1.0)), False

        def forward(self, x):
            if not self.ready:
                with torch.no_grad():
                    self.step.copy_(2 * x.abs().mean() / math.sqrt(self.high))
                self.ready = True
            scale = 1 / math.sqrt(x.numel() * self.high)
            step = (self.step - self.step * scale).detach() + self.step * scale
            v = (x / step).clamp(self.low, self.high)
            return ((v.round() - v).detach() + v) * step

    class QuantizedConv2d(nn.Conv2d):
        def __init__(self, *arguments, **keywords):
            super().__init__(*arguments, **keywords)
            self.quantizer = Lsq(signed=True)

        def forward(self, x):
            return nn.functional.conv2d(x, self.quantizer(self.weight), self.bias, self.stride, self.padding)

    class QuantizedLinear(nn.Linear):
        def __init__(self, *arguments, **keywords):
            super().__init__(*arguments, **keywords)
            self.quantizer = Lsq(signed=True)

        def forward(self, x):
            return nn.functional.linear(x, self.quantizer(self.weight), self.bias)

    conv2d, linear = (QuantizedConv2d, QuantizedLinear) if quantized else (nn.Conv2d, nn.Linear)

    def activation():
        return Lsq(signed=False) if quantized else nn.ReLU(inplace=True)

    def conv(inputs, outputs, stride=1):
        return conv2d(inputs, outputs, 3, stride, 1, bias=False)

    class Block(nn.Module):
        """A basic block with shortcut A: every second pixel, (outputs - inputs) / 2 zero channels on each side."""

        def __init__(self, inputs, outputs, stride):
            super().__init__()
            self.conv1, self.bn1 = conv(inputs, outputs, stride), nn.BatchNorm2d(outputs)
            self.conv2, self.bn2 = conv(outputs, outputs), nn.BatchNorm2d(outputs)
            self.act1, self.act2 = activation(), activation()
            self.stride, self.pad = stride, (outputs - inputs) // 2

        def forward(self, x):
            y = self.act1(self.bn1(self.conv1(x)))
            y = self.bn2(self.conv2(y))
            if self.stride > 1:
                x = nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))
            return self.act2(y + x)

    if name == "lenet5":
        return nn.Sequential(conv2d(1, 32, 5), activation(), nn.MaxPool2d(2), conv2d(32, 64, 5), activation(),
                             nn.MaxPool2d(2), nn.Flatten(), linear(1024, 512), activation(), linear(512, 10))
    layers, inputs = [], 3
    if name == "vgg7":
        for i, outputs in enumerate((128, 128, 256, 256, 512, 512)):
            layers += [conv(inputs, outputs), nn.BatchNorm2d(outputs), activation()]
            layers += [nn.MaxPool2d(2)] if i % 2 else []
            inputs = outputs
        return nn.Sequential(*layers, nn.Flatten(), linear(8192, 1024, bias=False), nn.BatchNorm1d(1024),
                             activation(), linear(1024, 10))
    layers += [conv(3, 16), nn.BatchNorm2d(16), activation()]
    inputs = 16
    for outputs in (16, 32, 64):
        for block in range(3):
            layers.append(Block(inputs, outputs, 2 if outputs > 16 and block == 0 else 1))
            inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), *([Lsq(signed=False, bits=8)] if quantized else []),
                         linear(64, 10))


def with_torch_qat(network, images, per_channel):
    """torch.ao's quantization-aware training at 8 bits: fused modules, fake quantizers of weights and activations."""
    import warnings
    from torch.ao import quantization
    from torch.ao.quantization import quantize_fx
    warnings.simplefilter("ignore")
    qconfig = quantization.get_default_qat_qconfig("fbgemm")
    if not per_channel:
        qconfig = quantization.QConfig(activation=qconfig.activation,
                                       weight=quantization.fake_quantize.default_fused_wt_fake_quant)
    mapping = quantization.QConfigMapping().set_global(qconfig)
    return quantize_fx.prepare_qat_fx(network.train(), mapping, (images,))


def run_torch_here(model, mode, threads, seconds):
    import torch
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    images = torch.randn(BATCH[model], *SHAPE[model]).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (BATCH[model],))
    before = resident_kib("VmRSS")
    network = build_network(model, mode.startswith("lsq"))
    if mode.startswith("qat8"):
        network = with_torch_qat(network, images, per_channel=mode == "qat8_per_channel")
    network = network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4)
    loss_of = torch.nn.CrossEntropyLoss()

    def step():
        optimizer.zero_grad(set_to_none=True)
        if mode.endswith("bf16"):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = network(images)
            loss = loss_of(logits.float(), labels)
        else:
            loss = loss_of(network(images), labels)
        loss.backward()
        optimizer.step()

    for _ in range(2):
        step()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    print(json.dumps({"images_per_s": BATCH[model] / statistics.median(times),
                      "peak_mib": (resident_kib("VmHWM") - before) / 1024}))


# --- both sides ------------------------------------------------------------------------------------------------------

def last_line_of(command, environment, who):
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{who} failed ({' '.join(map(str, command))}):\n{done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def torch_python():
    """An interpreter that has PyTorch: this one, or Debian's, where python3-torch is."""
    return sys.executable if importlib.util.find_spec("torch") else "/usr/bin/python3"


def run_torch(options):
    environment = {"OMP_NUM_THREADS": str(options.threads), "OPENBLAS_NUM_THREADS": str(options.threads),
                   "OPENBLAS_CORETYPE": "SkylakeX", "MALLOC_MMAP_THRESHOLD_": "4294967296",
                   "MALLOC_TRIM_THRESHOLD_": "4294967296"}
    # Of several variants, the fastest competes.
    results = []
    for mode in ("qat8_per_channel", "qat8_per_tensor") if options.mode == "qat8" else (options.mode,):
        command = [torch_python(), __file__, "--torch-worker", mode, "--model", options.model,
                   "--threads", str(options.threads), "--seconds", str(options.seconds)]
        result = json.loads(last_line_of(command, environment, "PyTorch"))
        results.append((result["images_per_s"], result["peak_mib"]))
    return max(results)


def run_bitgrain(options):
    program = options.bin / "bench_train"
    if not program.exists():
        sys.exit(f"{program} does not exist: build it with -DBITGRAIN_BUILD_BENCHMARKS=ON, or name its folder by --bin")
    row = f"train_step/bitgrain/{options.model}_{ROW[options.mode]}/real_time"
    output = last_line_of([program, f"--threads={options.threads}", f"--benchmark_filter=^{row}$",
                           f"--benchmark_min_time={options.seconds}", "--benchmark_format=json"],
                          {"OMP_NUM_THREADS": str(options.threads)}, "bitgrain")
    if not output.strip():
        sys.exit(f"bench_train has no row {row}")
    result = json.loads(output)["benchmarks"][0]
    return result["items_per_second"], result["peak_MiB"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=BATCH, required=True)
    parser.add_argument("--mode", choices=ROW, default="fp32", help="bf16: bitgrain's bf16 backward against "
                        "PyTorch's bf16 autocast; lsq: 4-bit LSQ; qat8: 8-bit LSQ against torch.ao")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=5, help="runs of each side (default 5)")
    parser.add_argument("--seconds", type=float, default=4, help="measured time of one run (default 4)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the result there")
    parser.add_argument("--bin", type=pathlib.Path, help="folder of bench_train (default build/release/bin)",
                        default=pathlib.Path(__file__).resolve().parent.parent / "build" / "release" / "bin")
    parser.add_argument("--torch-worker", metavar="MODE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.threads < 1 or options.pairs < 1:
        parser.error("--threads and --pairs take at least 1")
    if options.torch_worker:
        return run_torch_here(options.model, options.torch_worker, options.threads, options.seconds)

    print(f"{options.model} {options.mode}, batch {BATCH[options.model]}, {options.threads} thread(s)")
    print(f"{'pair':>4} {'bitgrain img/s':>15} {'PyTorch img/s':>14} {'ratio':>6}")
    ours, theirs = [], []
    for pair in range(options.pairs):
        sides = [(ours, run_bitgrain), (theirs, run_torch)]
        for results, run in sides if pair % 2 == 0 else reversed(sides):
            results.append(run(options))
        print(f"{pair + 1:4d} {ours[-1][0]:15.1f} {theirs[-1][0]:14.1f} {ours[-1][0] / theirs[-1][0]:6.3f}", flush=True)
    ratios = [a[0] / b[0] for a, b in zip(ours, theirs)]
    median = statistics.median
    print(f"median ratio {median(ratios):.3f} (lowest {min(ratios):.3f}, highest {max(ratios):.3f}); added resident "
          f"memory {median(m for _, m in ours):.0f} MiB against {median(m for _, m in theirs):.0f} MiB")
    if options.json:
        result = {"model": options.model, "mode": options.mode, "threads": options.threads,
                  "bitgrain_images_per_s": median(r for r, _ in ours),
                  "torch_images_per_s": median(r for r, _ in theirs),
                  "ratio_median": median(ratios), "ratio_min": min(ratios), "ratio_max": max(ratios),
                  "bitgrain_added_mib": median(m for _, m in ours), "torch_added_mib": median(m for _, m in theirs)}
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return None


if __name__ == "__main__":
    main()
