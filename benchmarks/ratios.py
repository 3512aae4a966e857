#!/usr/bin/env python3
"""Ratios of bitgrain to its peers, from the JSON of one benchmark run.

    bench_conv --benchmark_out=conv.json --benchmark_repetitions=5 --benchmark_enable_random_interleaving=true
    benchmarks/ratios.py conv.json [--match REGEX] [--leave-out REGEX] [--peer PEER]...

Rows are named <what>/<who>/<case>; each is compared by the median of its repetitions (the counter GFLOPS, GBPS or
GOPS; else its rate by time) with the best of the peers that ran the same <what> and <case>. Ends with the geometric
mean and the lowest ratio.
"""

import argparse
import collections
import json
import math
import re
import statistics
import sys


def rates(path):
    """{(what, case): {who: rate}} of a Google Benchmark JSON file."""
    with open(path, encoding="utf-8") as file:
        rows = json.load(file)["benchmarks"]
    samples = collections.defaultdict(list)
    for row in rows:
        if row.get("run_type", "iteration") != "iteration" or row.get("error_occurred"):
            continue
        parts = re.sub(r"/real_time$", "", row["run_name"]).split("/", 2)
        if len(parts) < 3:
            continue
        what, who, case = parts
        rate = next((row[c] for c in ("GFLOPS", "GBPS", "GOPS", "items_per_second") if c in row), None)
        samples[what, case, who].append(rate if rate is not None else 1.0 / row["real_time"])
    table = collections.defaultdict(dict)
    for (what, case, who), values in samples.items():
        table[what, case][who] = statistics.median(values)
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="JSON output of a benchmark program")
    parser.add_argument("--match", default="", help="only cases <what>/<case> that hold this regular expression")
    parser.add_argument("--leave-out", default="(?!)", help="no cases that hold this regular expression")
    parser.add_argument("--peer", action="append", help="peers to compare with; default: all but 'reference'")
    options = parser.parse_args()

    ratios = []
    for (what, case), who in sorted(rates(options.file).items()):
        name = f"{what}/{case}"
        if not re.search(options.match, name) or re.search(options.leave_out, name) or "bitgrain" not in who:
            continue
        peers = {p: r for p, r in who.items()
                 if p != "bitgrain" and (p in options.peer if options.peer else p != "reference")}
        if not peers:
            continue
        best = max(peers, key=peers.get)
        ratio = who["bitgrain"] / peers[best]
        ratios.append(ratio)
        print(f"{name:52s} {who['bitgrain']:10.1f} {peers[best]:10.1f} {best:16s} {ratio:6.2f}")
    if not ratios:
        sys.exit("no row was measured for bitgrain and a peer")
    mean = math.exp(statistics.fmean(math.log(r) for r in ratios))
    print(f"{len(ratios)} cases: geometric mean {mean:.3f}, lowest {min(ratios):.3f}")


if __name__ == "__main__":
    main()
