"""The programs that measure: they run, load what they saved, and say so for every way."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

BENCH = Path(os.environ["H5DCP_BENCH"])
PROGRAM = Path(os.environ["H5DCP_SAVE_LOAD"])
WAYS = {"raw", "raw_each", "automatic", "warm", "unchecked", "chunked", "direct", "collective", "dcp"}


def compare(*arguments):
    return subprocess.run([BENCH / "compare_dcp.py", "--program", PROGRAM, "--python", sys.executable,
                           "--mpiexec", os.environ["H5DCP_MPIEXEC"], *arguments], capture_output=True, text=True)


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
        assert set(times["save warm"]["phases"]) == {"plan", "write", "sync", "commit"}
    rows = [line.split("|")[1:5] for line in done.stdout.splitlines()[2:]]
    assert len(rows) == 3 * 2 * len(WAYS)
    assert not list(Path(".").glob("h5dcp-bench-*")), "something was left behind"


def test_loads_by_other_ranks_are_compared():
    done = subprocess.run([BENCH / "compare_loads.py", "--program", PROGRAM, "--mpiexec", os.environ["H5DCP_MPIEXEC"],
                           "--scale", "0.03", "--pairs", "1", "--place", ".", "--json", "loads.json"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    runs = {run["case"]: run["rounds"][0]["automatic"] for run in json.loads(Path("loads.json").read_text())["runs"]}
    assert len(runs) == 6 and len(done.stdout.splitlines()) == 2 + 6
    tensors = 9 * 832 * 1024 * 4
    assert runs["4 ranks to 2"]["bytes_wanted"] == tensors
    assert runs["replicas"]["bytes_wanted"] == 2 * tensors
    assert tensors < runs["replicas"]["bytes_read"] < 1.05 * tensors, "the ranks of a node read each byte once"
    eighth = runs["an eighth of the rows"]
    assert eighth["bytes_wanted"] == tensors / 8
    assert eighth["bytes_read"] < 1.1 * eighth["bytes_wanted"]  # a little more is of the index when tensors are few


def test_memory_is_that_of_each_tensor():
    done = subprocess.run([BENCH / "memory.py", "--program", PROGRAM, "--mpiexec", os.environ["H5DCP_MPIEXEC"],
                           "--tensors", "1000", "--tensors", "20000", "--json", "memory.json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    few, many = json.loads(Path("memory.json").read_text())["runs"]
    assert len(done.stdout.splitlines()) == 2 + 2
    assert (few["tensors"], many["tensors"]) == (1000, 20000)
    for verb in ("save", "load"):
        assert 0 < few[verb] < many[verb] < 20000 * 4000  # a lot of room: what malloc gives back depends on the machine
    assert not list(Path(".").glob("h5dcp-memory-*")), "something was left behind"


def test_targets_are_met_or_not():
    """By the median of the ratios of each round, not by the ratio of medians."""
    def seconds(value, **more):
        return {"seconds": value, "peak_bytes": 2**20, "calls": {"allreduces": 2, "broadcasts": 1}, **more}

    def save_load(case, place):
        rounds = []
        for mine, raw in ((1, 1), (4, 2), (30, 10)):
            rounds.append({f"{verb} {way}": seconds(value) for verb in ("save", "load") for way, value in
                           (("automatic", mine), ("warm", mine), ("unchecked", 0.98 * mine), ("raw_each", raw),
                            ("dcp", 100 * mine))})
        return {"case": case, "file system": place, "rounds": rounds}

    folder = Path("made_up")
    folder.mkdir(exist_ok=True)
    (folder / "small.json").write_text(json.dumps({"runs": [save_load("small", "tmpfs")]}))
    large = [save_load("rows", "tmpfs"), save_load("rows", "disk"), save_load("columns", "tmpfs"), save_load("columns", "disk")]
    (folder / "large.json").write_text(json.dumps({"runs": large}))
    names = ("same ranks", "4 ranks to 2", "2 ranks to 3", "rows to columns", "replicas", "an eighth of the rows")
    loads = [{"case": name, "place": "tmpfs", "rounds": [
        {"automatic": seconds(1, bytes_read=110, bytes_wanted=200), "raw": seconds(0.7)}]} for name in names]
    (folder / "loads.json").write_text(json.dumps({"runs": loads}))
    (folder / "memory.json").write_text(json.dumps({"runs": [{"tensors": 5, "save": 2**20, "load": 257 * 2**20}]}))
    took = {"seconds": {"propose": 0.1, "merge": 0.1, "answer": 0.1}}
    (folder / "negotiation.json").write_text(json.dumps([{"all": took, "proposal_bytes_a_box": 55}]))
    done = subprocess.run([BENCH / "targets.py", "--results", folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    table = {line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:6]]
             for line in done.stdout.splitlines() if "measured" not in line}
    assert table["save of 20,000 small tensors: time of raw's"] == ["tmpfs", "2 (1-3)", "<= 2", "ok"]
    assert table["load of 20,000 small tensors: time of raw's"] == ["tmpfs", "2 (1-3)", "<= 1.3", "falls short"]
    assert table["save of 20,000 small tensors: time of DCP's"][1:] == ["0.01 (0.01-0.01)", "<= 0.0125", "ok"]
    assert table["save of rows: bandwidth of raw's"][3] == "falls short"
    assert table["load, same ranks: bandwidth of raw's"][1:] == ["0.7", ">= 0.9", "falls short"]
    assert table["load, 4 ranks to 2: bandwidth of raw's"][1:] == ["0.7", ">= 0.6", "ok"]
    assert table["load of replicas: bytes read of the file's"][1:] == ["1.1", "<= 1.05", "falls short"]
    assert table["save of rows: what checksums add"] == ["disk", "0.0204 (0.0204-0.0204)", "<= 0.03", "ok"]
    assert table["plan of 1,024 tensors on 512 ranks, one core: s"][1:] == ["0.3", "<= 0.25", "falls short"]
    assert table["the same with 5 small tensors: MiB"][1:] == ["257", "<= 256", "falls short"]
    assert table["a repeated save: allreduces"][3] == "ok"


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


PARTS = {
    "blocks": ["hash_blocks/1024", "copy_bytes/1024"],
    "box": ["intersect/dims:8", "contains/dims:2", "narrow/dims:2"],
    "copy": ["gather/1024", "scatter/1024", "copy_bytes/1024"],
    "digest": ["digest/1000"],
    "flatten": ["flatten/1000", "unflatten/1000"],
    "merge": ["rows/1024", "mesh/1024", "replicas/1024"],
    "plan_wire": [f"{verb}_{what}/1000" for verb in ("encode", "decode") for what in ("proposals", "answers")],
    "reshard": ["rows_to_columns/128", "rows_to_rows/128", "all_columns/16"],
    "skeleton": ["direct/datasets:20000/in_group:10"],
    "tile": ["rows/64", "grid/64", "slabs/64", "irregular/64"],
}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_can_be_measured(part):
    program = PROGRAM.parent / f"bench_{part}"
    done = subprocess.run([program, "--benchmark_min_time=0.001", "--benchmark_format=json",
                           f"--benchmark_filter=^({'|'.join(PARTS[part])})$"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    runs = json.loads(done.stdout)["benchmarks"]
    assert {run["name"] for run in runs} == set(PARTS[part])
    assert all(run["iterations"] > 0 and not run.get("error_occurred") for run in runs)


def test_all_parts_are_measured_and_tested():
    for listed in (BENCH / "CMakeLists.txt", BENCH / "run_all.sh"):
        assert " ".join(PARTS) in listed.read_text(), listed


def negotiation(ranks, tensors, holders):
    done = subprocess.run([PROGRAM.parent / "bench_negotiation", "--ranks", str(ranks), "--tensors", str(tensors),
                           "--holders", str(holders), "--repetitions", "2"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_negotiation_of_virtual_ranks_is_measured():
    run = negotiation(8, 1, 8)
    worst = run["worst"]
    assert (worst["names"], worst["messages"]) == (1, {"propose": 1, "answer": 8, "together": 9})
    assert worst["bytes"]["together"] == worst["bytes"]["propose"] + worst["bytes"]["answer"]
    assert worst["memory"] > worst["bytes"]["answer"] > 0
    for seconds in (worst["seconds"], run["all"]["seconds"]):
        assert list(seconds) == ["propose", "merge", "answer", "apply", "together"]
        assert min(seconds.values()) > 0


def test_the_worst_rank_is_drawn():
    runs = [negotiation(4, 1, 4), *(negotiation(ranks, 4 * ranks, 2) for ranks in (8, 4))]
    Path("runs.json").write_text(json.dumps(runs))
    subprocess.run([BENCH / "plot_scale.py", "runs.json", "runs.svg"], check=True)
    drawn = ElementTree.parse("runs.svg").getroot()
    words = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert words[0] == "The worst rank, against 4 ranks"
    few, many = sorted(runs[1:], key=lambda run: run["ranks"])
    for name in ("messages", "bytes"):
        ratio = many["worst"][name]["together"] / few["worst"][name]["together"]
        assert f"{name} {ratio:.2f}" in words
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}polyline"))) > 4
