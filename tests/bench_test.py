"""The programs that measure: they run, load what they saved, and say so for every way."""

import json
import os
import subprocess
from pathlib import Path

BENCH = Path(os.environ["H5DCP_BENCH"])
PROGRAM = Path(os.environ["H5DCP_SAVE_LOAD"])
WAYS = {"raw", "raw_each", "direct", "direct_warm", "collective", "dcp"}


def compare(*arguments):
    return subprocess.run([BENCH / "compare.py", "--program", PROGRAM, "--mpiexec", os.environ["H5DCP_MPIEXEC"],
                           *arguments], capture_output=True, text=True)


def test_every_way_saves_and_loads_every_case():
    done = compare("--scale", "0.001", "--pairs", "1", "--place", ".", "--json", "times.json")
    assert done.returncode == 0, done.stderr
    runs = json.loads(Path("times.json").read_text())["runs"]
    assert [run["case"] for run in runs] == ["rows", "columns", "small"]
    for run in runs:
        assert len(run["rounds"]) == 1
        times = run["rounds"][0]
        assert set(times) == {f"{verb} {way}" for verb in ("save", "load") for way in WAYS}
        assert all(measured["seconds"] > 0 for measured in times.values())
        assert set(times["save direct"]["phases"]) == {"plan", "negotiate", "lay out", "answer", "write", "commit"}
        assert set(times["save direct_warm"]["phases"]) == {"plan", "write", "sync", "commit"}
    rows = [line.split("|")[1:5] for line in done.stdout.splitlines()[2:]]
    assert len(rows) == 3 * 2 * len(WAYS)
    assert not list(Path(".").glob("h5dcp-bench-*")), "something was left behind"


def test_wrong_content_is_an_error():
    """A way that loads something else must not be measured."""
    shape = ["--tensors", "2", "--rows", "4", "--columns", "8"]
    commands = "save direct one.h5\n"
    first = subprocess.run([PROGRAM, *shape, "--shard", "0"], input=commands, text=True, capture_output=True)
    assert first.returncode == 0, first.stderr
    damaged = Path("one.raw")
    damaged.write_bytes(bytes(2 * 4 * 8 * 4))
    second = subprocess.run([PROGRAM, *shape], input=f"load raw {damaged}\n", text=True, capture_output=True)
    assert second.returncode != 0
    assert "what was loaded is not what was saved" in second.stderr


def test_the_parts_can_be_measured():
    for part, case in (("blocks", "/1024"), ("copy", "/1024"), ("merge", "/1024"), ("skeleton", ":20000/in_group:10")):
        program = PROGRAM.parent / f"bench_{part}"
        options = ["--benchmark_min_time=0.001", f"--benchmark_filter={case}$"]
        done = subprocess.run([program, *options], capture_output=True, text=True)
        assert done.returncode == 0 and f"{case} " in done.stdout
