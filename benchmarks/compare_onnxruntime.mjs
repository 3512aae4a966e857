#!/usr/bin/env node
// ResNet-20 inference in 8 bits: bitgrain's engine and onnxruntime, run alternately; images per second and ratios.
//
//     npm install --ignore-scripts --prefix FOLDER onnxruntime-node
//     benchmarks/compare_onnxruntime.mjs --onnxruntime FOLDER [--threads 1] [--pairs 5] [--seconds 2] [--json FILE]
//                                        [--clock wall | cpu] [--bin FOLDER of bench_engine] [--keep-model FILE.onnx]
//
// One pair is a run of bench_engine and a run of onnxruntime, each in a process of its own; every second pair starts
// with onnxruntime. Both sides take raw image bytes and run the same layers (ResNet-20, shortcut A, 32x32x3 images)
// with s8 weights, one scale per output channel, u8 activations and 8-bit residual adds. The peer's model is written
// here, with random weights (time does not depend on them), in several forms, as a quantized network of float operators
// (QDQ) and in the integer operators that onnxruntime turns it into; all are timed first and the fastest competes. A
// call through Node costs it some microseconds, which are measured with a network that does nothing and shown.
// bitgrain also shows its networks of fewer bits; the ratios are those of 8 bits. Run on an otherwise idle machine;
// where there is none, `--clock cpu` counts the processor's time of each process instead (with one thread).

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync, readFileSync, existsSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const BATCHES = [1, 128];
const SIDE = 32;

// --- ONNX files: the few protocol-buffer fields a network needs --------------------------------------------------

const Type = { FLOAT: 1, UINT8: 2, INT8: 3, INT32: 6, INT64: 7 };

function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}
const integer = (field, value) => Buffer.concat([varint(field << 3), varint(value)]);
// Anything with a length: text, bytes, a message.
function chunk(field, content) {
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(content);
  return Buffer.concat([varint((field << 3) | 2), varint(bytes.length), bytes]);
}
const message = (...fields) => Buffer.concat(fields);

// Attributes are integers, lists of integers, or text.
function attribute(name, value) {
  const of = (type, ...fields) => message(chunk(1, name), ...fields, integer(20, type));
  if (Array.isArray(value)) return of(7, ...value.map((v) => integer(8, v)));
  if (typeof value === "string") return of(3, chunk(4, value));
  return of(2, integer(3, value));
}

class Graph {
  nodes = [];
  constants = [];
  count = 0;

  /// A tensor that is part of the file; `data` is a typed array.
  constant(type, dims, data) {
    const name = `c${this.count++}`;
    const raw = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    this.constants.push(message(...dims.map((d) => integer(1, d)), integer(2, type), chunk(8, name), chunk(9, raw)));
    return name;
  }
  /// Appends an operator and returns the name of its output.
  node(operator, inputs, attributes = {}, domain = "") {
    const output = `t${this.count++}`;
    this.nodes.push(
      message(
        ...inputs.map((input) => chunk(1, input)),
        chunk(2, output),
        chunk(3, output),
        chunk(4, operator),
        ...Object.entries(attributes).map(([name, value]) => chunk(5, attribute(name, value))),
        chunk(7, domain),
      ),
    );
    return output;
  }
  /// The file. A dimension may be a text: any size.
  model(input, output) {
    const value = ({ name, type, dims }) => {
      const shape = message(...dims.map((d) => chunk(1, typeof d === "string" ? chunk(2, d) : integer(1, d))));
      return message(chunk(1, name), chunk(2, chunk(1, message(integer(1, type), chunk(2, shape)))));
    };
    const graph = message(
      ...this.nodes.map((node) => chunk(1, node)),
      chunk(2, "network"),
      ...this.constants.map((constant) => chunk(5, constant)),
      chunk(11, value(input)),
      chunk(12, value(output)),
    );
    const operators = (domain, version) => chunk(8, message(chunk(1, domain), integer(2, version)));
    return message(integer(1, 8), operators("", 13), operators("com.microsoft", 1), chunk(7, graph));
  }
}

// --- ResNet-20 in 8 bits -----------------------------------------------------------------------------------------

// Ways to write the same network. Operators: QLinearConv and its like instead of float operators between
// QuantizeLinear and DequantizeLinear, which onnxruntime would fuse itself. Shortcut: of option A.
const FORMS = {
  "QDQ, shortcut by slice and pad": { operators: false, shortcut: "slice" },
  "operators, shortcut by slice and pad": { operators: true, shortcut: "slice" },
  "operators, shortcut by 1x1 convolution": { operators: true, shortcut: "conv" },
};

function resnet20({ operators, shortcut }) {
  const graph = new Graph();
  let seed = 1;
  const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32 - 0.5;
  const scalar = (value) => graph.constant(Type.FLOAT, [], Float32Array.of(value));
  const floats = (values) => graph.constant(Type.FLOAT, [values.length], Float32Array.from(values));
  const longs = (values) => graph.constant(Type.INT64, [values.length], BigInt64Array.from(values, BigInt));
  const u8 = (value) => graph.constant(Type.UINT8, [], Uint8Array.of(value));

  // A tensor of codes and what they mean. In QDQ form its name is that of the codes, too.
  const tensor = (name, scale, zero) => ({ name, scale: scalar(scale), zero: u8(zero), step: scale });
  const real = (x) => graph.node("DequantizeLinear", [x.name, x.scale, x.zero]);
  const quantized = (name, scale, zero) => {
    const y = tensor("", scale, zero);
    y.name = graph.node("QuantizeLinear", [name, y.scale, y.zero]);
    return y;
  };

  function conv(x, inputs, outputs, { kernel = 3, stride = 1, zero = 0 } = {}) {
    const taps = inputs * kernel * kernel;
    const weightStep = 0.02 / Math.sqrt(taps);
    const w = graph.constant(Type.INT8, [outputs, inputs, kernel, kernel],
                             Int8Array.from({ length: outputs * taps }, () => Math.round(random() * 254)));
    const steps = Array.from({ length: outputs }, () => weightStep * (1 + random() / 4));
    const wScale = floats(steps), wZero = graph.constant(Type.INT8, [outputs], new Int8Array(outputs));
    const bias = graph.constant(Type.INT32, [outputs], Int32Array.from(steps, () => Math.round(random() * 1000)));
    const attributes = { kernel_shape: [kernel, kernel], strides: [stride, stride],
                         pads: Array(4).fill((kernel - 1) / 2) };
    if (operators) {
      const y = tensor("", 0.02, zero);
      const inputs = [x.name, x.scale, x.zero, w, wScale, wZero, y.scale, y.zero, bias];
      y.name = graph.node("QLinearConv", inputs, attributes);
      return y;
    }
    const realW = graph.node("DequantizeLinear", [w, wScale, wZero], { axis: 0 });
    const biasZero = graph.constant(Type.INT32, [outputs], new Int32Array(outputs));
    const realB = graph.node("DequantizeLinear", [bias, floats(steps.map((s) => s * x.step)), biasZero], { axis: 0 });
    let y = graph.node("Conv", [real(x), realW, realB], attributes);
    if (zero === 0) y = graph.node("Relu", [y]);
    return quantized(y, 0.02, zero);
  }

  // Every second pixel, channels / 2 of zeros before and behind.
  function shortcutA(x, channels) {
    if (shortcut === "conv") return conv(x, channels, 2 * channels, { kernel: 1, stride: 2 });
    const from = operators ? x.name : real(x);
    const sliced = graph.node("Slice", [from, longs([0, 0]), longs([2 ** 30, 2 ** 30]), longs([2, 3]), longs([2, 2])]);
    const widths = longs([0, channels / 2, 0, 0, 0, channels / 2, 0, 0]);
    if (!operators) return quantized(graph.node("Pad", [sliced, widths, scalar(0)]), x.step, 0);
    return { ...x, name: graph.node("Pad", [sliced, widths, u8(0)]) };
  }

  // ReLU of a + b: codes below 0 are clipped.
  function addRelu(a, b) {
    if (!operators) return quantized(graph.node("Relu", [graph.node("Add", [real(a), real(b)])]), 0.03, 0);
    const y = tensor("", 0.03, 0);
    const terms = [a, b].flatMap((x) => [x.name, x.scale, x.zero]);
    y.name = graph.node("QLinearAdd", [...terms, y.scale, y.zero], {}, "com.microsoft");
    return y;
  }

  let x = conv(tensor("images", 1 / 64, 0), 3, 16), channels = 16;
  for (const outputs of [16, 32, 64])
    for (let block = 0; block < 3; ++block) {
      const stride = outputs > channels ? 2 : 1;
      const inner = conv(x, channels, outputs, { stride });
      const y = conv(inner, outputs, outputs, { zero: 128 });
      x = addRelu(y, stride === 2 ? shortcutA(x, channels) : x);
      channels = outputs;
    }
  const head = graph.constant(Type.INT8, [64, 10], Int8Array.from({ length: 640 }, () => Math.round(random() * 254)));
  const headZero = graph.constant(Type.INT8, [], Int8Array.of(0)), headScale = scalar(0.003);
  const bias = graph.constant(Type.INT32, [10], new Int32Array(10));
  let logits;
  if (operators) {
    const pooled = tensor("", 0.02, 0);
    pooled.name = graph.node("QLinearGlobalAveragePool", [x.name, x.scale, x.zero, pooled.scale, pooled.zero], {},
                             "com.microsoft");
    const flat = graph.node("Flatten", [pooled.name]);
    logits = graph.node("QGemm", [flat, pooled.scale, pooled.zero, head, headScale, headZero, bias], {},
                        "com.microsoft");
  } else {
    const pooled = quantized(graph.node("GlobalAveragePool", [real(x)]), 0.02, 0);
    const flat = quantized(graph.node("Flatten", [real(pooled)]), 0.02, 0);
    const realBias = graph.node("DequantizeLinear", [bias, scalar(0.02 * 0.003),
                                                     graph.constant(Type.INT32, [], Int32Array.of(0))]);
    logits = graph.node("Gemm", [real(flat), graph.node("DequantizeLinear", [head, headScale, headZero]), realBias]);
  }
  return graph.model({ name: "images", type: Type.UINT8, dims: ["N", 3, SIDE, SIDE] },
                     { name: logits, type: Type.FLOAT, dims: ["N", 10] });
}

// A network that does nothing: what a call costs through Node.
function emptyNetwork() {
  const graph = new Graph();
  const shape = graph.node("Shape", ["images"]);
  return graph.model({ name: "images", type: Type.UINT8, dims: ["N", 3, SIDE, SIDE] },
                     { name: shape, type: Type.INT64, dims: [4] });
}

// --- onnxruntime's side, in a process of its own -----------------------------------------------------------------

async function runOnnxruntimeHere({ onnxruntime, model, batch, threads, seconds, clock }) {
  const ort = createRequire(path.join(path.resolve(onnxruntime), "package.json"))("onnxruntime-node");
  const session = await ort.InferenceSession.create(model, { intraOpNumThreads: threads, interOpNumThreads: 1,
                                                            executionMode: "sequential", graphOptimizationLevel: "all",
                                                            logSeverityLevel: 3 });
  const size = batch * 3 * SIDE * SIDE;
  const images = new ort.Tensor("uint8", Uint8Array.from({ length: size }, (_, i) => Math.imul(i, 2654435761) >>> 24),
                                [batch, 3, SIDE, SIDE]);
  // The processor's time is counted in milliseconds, so several runs go together: a fifth of a second.
  const runs = async (count) => {
    const now = clock === "cpu" ? () => { const t = process.cpuUsage(); return (t.user + t.system) / 1000; }
                                : () => performance.now();
    const start = now();
    for (let i = 0; i < count; ++i) await session.run({ images });
    return (now() - start) / count;
  };
  const count = Math.ceil(200 / Math.max(await runs(5), await runs(5)));
  const times = [];
  for (const end = performance.now() + seconds * 1000; times.length < 3 || performance.now() < end; )
    times.push(await runs(count));
  console.log(JSON.stringify({ images_per_s: (batch / median(times)) * 1000 }));
}

// --- both sides --------------------------------------------------------------------------------------------------

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function fail(text) {
  console.error(text);
  process.exit(1);
}

function outputOf(who, command, args, environment = {}) {
  const done = spawnSync(command, args, { encoding: "utf8", env: { ...process.env, ...environment } });
  if (done.status !== 0) fail(`${who} failed (${command} ${args.join(" ")}):\n${done.stderr || done.error}`);
  return done.stdout;
}

// Images per second of one file at one batch size.
function runOnnxruntime(options, model, batch, seconds) {
  const args = [fileURLToPath(import.meta.url), "--worker", model, "--batch", `${batch}`,
                "--onnxruntime", options.onnxruntime, "--threads", `${options.threads}`, "--seconds", `${seconds}`,
                "--clock", options.clock];
  return JSON.parse(outputOf("onnxruntime", process.execPath, args)).images_per_s;
}

// Images per second of all rows: { "resnet20_w8a8/batch:1": ... }.
function runBitgrain(options, filter) {
  const args = [`--threads=${options.threads}`, `--benchmark_filter=${filter}`,
                `--benchmark_min_time=${options.seconds}`, "--benchmark_format=json"];
  const environment = { OMP_NUM_THREADS: `${options.threads}` };
  const output = outputOf("bitgrain", path.join(options.bin, "bench_engine"), args, environment);
  const rows = JSON.parse(output).benchmarks.map((row) => [
    row.name.replace("engine/bitgrain/", "").replace("/real_time", ""),
    options.clock === "cpu" ? (row.items_per_second * row.real_time) / row.cpu_time : row.items_per_second,
  ]);
  return Object.fromEntries(rows);
}

function readOptions() {
  const here = path.dirname(fileURLToPath(import.meta.url));
  const known = {
    options: {
      onnxruntime: { type: "string" }, threads: { type: "string", default: "1" },
      pairs: { type: "string", default: "5" }, seconds: { type: "string", default: "2" }, json: { type: "string" },
      bin: { type: "string", default: path.join(here, "..", "build", "release", "bin") },
      "keep-model": { type: "string" }, clock: { type: "string", default: "wall" },
      worker: { type: "string" }, batch: { type: "string", default: "1" },  // a process that measures onnxruntime
    },
  };
  let values;
  try {
    values = parseArgs(known).values;
  } catch (error) {
    fail(error.message);
  }
  for (const key of ["threads", "pairs", "seconds", "batch"]) {
    const number = Number(values[key]);
    if (!(number > 0) || (key !== "seconds" && !Number.isInteger(number)))
      fail(`--${key}: a number above 0, not '${values[key]}'`);
    values[key] = number;
  }
  if (!["wall", "cpu"].includes(values.clock)) fail(`--clock: wall or cpu, not '${values.clock}'`);
  if (values.clock === "cpu" && values.threads !== 1) fail("--clock cpu is for one thread");
  if (!values.onnxruntime || !existsSync(path.join(values.onnxruntime, "node_modules", "onnxruntime-node")))
    fail("--onnxruntime FOLDER: where onnxruntime-node is installed. To install it:\n" +
         "    npm install --ignore-scripts --prefix FOLDER onnxruntime-node");
  if (!values.worker && !existsSync(path.join(values.bin, "bench_engine")))
    fail(`${values.bin}/bench_engine does not exist: build it with -DBITGRAIN_BUILD_BENCHMARKS=ON, or name its ` +
         "folder by --bin");
  return values;
}

// Writes the network in all forms and returns { batch: { speed, file, form } } of the fastest at each batch size.
function fastestForms(options, folder) {
  const forms = Object.entries(FORMS).map(([form, how], index) => {
    const file = path.join(folder, `${index}.onnx`);
    writeFileSync(file, resnet20(how));
    return { form, file };
  });
  const best = {};
  for (const batch of BATCHES) {
    const speeds = forms.map(() => 0);
    for (let round = 0; round < 3; ++round)
      forms.forEach(({ file }, i) => (speeds[i] = Math.max(speeds[i], runOnnxruntime(options, file, batch, 0.4))));
    forms.forEach(({ form, file }, i) => {
      console.log(`  onnxruntime, batch ${batch}, ${form}: ${speeds[i].toFixed(0)} images/s`);
      if (!best[batch] || speeds[i] > best[batch].speed) best[batch] = { speed: speeds[i], form, file };
    });
  }
  return best;
}

function compare(options, folder) {
  const version = JSON.parse(readFileSync(path.join(options.onnxruntime, "node_modules", "onnxruntime-node",
                                                    "package.json"))).version;
  console.log(`ResNet-20, shortcut A, 8 bits, ${options.threads} thread(s), ${options.clock} time, ` +
              `onnxruntime ${version}`);
  const forms = fastestForms(options, folder);
  if (options["keep-model"]) writeFileSync(options["keep-model"], readFileSync(forms[1].file));

  const empty = path.join(folder, "empty.onnx");
  writeFileSync(empty, emptyNetwork());
  const emptyCall = 1e6 / runOnnxruntime(options, empty, 1, 1);

  const ours = [], theirs = [];
  const measureOurs = () => ours.push(runBitgrain(options, "resnet20_w8a8"));
  const measureTheirs = () =>
    theirs.push(BATCHES.map((batch) => runOnnxruntime(options, forms[batch].file, batch, options.seconds)));
  console.log("pair  batch  bitgrain img/s  onnxruntime img/s   ratio");
  for (let pair = 0; pair < options.pairs; ++pair) {
    const sides = [measureOurs, measureTheirs];
    for (const side of pair % 2 ? sides.reverse() : sides) side();
    BATCHES.forEach((batch, b) => {
      const our = ours.at(-1)[`resnet20_w8a8/batch:${batch}`], their = theirs.at(-1)[b];
      console.log(`${pair + 1}`.padStart(4) + `${batch}`.padStart(7) + our.toFixed(0).padStart(16) +
                  their.toFixed(0).padStart(19) + (our / their).toFixed(3).padStart(8));
    });
  }

  const results = BATCHES.map((batch, b) => {
    const our = ours.map((rows) => rows[`resnet20_w8a8/batch:${batch}`]), their = theirs.map((speeds) => speeds[b]);
    const ratios = our.map((speed, i) => speed / their[i]);
    const result = { batch, bitgrain_images_per_s: median(our), onnxruntime_images_per_s: median(their),
                     onnxruntime_form: forms[batch].form, ratio_median: median(ratios),
                     ratio_min: Math.min(...ratios), ratio_max: Math.max(...ratios),
                     ratio_without_call: median(ratios.map((r, i) => r * (1 - (their[i] * emptyCall) / batch / 1e6))) };
    console.log(`batch ${batch}: median ratio ${result.ratio_median.toFixed(3)} (lowest ` +
                `${result.ratio_min.toFixed(3)}, highest ${result.ratio_max.toFixed(3)}), ` +
                `${result.ratio_without_call.toFixed(3)} without the ${emptyCall.toFixed(1)} us of an empty call`);
    return result;
  });
  const fewer = runBitgrain(options, "w4a4|w2a2|mixed");
  for (const [row, speed] of Object.entries(fewer)) console.log(`bitgrain ${row}: ${speed.toFixed(0)} images/s`);
  if (options.json)
    writeFileSync(options.json, JSON.stringify({ model: "resnet20", threads: options.threads, clock: options.clock,
                                                 onnxruntime: version,
                                                 pairs: options.pairs, results,
                                                 onnxruntime_empty_call_us: emptyCall,
                                                 bitgrain_fewer_bits_images_per_s: fewer }, null, 2) + "\n");
}

const options = readOptions();
if (options.worker) {
  await runOnnxruntimeHere({ ...options, model: options.worker });
} else {
  const folder = mkdtempSync(path.join(os.tmpdir(), "bitgrain-onnx-"));
  try {
    compare(options, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
