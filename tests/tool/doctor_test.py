"""h5dcp doctor: what it says of this machine, of folders that cannot be used, and of ranks that see others."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from support import ALONE, MPI, TOOL, fails, fine, mpirun, run

ALWAYS = ["h5dcp", "HDF5", "MPI", "file system", "write", "fallocate", "O_DIRECT", "rename", "folder"]


def findings(text):
    """(grade, about) -> text. The columns are aligned."""
    lines = text.splitlines()
    assert re.fullmatch(r"\d+ bad, \d+ to note", lines[-1]) and lines[-2] == ""
    rows = [re.fullmatch(r"(ok|note|BAD) +(\S.*?)  +(\S.*)", line) for line in lines[:-2]]
    assert all(rows), text
    assert len({row.start(2) for row in rows}) == len({row.start(3) for row in rows}) == 1
    bad, noted = (sum(row[1] == grade for row in rows) for grade in ("BAD", "note"))
    assert lines[-1] == f"{bad} bad, {noted} to note"
    return {(row[1], row[2]): row[3] for row in rows}


def test_this_machine(tmp_path):
    found = findings(fine("doctor", tmp_path))
    assert [about for about in ALWAYS if ("ok", about) not in found and ("note", about) not in found] == []
    assert found["ok", "h5dcp"] == fine("--version").split()[1]
    version = re.match(r"(\d+\.\d+\.\d+), headers (\d+\.\d+\.\d+), parallel", found["ok", "HDF5"])
    assert version[1] == version[2]
    assert re.search(r"MPI-\d\.\d", found["ok", "MPI"])
    kind = subprocess.run(["df", "--output=fstype", tmp_path], capture_output=True, text=True).stdout.split()[-1]
    assert found["ok", "file system"].startswith(kind + " (")
    assert re.search(r", \d+\.\d of \d+\.\d GB free$", found["ok", "file system"])
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"


def test_the_path_may_be_a_file_that_is_not_there_yet(tmp_path):
    fine("doctor", tmp_path / "step_100.h5")
    assert list(tmp_path.iterdir()) == []
    done = run("doctor", cwd=tmp_path)
    assert done.returncode == 0 and list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_used(tmp_path):
    assert "missing" in fails(1, "doctor", tmp_path / "missing" / "step.h5").stderr
    assert fails(1, "doctor", "/proc").stderr.startswith("h5dcp: ")


def test_a_file_system_in_memory():
    if not Path("/dev/shm").is_dir():
        pytest.skip("no /dev/shm")
    found = findings(fine("doctor", "/dev/shm"))
    assert "reboot" in found["note", "file system"]
    assert not [path for path in Path("/dev/shm").iterdir() if "h5dcp-doctor" in path.name]


def test_mpi_without_a_launcher(tmp_path):
    found = findings(run("doctor", tmp_path, env=dict(MPI)).stdout)
    assert found["ok", "threads"].startswith("MPI_THREAD_")
    broken = dict(MPI, OMPI_MCA_ess="none_such", OMPI_MCA_pml="none_such", FI_PROVIDER="none_such",
                  UCX_TLS="none_such")
    done = run("doctor", tmp_path, env=broken)
    if "threads" in done.stdout:
        pytest.skip("nothing keeps this MPI from starting")
    assert done.returncode == 0 and "does not start" in findings(done.stdout)["note", "MPI"]


def test_the_component_that_opens_files(tmp_path):
    if "Open MPI" not in fine("doctor", tmp_path):
        pytest.skip("not Open MPI")
    for component, name in [("ompio", "OMPIO"), ("romio321", "ROMIO")]:
        found = findings(run("doctor", tmp_path, env=dict(MPI, OMPI_MCA_io=component)).stdout)
        assert found["ok", "MPI-IO"] == name
        assert (("note", "MPI-IO") in found) == (name == "OMPIO")


def test_ranks_that_see_the_same_file(tmp_path):
    done = mpirun(3, "doctor", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert findings(done.stdout)["ok", "ranks"] == "3 on 1 host see the same file"
    assert list(tmp_path.iterdir()) == []


def test_collective_reads(tmp_path):
    """OMPIO returns wrong bytes when one rank wants all of a file, one a part and one nothing."""
    for component in ("ompio", "romio321"):
        done = mpirun(3, "doctor", tmp_path, env=dict(MPI, OMPI_MCA_io=component))
        found = findings(done.stdout)
        if found.get(("ok", "MPI-IO")) == "OMPIO":
            assert re.match(r"[1-9]\d* of 90 collective ones returned wrong bytes", found["note", "MPI-IO reads"])
        else:
            assert found["ok", "MPI-IO reads"] == "90 collective ones returned the right bytes"
        assert done.returncode == 0
        assert list(tmp_path.iterdir()) == []
    assert "takes 3 ranks" in findings(mpirun(2, "doctor", tmp_path).stdout)["note", "MPI-IO reads"]


def test_a_rank_that_sees_another_folder(tmp_path):
    """Rank 1 has a file system of its own there."""
    probe = ["unshare", "--mount", "sh", "-c", f"mount -t tmpfs none {tmp_path}"]
    if subprocess.run(probe, capture_output=True).returncode != 0:
        pytest.skip("mounts cannot be made here")
    tool = tmp_path.parent / f"{tmp_path.name}.sh"
    tool.write_text(f"""#!/bin/sh
if [ "${{OMPI_COMM_WORLD_RANK:-$PMI_RANK}}" = 1 ]; then
  exec unshare --mount sh -c 'mount -t tmpfs none {tmp_path} && exec {TOOL} "$@"' sh "$@"
fi
exec {TOOL} "$@"
""")
    tool.chmod(0o755)
    done = mpirun(3, "doctor", tmp_path, tool=tool)
    assert done.returncode == 1
    text = next(line for line in done.stdout.splitlines() if line.startswith("BAD"))
    assert re.search(r"ranks +rank 1 on \S+ does not see the file that rank 0 wrote: it is not there", text)
