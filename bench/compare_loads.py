#!/usr/bin/env python3
"""Loads what other ranks saved, or a part of it, beside the raw limit: as many bytes a rank from a file of its own.

Both ways load in each round, in an order that is shuffled anew; on a disk the file is dropped from the page cache
before. Beside the times: how many bytes all ranks read, and how many they want.

    bench/compare_loads.py --place /dev/shm                  # all cases
    bench/compare_loads.py --scale 0.01 --pairs 1            # whether it runs
"""

import argparse
import contextlib
import copy
import json
import os
import random
import shutil
import statistics
import sys
from pathlib import Path

import compare_dcp

TENSORS = {"tensors": 300, "rows": 832, "columns": 1024}
ROWS = {"shard": 0}
CASES = {  # ranks that save and what they have, ranks that load and what they want
    "same ranks": (2, ROWS, 2, ROWS),
    "4 ranks to 2": (4, ROWS, 2, ROWS),
    "2 ranks to 3": (2, ROWS, 3, ROWS),
    "rows to columns": (2, ROWS, 2, {"shard": 1}),
    "replicas": (2, ROWS, 2, {}),
    "an eighth of the rows": (2, ROWS, 2, {"shard": 0, "divide": 8}),
}
WAYS = ("automatic", "raw")


def start(options, ranks, tensors, held):
    options = copy.copy(options)
    options.ranks = ranks
    return compare_dcp.start_mpi(options, {**tensors, **held})


def measure(options, name, place):
    savers, saved, loaders, wanted = CASES[name]
    tensors = {**TENSORS, "tensors": max(1, round(TENSORS["tensors"] * options.scale))}
    folder = Path(place) / f"h5dcp-loads-{os.getpid()}"
    folder.mkdir()
    paths = {way: folder / way for way in WAYS}
    rounds = []
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        saver = start(options, savers, tensors, saved)
        saver.run("save", "automatic", paths["automatic"])
        saver.close()
        loader = start(options, loaders, tensors, wanted)
        loader.run("save", "raw", paths["raw"])
        order = random.Random(1)
        for number in range(options.pairs + 1):
            result = {}
            for way in order.sample(WAYS, len(WAYS)):
                compare_dcp.drop_from_cache(paths[way])  # in vain on tmpfs
                result[way] = loader.run("load", way, paths[way])
            if number > 0:  # the first round warms up
                rounds.append(result)
        loader.close()
    print(f"{name} {place}: {options.pairs} rounds", file=sys.stderr)
    return {"case": name, "place": "tmpfs" if compare_dcp.in_memory(place) else "disk", "rounds": rounds}


def report(run):
    seconds = {way: statistics.median(r[way]["seconds"] for r in run["rounds"]) for way in WAYS}
    ratio = compare_dcp.spread([r["raw"]["seconds"] / r["automatic"]["seconds"] for r in run["rounds"]])
    read = statistics.median(r["automatic"]["bytes_read"] / r["automatic"]["bytes_wanted"] for r in run["rounds"])
    return f"| {run['case']} | {run['place']} | {seconds['raw']:.3f} | {seconds['automatic']:.3f} | {ratio} | {read:.3f} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", choices=CASES, help="default: all")
    parser.add_argument("--place", action="append", help="folder; default: /dev/shm and the folder of the build")
    parser.add_argument("--pairs", type=int, default=9, help="rounds that count")
    parser.add_argument("--scale", type=float, default=1, help="of the number of tensors")
    parser.add_argument("--program", default=compare_dcp.ROOT / "build/bin/bench_save_load")
    parser.add_argument("--mpiexec", default="mpiexec")
    parser.add_argument("--json", type=Path, help="write all results there")
    options = parser.parse_args()
    places = options.place or ["/dev/shm", str(Path(options.program).resolve().parent)]
    runs = [measure(options, case, place) for place in places for case in options.case or CASES]
    print("| load | on | raw, s | h5dcp, s | of raw bandwidth | bytes read / wanted |\n|---|---|---|---|---|---|")
    for run in runs:
        print(report(run))
    if options.json:
        options.json.write_text(json.dumps({"runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
