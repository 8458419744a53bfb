"""The scripts of slurm/, as they are, in a Slurm of this test's own."""
import os
import pathlib
import re
import stat
import subprocess
import sys

import pytest

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "slurm"
TRAIN, VERIFY = SCRIPTS / "train.sbatch", SCRIPTS / "verify.sbatch"
LAUNCHERS = {"srun": {}, "mpirun": {"H5DCP_LAUNCHER": "mpirun"}}

STEPS = 40  # some seconds: enough to be interrupted in
TRAINING = [f"--steps={STEPS}", "--save-every=0", "--batch=24"]


def losses(output):
    """Of each step, as text; a step that was done twice counts as a mistake."""
    found = re.findall(r"^step (\d+) loss (\S+)$", output, re.MULTILINE)
    assert len(found) == len(dict(found)), output
    return dict(found)


@pytest.fixture(scope="module")
def whole(slurm, tmp_path_factory):
    """The losses of a training that nothing interrupts."""
    folder = tmp_path_factory.mktemp("whole")
    done = subprocess.run([os.environ["H5DCP_MPIEXEC"], "-n", "2", "h5dcp-trainer", *TRAINING],
                          env=slurm.environment, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert list(losses(done.stdout)) == [str(step) for step in range(1, STEPS + 1)]
    return losses(done.stdout)


def stand_in(folder, text):
    """A PATH on which h5dcp-trainer is a script."""
    program = folder / "bin/h5dcp-trainer"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nimport os, pathlib, signal, sys\n{text}")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program.parent


# Jobs begin together, and what they end as is looked at one after the other: most of their time they wait.


@pytest.fixture(scope="module", autouse=True)
def at_its_limit(slurm, tmp_path_factory):
    """A job whose time is up: Slurm looks for those every 30 s. With its folder, as below."""
    folder = tmp_path_factory.mktemp("limit")
    path = stand_in(folder, """
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
if pathlib.Path("told").exists():
    sys.exit(0)
signal.sigwait({signal.SIGUSR1})
pathlib.Path("told").touch()
sys.exit(75)
""")
    job = slurm.submit(TRAIN, options=["--ntasks=1", "--time=1"], folder=folder,
                       PATH=f"{path}:{slurm.environment['PATH']}")
    return job, folder


# What there may be in the place of a program when the signal comes too early for the trainer.
EARLY = {"trainer is not ready": "signal.pause()", "launcher gives up": "signal.sigwait([signal.SIGUSR1])"}


@pytest.fixture(scope="module", autouse=True)
def signalled_early(slurm, tmp_path_factory):
    """By what there was: a job that was told to stop then."""
    jobs = {}
    for there, waits in EARLY.items():
        folder = tmp_path_factory.mktemp("early")
        path = stand_in(folder, f"""
if "gives up" in "{there}":
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
if os.environ.get("SLURM_RESTART_COUNT") != "1":
    print("deaf", flush=True)
    {waits}
""")
        # `env` is a launcher that starts one rank, in its own place.
        jobs[there] = slurm.submit(TRAIN, options=["--ntasks=1"], folder=folder, H5DCP_LAUNCHER="env",
                                   PATH=f"{path}:{slurm.environment['PATH']}")
    for job in jobs.values():
        job.wait_for_output("^deaf$")
        job.signal("USR1")
    return jobs


@pytest.fixture(scope="module")
def interrupted(slurm, tmp_path_factory):
    """By launcher: a training that was told to stop early on."""
    jobs = {}
    for launcher, environment in LAUNCHERS.items():
        folder = tmp_path_factory.mktemp(launcher)
        jobs[launcher] = slurm.submit(TRAIN, *TRAINING, options=["--ntasks=2"], folder=folder, **environment), folder
        jobs[launcher][0].wait_for_output("^step 2 loss")
        jobs[launcher][0].signal("USR1")
    return jobs


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_signalled_training_saves_and_goes_on(interrupted, whole, launcher):
    job, _ = interrupted[launcher]
    assert job.wait_for_end() == ("COMPLETED", 0), job.describe()
    output = job.output()
    stopped = re.findall(r"^stopped by SIGUSR1 after step (\d+), saved$", output, re.MULTILINE)
    assert len(stopped) == 1, output
    assert job.field("Restarts") == "1"
    assert f"resumed from checkpoints/step_{stopped[0]}.h5\n" in output
    assert losses(output) == whole  # so no step was lost or repeated


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_verify_tells_good_from_damaged(interrupted, slurm, tmp_path, launcher):
    job, folder = interrupted[launcher]
    job.wait_for_end()
    [good] = (folder / "checkpoints").iterdir()
    bad = tmp_path / "bad.h5"
    content = bytearray(good.read_bytes())
    content[len(content) // 2] ^= 1
    bad.write_bytes(content)

    for files, end in [([good], ("COMPLETED", 0)), ([bad, good], ("FAILED", 1))]:
        job = slurm.submit(VERIFY, *files, options=["--ntasks=2"], folder=tmp_path, **LAUNCHERS[launcher])
        assert job.wait_for_end() == end, job.describe()
        assert len(re.findall(rf"^{good}: ok, .*, by 2 ranks$", job.output(), re.MULTILINE)) == 1, job.output()
        assert job.output().count("do not match their checksum") == len(files) - 1


def test_verify_fails_where_the_launcher_starts_nothing(slurm, tmp_path):
    job = slurm.submit(VERIFY, "x.h5", options=["--ntasks=1"], folder=tmp_path, H5DCP_LAUNCHER="true")
    assert job.wait_for_end() == ("FAILED", 1), job.describe()
    assert "'x.h5' was not verified: true has not started h5dcp" in job.output()


def test_a_training_that_fails_does_not_come_back(slurm, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints/step_3.h5").write_bytes(b"no checkpoint")
    job = slurm.submit(TRAIN, *TRAINING, options=["--ntasks=2"], folder=tmp_path)
    assert job.wait_for_end() == ("FAILED", 1), job.describe()
    assert job.field("Restarts") == "0"
    assert "none of its checkpoints can be read" in job.output()


@pytest.mark.parametrize("there", EARLY)
def test_a_signal_that_comes_too_early_is_neither_failure_nor_end(signalled_early, there):
    job = signalled_early[there]
    assert job.wait_for_end() == ("COMPLETED", 0), job.describe()
    assert job.field("Restarts") == "1"


def test_time_limit_stops_and_requeues(at_its_limit):
    job, folder = at_its_limit
    assert job.wait_for_end() == ("COMPLETED", 0), job.describe()
    assert (folder / "told").exists(), job.describe()  # by the signal, not by the end
    assert job.output().count("back to the queue") == int(job.field("Restarts")) >= 1
