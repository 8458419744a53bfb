"""slurm/bench.sbatch, as it is, in a Slurm of this test's own."""
import csv
import json
import pathlib
import re
import xml.etree.ElementTree as xml

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "slurm/bench.sbatch"
RUN = ["--scale", "0.01", "--repetitions", "2", "--way", "direct,direct+warm"]


@pytest.fixture
def lustre(slurm, place, tmp_path):
    """A PATH with an lfs that writes down what it is asked for."""
    program = tmp_path / "bin/lfs"
    program.parent.mkdir()
    program.write_text(f"""#!/bin/sh
[ "$1" = getstripe ] || echo "$@" >>{tmp_path}/asked
case $* in *" 77 "*) echo "no 77 stripes here" >&2; exit 1 ;; esac
""")
    program.chmod(0o755)
    return f"{program.parent}:{slurm.environment['PATH']}"


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


def lines_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def results_of(job, folder):
    return folder / f"h5dcp-bench-{job.number}"


@pytest.mark.parametrize("launcher", [{}, {"H5DCP_LAUNCHER": "mpirun"}], ids=["srun", "mpirun"])
def test_every_time_is_in_one_table(slurm, place, tmp_path, launcher):
    job = slurm.submit(SCRIPT, place, *RUN, options=["--ntasks-per-node=2"], folder=tmp_path, **launcher)
    assert job.wait_for_end() == ("COMPLETED", 0), job.describe()
    results = results_of(job, tmp_path)
    assert sorted(file.name for file in results.iterdir()) == [
        "all.csv", *(f"nodes-1-stripes-default.{kind}" for kind in ("csv", "json", "svg"))]
    one, every = lines_of(results / "nodes-1-stripes-default.csv"), lines_of(results / "all.csv")
    assert len(one) == 2 * 2 * 3
    assert every == [{"nodes": "1", "stripes": "default"} | line for line in one]
    assert {line["ranks"] for line in every} == {"2"}
    assert json.loads((results / "nodes-1-stripes-default.json").read_text())["run"]["repetitions"] == 2
    xml.parse(results / "nodes-1-stripes-default.svg")
    assert re.search(r"^direct\+warm +[\d.]+", job.output(), re.MULTILINE)
    assert list(place.iterdir()) == [], "something was left behind"


def test_stripes_are_swept_where_a_folder_can_have_some(slurm, lustre, place, tmp_path):
    job = slurm.submit(SCRIPT, place, *RUN, options=["--ntasks-per-node=1"], folder=tmp_path,
                       PATH=lustre, H5DCP_BENCH_STRIPES="1 -1:16M 77 4")
    assert job.wait_for_end() == ("FAILED", 1), job.describe()
    assert "nothing measured with nodes: 1, stripes: 77" in job.output()
    made = place / f"h5dcp-bench-{job.number}"
    assert (tmp_path / "asked").read_text().splitlines() == [
        f"setstripe -c 1 {made}/nodes-1-stripes-1", f"setstripe -c -1 -S 16M {made}/nodes-1-stripes--1:16M",
        f"setstripe -c 77 {made}/nodes-1-stripes-77", f"setstripe -c 4 {made}/nodes-1-stripes-4"]
    every = lines_of(results_of(job, tmp_path) / "all.csv")
    assert [line["stripes"] for line in every] == 12 * ["1"] + 12 * ["-1:16M"] + 12 * ["4"]
    assert list(place.iterdir()) == [], "something was left behind"


def test_what_the_tool_refuses_fails_the_job(slurm, place, tmp_path):
    for arguments, said in [([place, "--way", "swiftly"], "no word 'swiftly'"),
                            (["--way", "direct"], "no folder named")]:
        job = slurm.submit(SCRIPT, *arguments, options=["--ntasks-per-node=1"], folder=tmp_path)
        state, status = job.wait_for_end()
        assert state == "FAILED" and status in (1, 2) and said in job.output(), job.describe()
        assert not (results_of(job, tmp_path) / "all.csv").exists()


def test_a_launcher_that_starts_nothing_fails_the_job(slurm, place, tmp_path):
    job = slurm.submit(SCRIPT, place, options=["--ntasks-per-node=1"], folder=tmp_path,
                       H5DCP_LAUNCHER="true")
    assert job.wait_for_end() == ("FAILED", 1), job.describe()
    assert "true has not started h5dcp" in job.output()


def test_nodes_are_swept(slurm, place, tmp_path):
    """As srun is told: there is one node here."""
    launcher = tmp_path / "my-srun"
    launcher.write_text(f'#!/bin/sh\necho "$1 $2 $3" >>{tmp_path}/asked\nshift 3\nexec "$@"\n')
    launcher.chmod(0o755)
    job = slurm.submit(SCRIPT, place, *RUN, options=["--ntasks-per-node=2"], folder=tmp_path,
                       H5DCP_LAUNCHER=str(launcher), H5DCP_BENCH_NODES="1 3")
    assert job.wait_for_end() == ("COMPLETED", 0), job.describe()
    assert (tmp_path / "asked").read_text().splitlines() == [
        f"--nodes={nodes} --ntasks={2 * nodes} --ntasks-per-node=2" for nodes in (1, 3)]
    assert [line["nodes"] for line in lines_of(results_of(job, tmp_path) / "all.csv")] == 12 * ["1"] + 12 * ["3"]
