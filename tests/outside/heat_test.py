"""Programs without torch: the heat equation goes on where it was, and the README's program does what it says."""
import re
import shutil

import h5py
import numpy as np
import pytest
from outside import EXAMPLES, SOURCE, build, make, mpiexec


@pytest.fixture(scope="module")
def heat_by_cmake(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cmake")
    build(EXAMPLES / "heat", folder)
    return folder / "heat"


@pytest.fixture(scope="module")
def heat_by_make(tmp_path_factory):
    folder = tmp_path_factory.mktemp("make")
    shutil.copy(EXAMPLES / "heat/heat.cpp", folder)
    make("heat", folder)
    return folder / "heat"


def plate(path):
    with h5py.File(path) as file:
        assert file["state/step"].dtype == "int64"
        return int(file["state/step"][()]), file["state/temperature"][()]


def expected(steps):
    """The same differences, by NumPy."""
    cells = np.zeros((102, 122))
    cells[31:51, 21:61] = 100
    for _ in range(steps):
        here = cells[1:-1, 1:-1]
        here += 0.2 * (cells[:-2, 1:-1] + cells[2:, 1:-1] + cells[1:-1, :-2] + cells[1:-1, 2:] - 4 * here)
    return cells[1:-1, 1:-1]


def test_heat_goes_on_with_other_ranks_as_if_uninterrupted(heat_by_cmake, heat_by_make, tmp_path):
    interrupted, whole = tmp_path / "interrupted.h5", tmp_path / "whole.h5"
    for steps, ranks in ((20, 2), (40, 3), (60, 1), (80, 7), (100, 4)):
        output = mpiexec(ranks, heat_by_cmake, interrupted, steps)
        assert (f"goes on from step {steps - 20}\n" in output) == (steps > 20)
    mpiexec(1, heat_by_make, whole, 100)

    step, temperature = plate(interrupted)
    assert step == 100
    # Every cell is computed by the same operations wherever it is, so not a bit may differ.
    np.testing.assert_array_equal(temperature, plate(whole)[1], strict=True)
    np.testing.assert_allclose(temperature, expected(100), rtol=1e-12)


def test_the_program_of_the_readme_does_what_it_says(tmp_path):
    [program] = re.findall(r"```cpp\n(.*?int main.*?)```", (SOURCE / "README.md").read_text(), re.DOTALL)
    (tmp_path / "heat.cpp").write_text(program)  # as the Makefile makes
    make("heat", tmp_path)
    mpiexec(2, tmp_path / "heat", cwd=tmp_path)
    with h5py.File(tmp_path / "step_100.h5") as file:
        assert file["state/model/w"].shape == (1000, 64)
        assert file["state/step"][()] == 100
