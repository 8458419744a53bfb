"""What the tests of slurm/ are given."""
import os

import pytest

from cluster import CannotRun, Cluster


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    try:
        cluster = Cluster(tmp_path_factory.mktemp("slurm"), slots=8)
    except CannotRun as reason:
        pytest.skip(f"cannot run Slurm here: {reason}")
    cluster.environment["PATH"] = os.environ["H5DCP_BIN"] + ":" + cluster.environment["PATH"]
    yield cluster
    cluster.stop()
