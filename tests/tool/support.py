"""Running the tool, and looking at what it prints."""

import json
import os
import re
import subprocess
from pathlib import Path

BIN = Path(os.environ["H5DCP_BIN"])
SAMPLES = Path(os.environ["H5DCP_SAMPLES"])
TOOL = BIN / "h5dcp"
RECORD_BYTES = 4096
ALONE = {"LC_ALL": "C", "ASAN_OPTIONS": "detect_leaks=0"}  # without a launcher, and without what a
# launcher or a user might have set

MPI = dict(os.environ, **ALONE)  # of the test: what mpiexec needs here


def run(*arguments, **options):
    options.setdefault("env", ALONE)
    return subprocess.run([TOOL, *arguments], stdout=options.pop("stdout", subprocess.PIPE),
                          stderr=subprocess.PIPE, text=True, **options)


def fine(*arguments):
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def fails(status, *arguments):
    """Whatever goes wrong, a single line on stderr says so."""
    done = run(*arguments)
    assert done.returncode == status
    assert re.fullmatch(r"h5dcp: .+\n", done.stderr)
    return done


def flip(path, address):
    with open(path, "r+b") as file:
        file.seek(address)
        byte = file.read(1)[0]
        file.seek(address)
        file.write(bytes([byte ^ 0x10]))


def entries(path, verb="ls"):
    return {entry["fqn"]: entry for entry in json.loads(fine(verb, path, "--json"))["entries"]}


def mpirun(ranks, *arguments, tool=TOOL, env=MPI):
    return subprocess.run([os.environ["H5DCP_MPIEXEC"], "-n", str(ranks), tool, *arguments], env=env,
                          capture_output=True, text=True)


def peak_bytes(*arguments):
    """The most memory that a run had at once."""
    environment = dict(ALONE, ASAN_OPTIONS="detect_leaks=0:quarantine_size_mb=1")
    process = subprocess.Popen([TOOL, *arguments], stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss * 1024
