"""A program with libtorch: its module and optimizer go on where they were, on other ranks."""
import os
import re

import h5py
from outside import EXAMPLES, build, mpiexec


def losses(output):
    return re.findall(r"^(step \d+ loss \S+)$", output, re.MULTILINE)


def tensors(path):
    with h5py.File(path) as file:
        found = {}
        file["state"].visititems(lambda name, item: found.update({name: item[()].tobytes()} if hasattr(item, "dtype") else {}))
    return found


def test_training_goes_on_with_other_ranks_as_if_uninterrupted(tmp_path):
    build(EXAMPLES / "linear", tmp_path / "build", f"-DPython3_EXECUTABLE={os.environ['H5DCP_PYTHON']}")
    linear = tmp_path / "build/linear"
    interrupted, whole = tmp_path / "interrupted.h5", tmp_path / "whole.h5"
    first = losses(mpiexec(2, linear, interrupted, 5))
    second = losses(mpiexec(3, linear, interrupted, 10))
    assert len(first) == len(second) == 5
    assert losses(mpiexec(1, linear, whole, 10)) == first + second
    assert tensors(interrupted) == tensors(whole)
    assert {"model/slope", "model/offset"} <= set(tensors(whole))
