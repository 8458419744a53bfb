"""A training run that was interrupted goes on as if it had not been, on any number of ranks."""
import json
import os
import re
import shutil
import signal
import subprocess

import h5py
import pytest

# Neither 2 nor 3 ranks divide the batch, nor 3 most of the parameters.
SAVED, STEPS = 6, 12
SETTINGS = {"layers": 1, "hidden": 32, "heads": 2, "context": 32, "batch": 7, "steps": STEPS, "save-every": SAVED}


def trainer(folder, *options, **changed):
    """The words of a command."""
    settings = SETTINGS | changed | {"checkpoint": folder}
    return [os.environ["H5DCP_TRAINER"], *options, *(f"--{name}={value}" for name, value in settings.items())]


class Run:
    def __init__(self, ranks, folder, *options, **changed):
        self.run("-n", str(ranks), *trainer(folder, *options, **changed))

    def run(self, *words):
        done = subprocess.run([os.environ["H5DCP_MPIEXEC"], *words], capture_output=True, text=True, timeout=120)
        self.status, self.errors, self.output = done.returncode, done.stderr, done.stdout
        self.losses = dict(re.findall(r"^step (\d+) loss (\d+\.\d{9})$", self.output, re.MULTILINE))

    def difference(self, other):
        """The largest, over the steps of this run."""
        return max(abs(float(loss) - float(other.losses[step])) for step, loss in self.losses.items())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run that was not interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    run = Run(2, folder, "--report-memory")
    assert run.status == 0, run.errors
    assert list(run.losses) == [str(step) for step in range(1, STEPS + 1)]
    run.folder = folder
    return run


@pytest.fixture
def half(whole, tmp_path):
    """A folder with the checkpoint of half of it."""
    shutil.copy(whole.folder / f"step_{SAVED}.h5", tmp_path)
    return tmp_path


def assert_resumed(run, folder, step=SAVED, end=STEPS):
    assert run.status == 0, run.errors
    assert f"resumed from {folder}/step_{step}.h5\n" in run.output
    assert list(run.losses) == [str(step) for step in range(step + 1, end + 1)]


@pytest.mark.parametrize("transfer", ["direct", "collective"])
def test_as_many_ranks_print_the_same_digits(whole, half, transfer):
    run = Run(2, half, "--resume", "--transfer", transfer)
    assert_resumed(run, half)
    assert run.losses.items() <= whole.losses.items()
    final = (half / f"step_{STEPS}.h5", whole.folder / f"step_{STEPS}.h5")
    subprocess.run(["h5diff", *final], check=True)  # and end in the same state


def test_a_profile_says_how_checkpoints_are_saved(whole, half):
    profile = half / "profile.json"
    profile.write_text('{"files": "number 2"}')
    run = Run(2, half, "--resume", "--profile", profile)
    assert_resumed(run, half)
    [data] = half.glob(f"step_{STEPS}.h5.*.data")
    assert sorted(file.name for file in data.iterdir()) == ["1.h5", "2.h5"]
    profile.write_text('{"files": "some"}')
    run = Run(2, half, "--profile", profile)
    assert run.status != 0
    assert f"profile '{profile}': 'files' is \"some\": it must be one, number N" in run.errors + run.output


@pytest.mark.parametrize("ranks", [1, 3])
def test_other_numbers_of_ranks_come_close(whole, half, ranks):
    run = Run(ranks, half, "--resume", "--report-memory")
    assert_resumed(run, half)
    assert run.difference(whole) <= 1e-4
    assert_sharded(run, ranks)


def test_no_rank_keeps_more_than_its_share(whole):
    assert_sharded(whole, 2)


def assert_sharded(run, ranks):
    shares = re.findall(r"^memory of rank (\d+): .* ([\d.]+) of its share$", run.output, re.MULTILINE)
    assert [rank for rank, _ in shares] == [str(rank) for rank in range(ranks)]
    assert all(0.5 < float(share) <= 1.3 for _, share in shares), shares


@pytest.mark.parametrize("part", ["optimizer", "rng", "data"])
def test_every_part_of_the_state_matters(whole, half, part):
    run = Run(2, half, "--resume", "--forget", part)
    assert_resumed(run, half)
    assert run.difference(whole) > 1e-3


def test_damaged_checkpoints_are_named_and_passed_over(whole, half):
    damaged = half / "step_9.h5"  # found only when its tensors are read
    shutil.copy(whole.folder / f"step_{STEPS}.h5", damaged)
    with h5py.File(damaged) as file:
        address = file["state/model/head/weight"].id.get_offset()
    with open(damaged, "r+b") as file:
        file.seek(address + 100)
        byte = file.read(1)[0]
        file.seek(address + 100)
        file.write(bytes([byte ^ 1]))
    cut = half / "step_10.h5"  # found at once
    cut.write_bytes(damaged.read_bytes()[:-1])

    run = Run(2, half, "--resume")
    assert_resumed(run, half)
    assert re.search(rf"^passed over {cut}: .* cut .*\npassed over {damaged}: .*'model.head.weight'.* checksum",
                     run.output, re.MULTILINE), run.output
    assert run.losses.items() <= whole.losses.items()


def test_damaged_checkpoints_alone_are_an_error(tmp_path):
    (tmp_path / "step_3.h5").write_bytes(b"no checkpoint")
    run = Run(2, tmp_path, "--resume")
    assert run.status != 0
    assert not run.losses  # rather than to start again and overwrite what may be saved by hand
    assert run.errors.count("none of its checkpoints can be read") == 1


def test_there_may_be_more_ranks_than_samples_and_rows(tmp_path):
    tiny = {"hidden": 2, "heads": 1, "batch": 2}
    saved = Run(3, tmp_path, **tiny, steps=SAVED)
    assert saved.status == 0, saved.errors
    assert_resumed(Run(1, tmp_path, "--resume", **tiny), tmp_path)


class RunOfThree(Run):
    """Rank 1 runs another command than ranks 0 and 2."""

    def __init__(self, command, command_of_rank_1):
        self.run("-n", "1", *command, ":", "-n", "1", *command_of_rank_1, ":", "-n", "1", *command)


def test_a_rank_that_does_not_come_to_a_save_ends_the_job(tmp_path):
    settings = {"deadline": 1, "save-every": 2}
    run = RunOfThree(trainer(tmp_path, **settings), trainer(tmp_path, **settings | {"save-every": 0}))
    assert run.status == 3, run.errors
    assert f"h5dcp-trainer: make '{tmp_path}': rank 1 of 3 did not arrive within 1 s\n" in run.errors


def test_a_rank_that_is_stopped_inside_a_write_ends_the_job(tmp_path):
    command = trainer(tmp_path, "--transfer=collective", deadline=1, **{"save-every": 2})
    run = RunOfThree(command, ["env", "LD_PRELOAD=" + os.environ["H5DCP_STOP_IN_WRITE"], *command])
    path = f"{tmp_path}/step_2.h5"
    assert run.status == 3, run.errors
    assert re.search(rf"^h5dcp-trainer: write to '{path}': rank 1 of 3 did not arrive within 1 s; rank 0 of 3 is inside "
                     rf"collective H5Dwrite of '/state/.*', file '{tmp_path}/.*'$", run.errors, re.MULTILINE), run.errors
    assert not os.path.exists(path)


def test_a_signal_to_one_rank_stops_all_after_the_same_step(tmp_path):
    steps = 300  # some seconds
    settings = SETTINGS | {"steps": steps, "save-every": 0, "checkpoint": tmp_path}
    options = [f"--{name}={value}" for name, value in settings.items()]
    rank = f'echo $$ >{tmp_path}/pid.$OMPI_COMM_WORLD_RANK; exec "$0" "$@"'
    command = [os.environ["H5DCP_MPIEXEC"], "-n", "3", "sh", "-c", rank, os.environ["H5DCP_TRAINER"], *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        while not run.stdout.readline().startswith("step 2 "):
            assert run.poll() is None
        os.kill(int((tmp_path / "pid.1").read_text()), signal.SIGUSR1)
        output, errors = run.stdout.read(), run.stderr.read()
    assert run.returncode == 75, errors
    stopped = re.search(r"^stopped by SIGUSR1 after step (\d+), saved$", output, re.MULTILINE)
    assert stopped, output
    step = int(stopped[1])
    assert 2 < step < steps
    assert_resumed(Run(3, tmp_path, "--resume", **{"steps": step + 2}), tmp_path, step, step + 2)


def test_the_environment_says_what_is_recorded_and_logged(tmp_path, monkeypatch):
    record = tmp_path / "record.jsonl"
    monkeypatch.setenv("H5DCP_RECORD", str(record))
    monkeypatch.setenv("H5DCP_LOG_LEVEL", "info")
    paths = [f"{tmp_path}/step_{step}.h5" for step in (1, 2)]
    for run in (Run(2, tmp_path, steps=1, **{"save-every": 1}),
                Run(2, tmp_path, "--resume", steps=2, **{"save-every": 1})):
        assert run.status == 0, run.errors
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    assert [(line["what"], line["checkpoint"]) for line in lines] == [
        ("save", paths[0]), ("load", paths[0]), ("save", paths[1])]
    assert all(line["ranks"] == 2 and line["bytes"] > 0 and "error" not in line for line in lines)
    for what, path in (("load", paths[0]), ("save", paths[1])):
        assert len(re.findall(rf"info.*\] \[rank 0 of 2\] {what} '{path}': \d+ bytes in ", run.output)) == 1, run.output


def test_what_the_environment_cannot_mean_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("H5DCP_LOG_LEVEL", "loud")
    run = Run(2, tmp_path)
    assert run.status != 0 and not run.losses
    assert run.errors.count("H5DCP_LOG_LEVEL is 'loud'") == 1, run.errors
