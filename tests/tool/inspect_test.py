"""h5dcp ls, show and verify: what they print and how they exit, on checkpoints that write_sample made."""

import json
import math
import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from support import RECORD_BYTES, SAMPLES, TOOL, entries, fails, fine, flip, run

# ls

def test_ls_prints_a_line_an_entry(sample):
    lines = fine("ls", sample).splitlines()
    rows = [re.split(" {2,}", line) for line in lines]
    for row in [["matrix", "float32", "[37, 29]", "4292"],
                ["deep.er.cube", "bfloat16", "[5, 11, 13]", "1430"],
                ["scalar", "float32", "[]", "4"],
                ["empty", "float32", "[0, 7]", "0"],
                ["dtypes.complex128", "complex128", "[9, 6]", "864"],
                ["values.counts", "list int64", "[3]", "24"],
                ["values.rate", "scalar float64", "[]", "8"],
                ["values.flag", "scalar bool", "[]", "1"],
                ["values.name", "json", "-", "64"],
                ["values.raw", "bytes", "-", "64"]]:
        assert row in rows
    assert len(rows) == 9 + 21 + 12
    assert len({len(line) for line in lines}) == 1, "the last column is right-aligned"
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)


def test_ls_l_adds_kind_chunks_and_address(sample, ranks):
    rows = {row[0]: row for row in (re.split(" {2,}", line) for line in
                                    fine("ls", "-l", sample).splitlines())}
    assert rows["matrix"][4:6] == ["tensor", str(ranks)]
    assert rows["empty"][6] == "0"
    assert rows["values.name"][4:6] == ["json", "1"]
    address = int(rows["values.counts"][6])
    assert sample.read_bytes()[address:address + 24] == struct.pack("<3q", 1, 2, 3)


def test_ls_json(sample, ranks):
    listed = json.loads(fine("ls", sample, "--json"))
    assert list(listed) == ["file", "entries"]
    assert listed["file"] == str(sample)
    found = entries(sample)
    matrix = found["matrix"]
    assert list(matrix) == ["fqn", "path", "kind", "dtype", "shape", "nbytes", "address", "chunks"]
    address = matrix.pop("address")
    assert matrix == {"fqn": "matrix", "path": ["matrix"], "kind": "tensor", "dtype": "float32",
                      "shape": [37, 29], "nbytes": 4292, "chunks": ranks}
    assert RECORD_BYTES <= address <= os.path.getsize(sample) - 4292
    assert found["values.nested.list.0.a"]["path"] == ["values", "nested", "list", 0, "a"]
    name = found["values.name"]
    assert (name["kind"], name["dtype"], name["shape"]) == ("json", None, None)


# show

def test_show_tells_of_the_whole_and_of_each_box(sample, ranks):
    text = fine("show", sample)
    assert re.search(r"^format version  1$", text, re.M)
    assert re.search(r"^generation      \d+$", text, re.M)
    assert re.search(r"^saved           20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$", text, re.M)
    assert re.search(rf"^world size      {ranks}$", text, re.M)
    assert re.search(rf"^file bytes      {os.path.getsize(sample)}$", text, re.M)
    matrix = text[text.index("\nmatrix  "):].split("\n\n")[0].strip().splitlines()
    assert matrix[0] == "matrix  float32  [37, 29]"
    # 37 rows in pieces of ceil(37 / 3)
    boxes = {1: ["[0:37, 0:29]"], 3: ["[0:13, 0:29]", "[13:26, 0:29]", "[26:37, 0:29]"]}[ranks]
    assert matrix[1:] == [f"  rank {rank}: {box}" for rank, box in enumerate(boxes)]
    assert re.search(r'^values\.raw  bytes  -\n  rank \d: 3 bytes$', text, re.M)


def test_show_json(sample, ranks):
    shown = json.loads(fine("show", sample, "--json"))
    assert list(shown) == ["file", "format_version", "generation", "saved", "world_size",
                           "data_bytes", "file_bytes", "entries"]
    assert (shown["format_version"], shown["world_size"]) == (1, ranks)
    assert shown["data_bytes"] == sum(entry["nbytes"] for entry in shown["entries"])
    assert int(shown["generation"]) > 0
    for entry in shown["entries"]:
        if entry["shape"] is None:
            continue
        covered = sum(math.prod(chunk["sizes"]) for chunk in entry["chunks"])
        assert covered == math.prod(entry["shape"]), entry["fqn"]
        assert sum(chunk["nbytes"] for chunk in entry["chunks"]) == entry["nbytes"]
        assert all(chunk["rank"] < ranks for chunk in entry["chunks"])
    writers = {chunk["rank"] for entry in shown["entries"] for chunk in entry["chunks"]}
    assert writers == set(range(ranks))
    listed = entries(sample)
    for entry in shown["entries"]:  # but for the chunks, what ls has
        assert dict(entry, chunks=len(entry["chunks"])) == listed[entry["fqn"]]


# verify

def test_verify_a_whole_file(sample):
    size = os.path.getsize(sample)
    assert fine("verify", sample) == f"{sample}: ok, 42 entries, {size} bytes\n"


def test_a_checkpoint_without_checksums_says_so(ranks):
    path = SAMPLES / f"np{ranks}" / "unhashed.h5"
    assert fine("verify", path).endswith(" bytes; tensors without filters have no checksums\n")
    shown = json.loads(fine("show", path, "--json"))
    assert (shown["format_version"], shown["checksums"]) == (4, False)
    assert re.search("^checksums +not of tensors without filters$", fine("show", path), re.M)
    assert entries(path, "show")["matrix"]["chunks"][0]["blocks"] == 0


def test_verify_names_the_damage(copy):
    address = entries(copy)["matrix"]["address"]
    flip(copy, address + 4 * 29)  # the second row
    done = run("verify", copy)
    assert (done.returncode, done.stderr) == (1, "")
    assert re.fullmatch(r"tensor data of 'matrix' \[0:\d+, 0:29\] at \d+: \d+ bytes do not match "
                        r"their checksum\n", done.stdout)
    flip(copy, entries(copy)["values.name"]["address"])
    lines = run("verify", copy).stdout.splitlines()
    assert len(lines) == 2 and lines[1].startswith("value of 'values.name' at ")


def test_verify_finds_damage_wherever_it_is(copy):
    size = os.path.getsize(copy)
    addresses = [0, 20, 100, 3000, RECORD_BYTES - 1, RECORD_BYTES, RECORD_BYTES + 96, size - 1]
    for address in addresses + list(range(5000, size, size // 40)):
        flip(copy, address)
        done = run("verify", copy)
        assert done.returncode == 1, address
        assert done.stdout or done.stderr.startswith(f"h5dcp: '{copy}': "), address
        flip(copy, address)
    assert run("verify", copy).returncode == 0


@pytest.mark.parametrize("verb", ["ls", "show", "verify"])
def test_what_is_no_checkpoint(verb, tmp_path):
    whole = (SAMPLES / "np1" / "sample.h5").read_bytes()
    contents = {
        "empty": b"",
        "short": whole[:100],
        "record": whole[:RECORD_BYTES],
        "half": whole[:len(whole) // 2],
        "cut": whole[:-1],
        "longer": whole + b"\0",
        "text": b"All work and no play makes Jack a dull boy.\n" * 200,
        "hdf5": whole[RECORD_BYTES:],  # a fine HDF5 file, but not a checkpoint
    }
    for name, content in contents.items():
        path = tmp_path / name
        path.write_bytes(content)
        done = fails(1, verb, path)
        assert str(path) in done.stderr and done.stdout == "", name
    fails(1, verb, tmp_path)
    assert "No such file" in fails(1, verb, tmp_path / "missing.h5").stderr


# Use

@pytest.mark.parametrize("arguments", [
    [], ["frobnicate"], ["ls"], ["show"], ["verify"], ["cat"], ["cat", "a"], ["diff", "a"],
    ["diff", "a", "b", "--tolerance", "-1"], ["diff", "a", "b", "--tolerance", "x"], ["ls", "a", "b"], ["ls", "--frob", "a"],
    ["verify", "--json", "a"], ["--frob"]], ids=" ".join)
def test_usage(arguments):
    assert fails(2, *arguments).stdout == ""


@pytest.mark.parametrize("verb", ["ls", "show", "cat", "diff", "verify"])
def test_help(verb):
    for arguments in [["--help"], [verb, "--help"], [verb, "-h"]]:
        text = fine(*arguments)
        assert "Usage: h5dcp" in text and verb in fine("--help")


def test_version():
    assert re.fullmatch(r"h5dcp \d+\.\d+\.\d+\n", fine("--version"))


@pytest.mark.parametrize("arguments", [["ls"], ["ls", "-l"], ["show"], ["verify"]], ids=" ".join)
def test_names_cannot_drive_a_terminal(arguments, ranks, tmp_path):
    path = Path(shutil.copy(SAMPLES / f"np{ranks}" / "hostile.h5", tmp_path / "new\nline.h5"))
    if arguments == ["verify"]:
        for fqn, entry in entries(path).items():
            flip(path, entry["address"])
    text = run(*arguments, path).stdout
    assert "new\\nline" in text and "\\x1b[31mred" in text and "nu\\x00l" in text
    assert "back\\\\slash" in text and "größe.重み" in text and "\\xc2\\x9b31m" in text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    if arguments[0] == "ls":
        assert len(text.splitlines()) == len(entries(path))
    assert "\x1b" not in fails(1, *arguments, path.parent / "\x1b[31m").stderr


def test_a_full_disk_is_an_error():
    with open("/dev/full", "w") as full:
        done = run("ls", SAMPLES / "np1" / "sample.h5", stdout=full)
    assert done.returncode == 1 and done.stderr.startswith("h5dcp: ")


def test_it_needs_no_torch():
    libraries = subprocess.run(["ldd", TOOL], capture_output=True, text=True, check=True).stdout
    assert not re.search(r"torch|libc10|cuda", libraries)
