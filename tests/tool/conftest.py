"""What the tests of the tool are given."""

import shutil
from pathlib import Path

import pytest

pytest.register_assert_rewrite("support")

from support import SAMPLES  # noqa: E402


@pytest.fixture(params=[1, 3], ids=lambda ranks: f"np{ranks}")
def ranks(request):
    return request.param


@pytest.fixture
def sample(ranks):
    return SAMPLES / f"np{ranks}" / "sample.h5"


@pytest.fixture
def copy(sample, tmp_path):
    return Path(shutil.copy(sample, tmp_path / "copy.h5"))
