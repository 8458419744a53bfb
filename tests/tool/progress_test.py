"""The line that long work shows on a terminal. Reads are made slow, so that it is long."""

import os
import pty
import re
import shutil
import subprocess

import pytest
from support import ALONE, SAMPLES, TOOL, entries, flip

HUGE = SAMPLES / "np1" / "huge.h5"
ERASED = "\r\x1b[K"
LINE = r"\r\x1b\[K(verify|diff)  ( \d\d|100|  \d) %  0\.\d of 0\.1 GB  \d+\.\d\d GB/s"


@pytest.fixture
def slowly():
    """A command whose reads are late: diff makes some 48 of them, verify 27, so each takes 2 s and more."""
    if subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode != 0:
        pytest.skip("strace cannot trace here")
    return lambda verb: ["strace", "-f", "-o", "/dev/null", "-e", "trace=pread64", "-e",
                         f"inject=pread64:delay_enter={({'diff': 60, 'verify': 100}[verb]) * 1000}", TOOL, verb]


def on_a_terminal(*command, stdout_too=False):
    """Runs it on a pseudo-terminal; (status, stdout, what the terminal was sent)."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, env=dict(ALONE, PATH=os.environ["PATH"]), stdin=theirs, stderr=theirs,
                               stdout=theirs if stdout_too else subprocess.PIPE)
    os.close(theirs)
    shown = b""
    while True:
        try:
            some = os.read(ours, 4096)
        except OSError:  # the other side is closed
            break
        if not some:
            break
        shown += some
    stdout = b"" if stdout_too else process.stdout.read()
    os.close(ours)
    return process.wait(), stdout.decode(), shown.decode()


@pytest.mark.parametrize("arguments", [["verify", HUGE], ["diff", HUGE, HUGE]], ids=lambda each: each[0])
def test_long_work_shows_how_far_it_is(slowly, arguments):
    status, stdout, shown = on_a_terminal(*slowly(arguments[0]), *arguments[1:])
    assert status == 0 and ERASED not in stdout
    lines = [match.group(0) for match in re.finditer(LINE, shown)]
    assert len(lines) >= (2 if arguments[0] == "diff" else 1)
    assert shown == "".join(lines) + ERASED, "nothing else, and in the end nothing is left"
    done = [int(re.search(r"(\d+) %", line).group(1)) for line in lines]
    assert done == sorted(done) and 0 < done[0] and done[-1] <= 100


def test_other_lines_have_a_line_of_their_own(slowly, tmp_path):
    path = shutil.copy(HUGE, tmp_path / "copy.h5")
    flip(path, entries(path)["huge"]["address"] + (120 << 20))
    status, _, shown = on_a_terminal(*slowly("verify"), path, stdout_too=True)
    assert status == 1
    assert re.search(r"GB/s\r\x1b\[Ktensor data of 'huge' [^\r\n]*\r\n", shown)


def test_short_work_shows_nothing():
    assert on_a_terminal(TOOL, "verify", SAMPLES / "np1" / "few.h5")[2] == ""


def test_no_terminal_no_line(slowly):
    done = subprocess.run([*slowly("verify"), HUGE], env=dict(ALONE, PATH=os.environ["PATH"]),
                          capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
