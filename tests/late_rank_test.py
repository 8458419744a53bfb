"""One rank is late or stopped, wherever ranks wait for each other: the others say who, and the job ends."""
import concurrent.futures
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

RANKS = 3
TIMED_OUT = 3
# Where a rank is late, and the step in which the others wait for it.
STEPS = {
    "set_up_planner": "plan",  # where the state dict is looked at
    "plan_writes": "plan",
    "exchange": "send plans to owners",
    "write_data": "prepare to write",
    "finish": "sync 'x.h5'",
    "read_metadata": "open 'x.h5'",
    "read_data": "read from 'x.h5'",
    "agree with the file open": "write to 'x.h5'",
}
# The same for calls of HDF5 that the others are inside of.
CALLS = {
    "MPI_Comm_dup": ("write to 'x.h5'", "H5Pset_fapl_mpio"),
    "MPI_File_open": ("write to 'x.h5'", "H5Fopen"),
    "MPI_File_write_at_all": ("write to 'x.h5'", "collective H5Dwrite of '/state/a'"),
    "data for the file": ("write to 'x.h5'", "collective H5Dwrite of '/state/a'"),
    "MPI_File_close": ("write to 'x.h5'", "H5Fclose"),
    "MPI_File_read_at_all": ("read from 'x.h5'", "collective H5Dread of '/state/a'"),
}
# The same in a save that repeats the plan of others before it.
STEPS_AGAIN = {
    "set_up_planner again": "plan",
    "resolve_data again": "write to 'x.h5'",
    "rename again": "commit 'x.h5'",  # by the coordinator
}
WAITS = [(place, how, 2) for place in STEPS for how in ("sleep", "stop")] + [("finish", "stop", 0)]
WAITS_AGAIN = [(place, how, 0 if place == "rename again" else 2) for place in STEPS_AGAIN for how in ("sleep", "stop")]
HANGS = [(place, "stop", 1) for place in CALLS] + [("MPI_File_write_at_all", "stop", 0)]
LATE_FOR_A_CALL = ("data for the file", "sleep", 1)
SLOW_CALL = ("MPI_File_write_at_all", "sleep", 1)
NOBODY_CAN_BE_ASKED = ("MPI_File_write_at_all", "stop", 1, "funneled")
NOBODY_COULD_BE_ASKED = ("MPI_File_write_at_all", "sleep", 1, "funneled")
LOGGED = ("MPI_File_write_at_all", "sleep", 1, "log")
LOGGED_BY_THE_PROGRAM = ("MPI_File_read_at_all", "sleep", 1, "log", "logger")
CASES = [*WAITS, *WAITS_AGAIN, *HANGS, LATE_FOR_A_CALL, SLOW_CALL, NOBODY_CAN_BE_ASKED, NOBODY_COULD_BE_ASKED, LOGGED,
         LOGGED_BY_THE_PROGRAM]
# MPICH's launcher kills all ranks when one calls MPI_Abort, before the others have told.
ABORT_IS_AT_ONCE = "HYDRA" in subprocess.run([os.environ["H5DCP_MPIEXEC"], "--version"], capture_output=True,
                                             text=True).stdout
SLOW = "all ranks arrived, but MPI did not finish within 1 s"


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Job:
    def __init__(self, folder, *words):
        command = [os.environ["H5DCP_MPIEXEC"], "-n", str(RANKS), os.environ["H5DCP_LATE_RANK"], *map(str, words)]
        job = subprocess.Popen(command, cwd=folder, text=True, start_new_session=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            self.output, _ = job.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(job.pid, signal.SIGKILL)
            self.output = job.communicate()[0] + "\nit did not end by itself"
        self.status = job.returncode
        pids = [int(pid) for pid in re.findall(r"is process (\d+)$", self.output, re.MULTILINE)]
        for _ in range(300):  # mpiexec does not wait until those that it killed are gone
            self.alive = [pid for pid in pids if is_alive(pid)]
            if not self.alive:
                break
            time.sleep(0.1)
        for pid in self.alive:
            os.kill(pid, signal.SIGKILL)

    def assert_ended(self):
        assert self.status == TIMED_OUT, self.output
        assert not self.alive, self.output
        assert len(re.findall("is process", self.output)) == RANKS
        assert "can go on" not in self.output

    def errors(self):
        """{rank: what was thrown there}"""
        return {int(rank): text for rank, text in re.findall(r"^rank (\d+): (.*)$", self.output, re.MULTILINE)}

    def hangs(self):
        """{rank: what on_hang was told there}"""
        found = re.findall(r'^rank (\d+) hangs: (.*) \| (.*) \| (.*) \| \[(.*)\] \| (.*)$', self.output, re.MULTILINE)
        assert len({rank for rank, *_ in found}) == len(found), self.output  # once
        return {int(rank): rest for rank, *rest in found}


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    """All of them at once, as far as there is room: they mostly sleep."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        yield {case: pool.submit(Job, tmp_path_factory.mktemp("job"), *case) for case in CASES}


def name(case):
    return "-".join(map(str, case))


def assert_told(told, late, how, job):
    """A rank that was stopped is told, too, if MPI_Abort lets it go on for a moment."""
    everybody = set(range(RANKS))
    if ABORT_IS_AT_ONCE:
        assert told, job.output
    else:
        assert told == everybody or (how == "stop" and told == everybody - {late}), job.output


def assert_all_fail(job, error):
    errors = job.errors()
    assert_told(errors.keys(), None, None, job)
    assert set(errors.values()) == {error}, job.output


def assert_hangs(job, late, how, step, call, missing, found):
    hangs = job.hangs()
    assert_told(hangs.keys(), late, how, job)
    for rank in hangs.keys() - {late}:
        hang_step, hang_call, file, hang_missing, text = hangs[rank]
        assert (hang_step, hang_call, hang_missing) == (step, call, missing), job.output
        assert re.fullmatch(r"x\.h5|\./\.x\.h5\.[0-9a-f]+\.partial", file), job.output
        assert text == f"{step}: {found}; rank {rank} of {RANKS} is inside {call}, file '{file}'"


def assert_waited(job, case, step):
    _, how, late = case
    job.assert_ended()
    errors = job.errors()
    assert_told(errors.keys(), late, how, job)
    assert set(errors.values()) == {f"{step}: rank {late} of {RANKS} did not arrive within 1 s"}, job.output
    assert not job.hangs(), job.output


@pytest.mark.parametrize("case", WAITS, ids=name)
def test_a_wait_names_the_rank_that_did_not_arrive(jobs, case):
    assert_waited(jobs[case].result(), case, STEPS[case[0]])


@pytest.mark.parametrize("case", WAITS_AGAIN, ids=name)
def test_so_does_a_wait_in_a_save_that_repeats_a_plan(jobs, case):
    job = jobs[case].result()
    assert_waited(job, case, STEPS_AGAIN[case[0]])
    assert job.output.count("has repeated a save") == RANKS, job.output


@pytest.mark.parametrize("case", HANGS, ids=name)
def test_a_call_of_hdf5_names_the_rank_that_does_not_answer(jobs, case):
    job = jobs[case].result()
    place, how, late = case
    job.assert_ended()
    assert_hangs(job, late, how, *CALLS[place], str(late), f"rank {late} of {RANKS} did not arrive within 1 s")


def test_without_threads_in_mpi_nobody_is_named(jobs):
    job = jobs[NOBODY_CAN_BE_ASKED].result()
    place, how, late, _ = NOBODY_CAN_BE_ASKED
    job.assert_ended()
    assert_hangs(job, late, how, *CALLS[place], "",
                 "not done within 1 s, and without MPI_THREAD_MULTIPLE the other ranks cannot be asked")


def test_a_call_that_ends_after_all_has_timed_out_all_the_same(jobs):
    job = jobs[LATE_FOR_A_CALL].result()
    place, how, late = LATE_FOR_A_CALL
    step = CALLS[place][0]
    found = f"rank {late} of {RANKS} did not arrive within 1 s"
    job.assert_ended()
    assert_hangs(job, late, "stop", *CALLS[place], str(late), found)  # the late rank waits for none, or not for long
    assert_all_fail(job, f"{step}: {found}")


def test_a_slow_call_is_no_ranks_fault(jobs):
    job = jobs[SLOW_CALL].result()
    place, how, late = SLOW_CALL
    step = CALLS[place][0]
    job.assert_ended()
    assert_hangs(job, late, how, *CALLS[place], "", SLOW)
    assert_all_fail(job, f"{step}: {SLOW}")


def test_what_could_not_be_asked_is_asked_after_the_call(jobs):
    job = jobs[NOBODY_COULD_BE_ASKED].result()
    place, how, late, _ = NOBODY_COULD_BE_ASKED
    job.assert_ended()
    assert_all_fail(job, f"{CALLS[place][0]}: {SLOW}")


def test_by_default_hangs_are_logged(jobs):
    job = jobs[LOGGED].result()
    step, call = CALLS[LOGGED[0]]
    job.assert_ended()
    logged = re.findall(rf"error.*\[rank \d of {RANKS}\] {step}: {SLOW}; rank (\d) of {RANKS} is inside {call}, file ", job.output)
    assert sorted(logged) == [str(rank) for rank in range(RANKS)], job.output
    assert_told(job.errors().keys(), None, None, job)


def test_a_logger_of_the_program_is_told_of_hangs(jobs):
    job = jobs[LOGGED_BY_THE_PROGRAM].result()
    step, call = CALLS[LOGGED_BY_THE_PROGRAM[0]]
    job.assert_ended()
    error = 1
    logged = re.findall(rf"^rank (\d) logs: {error} \| \1 of {RANKS} \| {step} \| {step}: {SLOW}; "
                        rf"rank \1 of {RANKS} is inside {call}, file ", job.output, re.MULTILINE)
    assert sorted(logged) == [str(rank) for rank in range(RANKS)], job.output
    assert f"] {step}" not in job.output, "not where spdlog writes, too"
