#!/usr/bin/env python3
"""What a save and a load take of memory beside the state, by how many tensors there are.

Each in processes of its own: what malloc keeps of an earlier one would hide what a later one takes. The most of all
ranks; of each tensor a rank has a row of 256 bytes.

    bench/memory.py --place /dev/shm
    bench/memory.py --tensors 1000               # whether it runs
"""

import argparse
import json
import os
from pathlib import Path

import compare_dcp

# As in compare_dcp.py; all of DeepSeek-V3; three times as many, as it has with an optimizer.
TENSORS = (20_000, 45_395, 136_185)


def peak(options, tensors, verb, path):
    program = compare_dcp.start_mpi(options, {"tensors": tensors, "rows": 2, "columns": 64, "shard": 0})
    result = program.run(verb, "automatic", path)
    program.close()
    return result["peak_bytes"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tensors", type=int, action="append", help="default: " + ", ".join(map(str, TENSORS)))
    parser.add_argument("--place", default=".", help="folder")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--program", default=compare_dcp.ROOT / "build/bin/bench_save_load")
    parser.add_argument("--mpiexec", default="mpiexec")
    parser.add_argument("--json", type=Path, help="write all there")
    options = parser.parse_args()

    path = Path(options.place) / f"h5dcp-memory-{os.getpid()}.h5"
    runs = []
    print("| tensors | save, MiB | load, MiB | a tensor, KB |")
    print("|---|---|---|---|")
    for tensors in options.tensors or TENSORS:
        try:
            took = {verb: peak(options, tensors, verb, path) for verb in ("save", "load")}
        finally:
            path.unlink(missing_ok=True)
        runs.append({"tensors": tensors, **took})
        each = ", ".join(f"{took[verb] / tensors / 1000:.2f}" for verb in took)
        print(f"| {tensors:,} | {took['save'] / 2**20:.0f} | {took['load'] / 2**20:.0f} | {each} |")
    if options.json:
        options.json.write_text(json.dumps({"ranks": options.ranks, "runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
