"""Starts the programs of this test under the shim's log of effects."""

import os
import signal
import subprocess
import tempfile
from pathlib import Path

VICTIM = os.environ.get("H5DCP_POWERCUT_VICTIM", "")
MPIEXEC = os.environ.get("H5DCP_MPIEXEC", "mpiexec")
RANKS = 2


class Jobs:
    """Jobs in one folder, which has the root of what is watched, and one log of all."""

    def __init__(self, scratch):
        self.scratch = Path(scratch)
        self.root = self.scratch / "root"
        self.root.mkdir()
        self.log = self.scratch / "effects"

    def start(self, *arguments, ranks=RANKS, lie=None):
        environment = {
            **os.environ,
            "H5DCP_SHIM_LOG": str(self.log),
            "H5DCP_SHIM_LOG_FOLDER": str(self.root),
            "H5DCP_SHIM_SESSION": "1",  # which the shim may end
            "OMPI_MCA_orte_tmpdir_base": str(self.scratch),
            "OMPI_MCA_btl_vader_backing_directory": str(self.scratch),
        }
        if lie:
            environment["H5DCP_SHIM_LIE"] = lie
        command = [MPIEXEC, "-n", str(ranks), VICTIM, *map(str, arguments)]
        return subprocess.Popen(
            command, env=environment, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(self, *arguments, dies=False, **options):
        self.wait(self.start(*arguments, **options), dies=dies)

    def wait(self, job, dies=False):
        said, _ = job.communicate()
        killed = job.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL, signal.SIGKILL)
        assert killed if dies else job.returncode == 0, said


def scratch():
    """A folder in memory, if there is one that can be written: what is synced there is not the test's business."""
    memory = "/dev/shm"
    return tempfile.TemporaryDirectory(prefix="h5dcp.", dir=memory if os.access(memory, os.W_OK) else None)
