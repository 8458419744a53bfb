"""Power cuts: what was not synced is lost, in part or whole, and later jobs go on with what is left.

Saves, copies and moves are logged, effect by effect (shim/effects.h); states.py makes states that a disk may be in
after a cut, and judging.py has them judged. Each case is a sample. H5DCP_POWERCUT_SECONDS makes it larger: so many
seconds are spent on all cases together.
"""

import itertools
import os
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import jobs as programs
from judging import Judge, faults

WAYS = ["direct", "collective", "repeated", "filtered", "files", "chunked"]
SECONDS = float(os.environ.get("H5DCP_POWERCUT_SECONDS", "0"))
CASES = len(WAYS) + 11  # that share the time


@pytest.fixture(scope="session")
def judge():
    with programs.scratch() as folder, Judge(folder) as judge:
        yield judge
        print(f"{judge.states} states judged")


@pytest.fixture
def jobs():
    with programs.scratch() as folder:
        yield programs.Jobs(folder)


def expect_sound(judge, jobs, way, *paths):
    """Judges a sample of the states, and another one as long as there is time."""
    until = time.monotonic() + SECONDS / CASES
    for seed in itertools.count():
        found, states = faults(judge, jobs, way, paths, seed=seed)
        assert not found, f"seed {seed}, {len(found)} of {states} states:\n" + "\n".join(found[:10])
        assert states > 20
        if time.monotonic() >= until:
            break


# The folder is new: the program made it a moment before. The second save replaces the first.
@pytest.mark.parametrize("way", WAYS)
def test_saves(way, judge, jobs):
    path = jobs.root / "new" / "folder" / "good.h5"
    jobs.run("save", way, path, 1, 3 if way == "repeated" else 2, "replace")
    expect_sound(judge, jobs, way, path)


def test_a_save_that_refuses(judge, jobs):
    path = jobs.root / "good.h5"
    jobs.run("save", "direct", path, 1, 1, "refuse")
    expect_sound(judge, jobs, "direct", path)


def test_two_jobs(judge, jobs):
    path = jobs.root / "good.h5"
    jobs.run("save", "files", path, 1, 1, "replace")
    both = [jobs.start("save", "files", path, version, 1, "replace") for version in (2, 3)]
    for job in both:
        jobs.wait(job)
    expect_sound(judge, jobs, "files", path)


# The next job finds the new name, which a power cut may take away, and the data files of the old one.
def test_a_save_after_one_that_died_after_its_rename(judge, jobs):
    path = jobs.root / "good.h5"
    jobs.run("save", "files", path, 1, 1, "replace")
    jobs.run("die", "files", path, 2, dies=True)
    for left in jobs.root.rglob("*"):
        os.utime(left, (1, 1))
    jobs.run("save", "files", path, 3, 1, "replace")
    expect_sound(judge, jobs, "files", path)


@pytest.mark.parametrize("way", ["direct", "files"])
@pytest.mark.parametrize("what", ["copy", "move", "link"])
def test_copies_and_moves(what, way, judge, jobs):
    source, target = jobs.root / "a" / "from.h5", jobs.root / "a" / "to.h5"
    jobs.run("save", way, source, 1, 1, "replace")
    if what != "link":
        jobs.run("save", way, target, 5, 1, "replace")
    jobs.run(what, "refuse" if what == "link" else "replace", source, target, 1, ranks=1)
    expect_sound(judge, jobs, way, source, target)


# A copy that cp has made is in the page cache only.
@pytest.mark.parametrize("way", ["direct", "files"])
def test_a_move_of_a_copy_that_nobody_synced(way, judge, jobs):
    target = jobs.root / "a" / "to.h5"
    jobs.run("save", way, target, 5, 1, "replace")
    jobs.run("save", way, jobs.root / "b" / "from.h5", 1, 1, "replace")
    jobs.run("duplicate", jobs.root / "b", jobs.root / "c", ranks=1)
    jobs.run("move", "replace", jobs.root / "c" / "from.h5", target, 1, ranks=1)
    expect_sound(judge, jobs, way, target)


# A call of fsync that does nothing is found.
@pytest.mark.parametrize(("lie", "way"), [("rank 0", "direct"), ("rank 1", "direct"), ("data", "files"), ("folder", "direct")])
def test_a_lie_is_found(lie, way, judge, jobs):
    path = jobs.root / "new" / "good.h5"
    jobs.run("save", way, path, 1, 2, "replace", lie=lie)
    found, _ = faults(judge, jobs, way, [path], sharp=60, others=20)
    assert found
