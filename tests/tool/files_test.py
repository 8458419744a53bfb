"""Checkpoints with data files: h5dcp ls, show, cat, diff, verify, cp and mv."""

import json
import os
import re
import shutil

import pytest
from support import SAMPLES, entries, fails, fine, flip, mpirun, run


@pytest.fixture
def files(ranks, tmp_path):
    """A checkpoint with data files, in a folder of its own."""
    for path in (SAMPLES / f"np{ranks}").glob("files.h5*"):
        (shutil.copytree if path.is_dir() else shutil.copy)(path, tmp_path / path.name)
    return tmp_path / "files.h5"


def data_file(path, number):
    (folder,) = path.parent.glob(path.name + ".*.data")
    return folder / f"{number}.h5"


def test_ls_and_show_tell_what_is_where(files, ranks):
    found = entries(files)
    assert (found["matrix"]["data_files"], found["blocks"]["data_files"]) == ([2], [1])
    assert found["matrix"]["address"] == 0
    assert "data_files" not in found["scalar"]
    rows = {row[0]: row for row in (re.split(" {2,}", line) for line in fine("ls", "-l", files).splitlines())}
    assert rows["matrix"][6] == "file 2"
    shown = json.loads(fine("show", files, "--json"))
    assert (shown["format_version"], shown["data_files"]) == (3, 2)
    assert entries(files, "show")["matrix"]["chunks"][0]["data_file"] == 2
    text = fine("show", files)
    assert re.search(rf"^data files +2 in {re.escape(data_file(files, 1).parent.name)}$", text, re.M)
    assert len(re.findall(r"^  rank \d: \S+ \S+ in file 2$", fine("show", files, "matrix"), re.M)) == ranks


def test_diff_and_cat_read_data_files(files, ranks):
    sample = SAMPLES / f"np{ranks}" / "sample.h5"
    assert fine("diff", files, sample) == fine("diff", sample, sample)
    assert fine("cat", files, "blocks", "--slice", "600:,3") == fine("cat", sample, "blocks", "--slice", "600:,3")


def test_verify_names_the_file(files):
    flip(data_file(files, 1), entries(files)["dtypes.int8"]["nbytes"] + 40000)
    done = run("verify", files)
    assert done.returncode == 1
    assert f"of '{data_file(files, 1)}'" in done.stdout + done.stderr
    together = mpirun(2, "verify", files)
    assert together.returncode == 1
    assert f"of '{data_file(files, 1)}'" in together.stdout + together.stderr


def test_a_data_file_that_is_missing_is_told_by_all(files):
    data_file(files, 2).unlink()
    listed = fails(1, "ls", files)
    assert "matrix" in listed.stdout, "what is known is listed"
    assert f"data file 2, '{data_file(files, 2)}': it is missing" in listed.stderr
    assert "it is missing" in fails(1, "cat", files, "matrix").stderr
    assert fine("cat", files, "blocks", "--slice", "0,0")
    done = run("verify", files)
    assert done.returncode == 1 and "it is missing" in done.stdout + done.stderr


def test_a_data_file_is_no_checkpoint(files):
    assert "it is data file 1 of a checkpoint" in fails(1, "ls", data_file(files, 1)).stderr


def test_cp_and_mv(files, ranks, tmp_path):
    sample = SAMPLES / f"np{ranks}" / "sample.h5"
    same = fine("diff", sample, sample)
    assert fine("cp", files, tmp_path / "copy.h5") == ""
    assert "copy.h5 exists; use -f to replace it" in fails(1, "cp", files, tmp_path / "copy.h5").stderr
    assert fine("cp", "-f", files, tmp_path / "copy.h5") == ""
    (tmp_path / "folder").mkdir()
    assert fine("mv", files, tmp_path / "folder") == ""
    moved = tmp_path / "folder" / "files.h5"
    for path in (tmp_path / "copy.h5", moved):
        fine("verify", path)
        assert fine("diff", path, sample) == same
    assert sorted(path.suffix for path in tmp_path.iterdir()) == ["", ".data", ".h5"]
    assert sorted(path.suffix for path in moved.parent.iterdir()) == [".data", ".h5"]


def test_cp_and_mv_of_one_file(sample, tmp_path):
    assert fine("cp", sample, tmp_path / "copy.h5") == ""
    assert (tmp_path / "copy.h5").read_bytes() == sample.read_bytes()
    assert fine("mv", tmp_path / "copy.h5", tmp_path / "moved.h5") == ""
    assert [path.name for path in tmp_path.iterdir()] == ["moved.h5"]
    fails(1, "mv", tmp_path / "none.h5", tmp_path / "moved.h5")


def test_cp_and_mv_replace_no_pipe(copy, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for verb in ("cp", "mv"):
        assert f"'{tmp_path / 'pipe'}': it is a pipe" in fails(1, verb, "-f", copy, tmp_path / "pipe").stderr
    assert (tmp_path / "pipe").is_fifo()
    assert copy.exists()


def test_a_copy_with_cp_keeps_its_data(files, tmp_path):
    shutil.copy(files, tmp_path / "copy.h5")
    fine("cp", files, tmp_path / "other.h5")
    fine("cp", "-f", tmp_path / "other.h5", files)
    fine("verify", tmp_path / "copy.h5")
