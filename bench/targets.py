#!/usr/bin/env python3
"""What was measured beside what is aimed at, from bench/results/: one line a target, `ok` or `falls short`.

    bench/targets.py            # bench/run_all.sh measures first
"""

import argparse
import functools
import json
import statistics
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"


@functools.cache
def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of what was measured")
    return parser.parse_args()


@functools.cache
def read(name):
    return json.loads((arguments().results / name).read_text())


def rounds_of(file, case, place):
    for run in read(file)["runs"]:
        if run["case"] == case and run.get("file system", run.get("place")) == place:
            return run["rounds"]
    raise SystemExit(f"targets: no case '{case}' on {place} in {file}")


def seconds(results, way):
    return results[way]["seconds"]


class Table:
    def __init__(self):
        self.lines = ["| target | on | measured | aim | |", "|---|---|---|---|---|"]

    def add(self, what, place, values, aim, at_most):
        """`values`: one a round, of which the median counts."""
        value = statistics.median(values)
        good = value <= aim if at_most else value >= aim
        spread = f" ({min(values):.3g}-{max(values):.3g})" if len(values) > 1 else ""
        sign = "<=" if at_most else ">="
        self.lines.append(
            f"| {what} | {place} | {value:.3g}{spread} | {sign} {aim:.3g} | {'ok' if good else 'falls short'} |")

    def at_most(self, what, place, values, aim):
        self.add(what, place, values, aim, True)

    def at_least(self, what, place, values, aim):
        self.add(what, place, values, aim, False)


def small(table):
    """Times: of raw with an operation a tensor, and of DCP."""
    rounds = rounds_of("small.json", "small", "tmpfs")
    for verb, way, of_dcp, of_raw in (("save", "automatic", 1 / 80, 2), ("save", "warm", None, 1),
                                      ("load", "automatic", 1 / 200, 1.3)):
        mine = [seconds(r, f"{verb} {way}") for r in rounds]
        name = f"{verb} of 20,000 small tensors" + (", repeated" if way == "warm" else "")
        if of_dcp:
            dcp = [seconds(r, f"{verb} dcp") for r in rounds]
            table.at_most(f"{name}: time of DCP's", "tmpfs", [a / b for a, b in zip(mine, dcp)], of_dcp)
        raw = [seconds(r, f"{verb} raw_each") for r in rounds]
        table.at_most(f"{name}: time of raw's", "tmpfs", [a / b for a, b in zip(mine, raw)], of_raw)


def large(table):
    """Bandwidths of raw's."""
    for case, place, aim in (("rows", "disk", 1.15), ("columns", "tmpfs", 0.9), ("columns", "disk", 1.2)):
        rounds = rounds_of("large.json", case, place)
        ratios = [seconds(r, "save raw_each") / seconds(r, "save automatic") for r in rounds]
        table.at_least(f"save of {case}: bandwidth of raw's", place, ratios, aim)


def loads(table):
    for case, aim in (("same ranks", 0.9), ("4 ranks to 2", 0.6), ("2 ranks to 3", 0.6), ("rows to columns", 0.6)):
        rounds = rounds_of("loads.json", case, "tmpfs")
        ratios = [seconds(r, "raw") / seconds(r, "automatic") for r in rounds]
        table.at_least(f"load, {case}: bandwidth of raw's", "tmpfs", ratios, aim)
    rounds = rounds_of("loads.json", "replicas", "tmpfs")
    ranks = 2  # that want the same
    once = [ranks * r["automatic"]["bytes_read"] / r["automatic"]["bytes_wanted"] for r in rounds]
    table.at_most("load of replicas: bytes read of the file's", "tmpfs", once, 1.05)
    rounds = rounds_of("loads.json", "an eighth of the rows", "tmpfs")
    needed = [r["automatic"]["bytes_read"] / r["automatic"]["bytes_wanted"] for r in rounds]
    table.at_most("load of an eighth of the rows: bytes read of those needed", "tmpfs", needed, 1.05)


def checksums(table):
    """What they add to the time of the same without them."""
    for place in ("tmpfs", "disk"):
        rounds = rounds_of("large.json", "rows", place)
        for verb, aim in (("save", 0.03), ("load", 0.05)):
            costs = [seconds(r, f"{verb} automatic") / seconds(r, f"{verb} unchecked") - 1 for r in rounds]
            table.at_most(f"{verb} of rows: what checksums add", place, costs, aim)


def plans(table):
    run = read("negotiation.json")[0]
    took = run["all"]["seconds"]
    table.at_most("plan of 1,024 tensors on 512 ranks, one core: s", "", [took["propose"] +
                  took["merge"] + took["answer"]], 0.25)
    table.at_most("the same: bytes a box on the wire", "", [run["proposal_bytes_a_box"]], 100)


def costs(table):
    runs = read("small.json")["runs"] + read("large.json")["runs"]
    peaks = [result["peak_bytes"] / 2**20 for run in runs for r in run["rounds"] for name, result in r.items()
             if name.endswith("automatic")]
    table.at_most("memory beside the state, the most of all rounds: MiB", "", [max(peaks)], 256)
    many = read("memory.json")["runs"][-1]
    table.at_most(f"the same with {many['tensors']:,} small tensors: MiB", "", [max(many["save"], many["load"]) / 2**20], 256)
    calls = [r["save warm"]["calls"] for run in runs for r in run["rounds"]]
    table.at_most("a repeated save: allreduces", "", [max(c["allreduces"] for c in calls)], 2)
    table.at_most("a repeated save: broadcasts", "", [max(c["broadcasts"] for c in calls)], 1)


def main():
    table = Table()
    for part in (small, large, loads, checksums, plans, costs):
        part(table)
    print("\n".join(table.lines))


if __name__ == "__main__":
    main()
