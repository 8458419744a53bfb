"""h5dcp verify under a launcher: the ranks share the work, and end alike."""

import os
import re
import shutil
import subprocess

import pytest
from support import MPI, SAMPLES, TOOL, entries, flip, mpirun, run


@pytest.mark.parametrize("np", [1, 2, 5])
def test_a_whole_file(np, sample):
    done = mpirun(np, "verify", sample)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{sample}: ok, 42 entries, {os.path.getsize(sample)} bytes, by {np} ranks\n"


def test_each_finding_names_its_rank(copy):
    for fqn in ["matrix", "dtypes.complex128", "values.counts", "values.name"]:
        flip(copy, entries(copy)[fqn]["address"])
    alone = run("verify", copy)
    assert alone.returncode == 1 and len(alone.stdout.splitlines()) == 4
    done = mpirun(3, "verify", copy)
    assert done.returncode == 1
    found = [re.fullmatch(r"rank [012]: (.+)", line)[1] for line in done.stdout.splitlines()]
    assert sorted(found) == sorted(alone.stdout.splitlines())


def test_an_error_is_told_once_and_ends_all_ranks(tmp_path):
    copy = shutil.copy(SAMPLES / "np3" / "sample.h5", tmp_path / "copy.h5")
    for path, why in [(tmp_path / "missing.h5", "No such file"), (tmp_path, "not a regular file")]:
        done = mpirun(3, "verify", path)
        assert done.returncode == 1 and done.stdout == ""
        assert len([line for line in done.stderr.splitlines() if line.startswith("h5dcp: ")]) == 1, why
    flip(copy, 100)
    done = mpirun(2, "verify", copy)
    assert done.returncode == 1 and "h5dcp: verify" in done.stderr


def test_without_a_launcher_mpi_is_not_started(sample):
    """Where MPI cannot start: Open MPI and MPICH end the process in MPI_Init."""
    broken = {"OMPI_MCA_ess": "none_such", "OMPI_MCA_pml": "none_such", "UCX_TLS": "none_such",
              "PATH": "/nowhere"}
    assert run("verify", sample, env=dict(broken, ASAN_OPTIONS="detect_leaks=0")).returncode == 0
    launched = subprocess.run([TOOL, "verify", sample], capture_output=True, text=True,
                              env=dict(MPI, **broken, OMPI_COMM_WORLD_SIZE="1"))
    assert launched.returncode != 0, "the same environment keeps MPI from starting"
