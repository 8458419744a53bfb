#!/usr/bin/env python3
"""Where rank 0 spends its time when it saves and loads again and again: what `perf` sees.

    bench/hot_spots.py rows direct save        # --place /dev/shm --repeat 5
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import compare_dcp


def table(data, sort, lines):
    text = subprocess.run(["perf", "report", "-i", data, "--no-children", "--stdio", "-g", "none", "--sort", sort],
                          check=True, capture_output=True, text=True).stdout
    found = [line.rstrip(" -") for line in text.splitlines() if line.strip() and not line.startswith("#")]
    print(f"\nby {sort}:\n" + "\n".join(found[:lines]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=compare_dcp.CASES)
    parser.add_argument("way", choices=[way for way in compare_dcp.WAYS if way != "dcp"])
    parser.add_argument("verb", choices=["save", "load"])
    parser.add_argument("--place", default="/dev/shm")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--program", default=compare_dcp.ROOT / "build/bin/bench_save_load")
    parser.add_argument("--mpiexec", default="mpiexec")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="h5dcp-profile-", dir=options.place) as folder:
        path, data = Path(folder, "checkpoint.h5"), Path(folder, "perf.data")
        program = compare_dcp.start_mpi(options, compare_dcp.case_of(options.case, options.ranks))
        program.run("save", options.way, path)  # warms up, and is what is loaded
        # Children of mpiexec: the lowest process is rank 0's.
        ranks = subprocess.check_output(["pgrep", "-P", str(program.processes[0].pid)], text=True).split()
        perf = subprocess.Popen(["perf", "record", "-q", "-F", "999", "-o", data, "-p", min(ranks, key=int)])
        phases = {}
        for _ in range(options.repeat):
            if options.verb == "save":
                compare_dcp.remove(path)
            for phase, seconds in program.run(options.verb, options.way, path)["phases"].items():
                phases.setdefault(phase, []).append(seconds)
        perf.terminate()
        perf.wait()
        program.close()
        for phase, seconds in phases.items():
            print(f"{phase:>10} {sorted(seconds)[len(seconds) // 2]:8.4f} s")
        table(data, "dso", 6)
        table(data, "symbol", 12)


if __name__ == "__main__":
    main()
