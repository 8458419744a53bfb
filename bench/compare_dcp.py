#!/usr/bin/env python3
"""Saves and loads by h5dcp beside the raw limit and beside PyTorch's DCP, in one run.

Every way saves, then loads, the same tensors in each round, in an order that is shuffled anew; all programs stay
alive between rounds and sleep while others are measured. What counts is the median over the rounds of the
ratio of two ways in one round. On a disk every way calls fsync, and the page cache is emptied of a file before
it is loaded.

    bench/compare_dcp.py                               # all cases, /dev/shm and the folder of the build
    bench/compare_dcp.py --case small --place /dev/shm # one
    bench/compare_dcp.py --scale 0.01 --pairs 1        # whether it runs
"""

import argparse
import contextlib
import json
import os
import platform
import random
import shutil
import socket
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Of 2 ranks, each has 1.7 MB of a large tensor; of a small one each has a row, 4 KiB, however many there are.
CASES = {
    "rows": {"tensors": 300, "rows": 832, "columns": 1024, "shard": 0},
    "columns": {"tensors": 300, "rows": 832, "columns": 1024, "shard": 1},
    "small": {"tensors": 20000, "rows": None, "columns": 1024, "shard": 0},
}
H5DCP = ("automatic", "warm", "unchecked", "chunked", "direct", "collective")  # warm: with the plan of the round before
WAYS = ("raw", "raw_each", *H5DCP, "dcp")


class Program:
    """Processes that save and load on command."""

    def __init__(self, processes):
        self.processes = processes

    def run(self, verb, way, path):
        for process in self.processes:
            if process.stdin:
                process.stdin.write(f"{verb} {way} {path}\n")
                process.stdin.flush()
        answer = self.processes[0].stdout.readline()
        if not answer:
            raise SystemExit(f"compare_dcp: {way} ended while it should {verb} {path}")
        return json.loads(answer)

    def close(self):
        for process in self.processes:
            process.stdin.close()
        for process in self.processes:
            if process.wait() != 0:
                raise SystemExit(f"compare_dcp: {process.args[0]} ended with {process.returncode}")


def pipe(command, **options):
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)


def case_of(name, ranks, scale=1):
    case = dict(CASES[name])
    case["rows"] = case["rows"] or ranks
    case["tensors"] = max(1, round(case["tensors"] * scale))
    return case


def arguments_of(case):
    return [word for key, value in case.items() for word in (f"--{key}", str(value))]


def start_mpi(options, case):
    env = dict(os.environ, OMP_NUM_THREADS="1")
    if os.geteuid() == 0:
        env.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    if options.ranks > os.cpu_count():
        env.update(OMPI_MCA_rmaps_base_oversubscribe="1", OMPI_MCA_mpi_yield_when_idle="1")
    return Program([pipe([options.mpiexec, "-n", str(options.ranks), options.program, *arguments_of(case)], env=env)])


def start_dcp(options, case):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    worker = [options.python, ROOT / "bench/dcp_worker.py", *arguments_of(case)]
    processes = []
    for rank in range(options.ranks):
        env = dict(os.environ, RANK=str(rank), WORLD_SIZE=str(options.ranks), MASTER_ADDR="127.0.0.1",
                   MASTER_PORT=str(port), OMP_NUM_THREADS="1", PYTHONWARNINGS="ignore")
        processes.append(pipe(worker, env=env))
    return Program(processes)


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def drop_from_cache(path):
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    for file in files:
        fd = os.open(file, os.O_RDONLY)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def in_memory(folder):
    return subprocess.check_output(["stat", "-f", "-c", "%T", folder], text=True).strip() == "tmpfs"


def measure(options, name, place):
    case = case_of(name, options.ranks, options.scale)
    folder = Path(place) / f"h5dcp-bench-{os.getpid()}"
    folder.mkdir()
    on_tmpfs = in_memory(folder)
    order = random.Random(1)
    rounds = []
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        mpi = start_mpi(options, case)
        programs = {way: mpi for way in options.way}
        if "dcp" in options.way:
            programs["dcp"] = start_dcp(options, case)
        for number in range(options.pairs + 1):
            result = {}
            for verb in ("save", "load"):
                for way in order.sample(options.way, len(options.way)):
                    path = folder / (way + ("" if way == "dcp" else ".h5"))
                    if verb == "load" and not on_tmpfs:
                        drop_from_cache(path)
                    result[f"{verb} {way}"] = programs[way].run(verb, way, path)
            for path in list(folder.iterdir()):
                remove(path)
            if number > 0:  # the first round warms up
                rounds.append(result)
            print(f"{name} {place}: round {number} of {options.pairs}", file=sys.stderr)
        for program in set(programs.values()):
            program.close()
    return {"case": name, "file system": "tmpfs" if on_tmpfs else "disk", **case, "rounds": rounds}


def ratios(rounds, verb, way, other):
    """Time of `way` by that of `other`, round by round."""
    return [r[f"{verb} {way}"]["seconds"] / r[f"{verb} {other}"]["seconds"] for r in rounds]


def spread(values):
    return f"{statistics.median(values):.3g} ({min(values):.3g}-{max(values):.3g})"


def report(options, run):
    rounds = run["rounds"]
    for verb in ("save", "load"):
        for way in options.way:
            seconds = statistics.median(r[f"{verb} {way}"]["seconds"] for r in rounds)
            against = [spread(ratios(rounds, verb, way, other)) if other in options.way and way != other else "-"
                       for other in ("raw", "raw_each", "dcp")]
            phases = rounds[0][f"{verb} {way}"]["phases"]
            dominant = ", ".join(
                f"{phase} {statistics.median(r[f'{verb} {way}']['phases'][phase] for r in rounds):.3f}"
                for phase in phases)
            yield f"| {run['case']} | {run['file system']} | {verb} | {way} | {seconds:.3f} | " + " | ".join(
                against) + f" | {dominant or '-'} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", choices=CASES, help="default: all")
    parser.add_argument("--place", action="append", help="folder; default: /dev/shm and the folder of the build")
    parser.add_argument("--way", action="append", choices=WAYS, help="default: all")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=9, help="rounds that count")
    parser.add_argument("--scale", type=float, default=1, help="of the number of tensors")
    parser.add_argument("--program", default=ROOT / "build/bin/bench_save_load")
    parser.add_argument("--mpiexec", default="mpiexec")
    parser.add_argument("--python", default=ROOT / ".venv/bin/python3", help="one that has torch")
    parser.add_argument("--json", type=Path, help="write all times there")
    options = parser.parse_args()
    options.case = options.case or list(CASES)
    options.place = options.place or ["/dev/shm", str(Path(options.program).resolve().parent)]
    options.way = options.way or list(WAYS)

    runs = [measure(options, case, place) for place in options.place for case in options.case]
    print("| case | on | what | way | median s | / raw | / raw_each | / dcp | phases, median s |")
    print("|---|---|---|---|---|---|---|---|---|")
    for run in runs:
        print("\n".join(report(options, run)))
    if options.json:
        machine = {"cpus": os.cpu_count(), "kernel": platform.release(), "ranks": options.ranks}
        options.json.write_text(json.dumps({"machine": machine, "runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()
