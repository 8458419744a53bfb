"""Has the states of a disk judged by judge.cpp, a program that stays alive."""

import os
import random
import shutil
import subprocess
import time
from pathlib import Path

from effects import read_effects
from promise import Promise
from states import Disk

JUDGE = os.environ.get("H5DCP_POWERCUT_JUDGE", "")
LONG_AGO = time.time() - 3600  # what is as old as that counts as left by a job that was killed


class Judge:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.process = subprocess.Popen([JUDGE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.states = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def judge(self, tree, way, paths):
        """(what is at each path, what is wrong with later saves). Paths are relative to the folder."""
        root = self.folder / "disk"
        root.mkdir()
        for path, content in tree:
            if content is None:
                (root / path).mkdir()
            else:
                (root / path).write_bytes(content)
        for path, _ in reversed(tree):
            os.utime(root / path, (LONG_AGO, LONG_AGO))
        print(way, *[root / path for path in paths], sep="\t", file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        shutil.rmtree(root)
        self.states += 1
        if not answer:
            return ["the judge crashed"] * len(paths), f"status {self.process.wait()}"
        *found, later = answer.rstrip("\n").split("\t")
        return found, later


def states_of(root, log, paths, seed, at_random):
    """For each cut of power (whether nothing but the names changed there, state, cut, what is promised); each state
    once for each promise."""
    disk = Disk(root)
    promise = Promise(paths)
    seen = set()
    for number, effect in enumerate(read_effects(log)):
        if effect.what == "mark":
            promise.see(effect.fields[0])
        disk.happen(effect)
        allowed = frozenset(promise.allowed)
        sharp = () if effect.what in ("write", "allocate", "truncate") else disk.sharp_states()
        others = disk.other_states(f"{seed} {number}", at_random)
        for is_sharp, state in [(True, state) for state in sharp] + [(False, state) for state in others]:
            if (state.key, allowed) not in seen:
                seen.add((state.key, allowed))
                yield is_sharp, state, f"cut after {number}: {effect}", allowed


def faults(judge, jobs, way, paths, sharp=150, others=100, at_random=2, seed=0):
    """(What is wrong with the states that the disk may be in after a cut, by a sample of so many; how many there are.)"""
    names = [str(path.relative_to(jobs.root)) for path in paths]
    states = list(states_of(jobs.root, jobs.log, paths, seed, at_random))
    choose = random.Random(seed)
    sample = []
    for wanted, count in ((True, sharp), (False, others)):
        some = [state for state in states if state[0] == wanted]
        earlier, last = some[:-20], some[-20:]  # when all jobs have returned nothing of theirs may be lost
        sample += choose.sample(earlier, min(count, len(earlier))) + last
    found_faults = []
    for _, state, cut, allowed in sample:
        found, later = judge.judge(state.tree, way, names)
        wrong = "" if tuple(found) in allowed else f"found {found}, promised {sorted(allowed)}"
        if later:
            wrong += f"; {later}"
        if wrong:
            found_faults.append(f"{cut}; {state.why}: {wrong}")
    return found_faults, len(states)
