"""What h5py and HDF5's own tools see in the checkpoints that write_sample made."""

import json
import os
import re
import shutil
import subprocess
import warnings
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

warnings.filterwarnings("ignore", message="ComplexHalf")

BIN = Path(os.environ["H5DCP_BIN"])
SAMPLES = Path(os.environ["H5DCP_SAMPLES"])
RECORD_BYTES = 4096

# A dtype and what h5py makes of it. docs/format.md has the HDF5 types.
SHOWN_AS = {
    "float32": "float32", "float64": "float64", "float16": "float16", "bfloat16": "float32",
    "float8_e5m2": "float16", "float8_e4m3fn": "float16",
    "float8_e5m2fnuz": "uint8", "float8_e4m3fnuz": "uint8", "float8_e8m0fnu": "uint8",
    "int8": "int8", "int16": "int16", "int32": "int32", "int64": "int64",
    "uint8": "uint8", "uint16": "uint16", "uint32": "uint32", "uint64": "uint64",
    "bool": "bool", "complex64": "complex64", "complex128": "complex128",
    "complex32": [("r", "<f2"), ("i", "<f2")],  # numpy has no complex numbers of halves
}
RAW = [name for name in SHOWN_AS if SHOWN_AS[name] == "uint8"]  # HDF5 has no type for most of these

# Names that mean something to HDF5, to a terminal or to us.
HOSTILE = {
    "a", "a.b", "a.", ".a", "", ".", "..", "a//b", "sl/ash", "/", "../up", "per%cent", "%", "%2F",
    "a.%self", "new\nline", "\x1b[31mred", "back\\slash", "nu\0l", " ", "größe.重み", "\x9b31m",
    "x" * 4000, ".".join(["d"] * 200), "state", "h5dcp.tensors",
}


def run(*command, status=0):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == status, done.stdout.decode()
    return done.stdout.decode()


@pytest.fixture(params=[1, 3], ids=lambda ranks: f"np{ranks}")
def folder(request):
    return SAMPLES / f"np{request.param}"


def entries(path):
    listed = json.loads(run(BIN / "h5dcp", "ls", "--json", path))
    return {entry["fqn"]: entry for entry in listed["entries"]}


def raw_bytes(path, entry):
    with open(path, "rb") as file:
        file.seek(entry["address"])
        return file.read(entry["nbytes"])


def computed(name, raw):
    """The elements in the file as torch reads them, in a type that numpy has."""
    tensor = torch.frombuffer(bytearray(raw), dtype=torch.uint8)
    if name in RAW:
        return tensor.numpy()
    tensor = tensor.view(getattr(torch, name))
    if name == "complex32":
        return torch.view_as_real(tensor).to(torch.float32).numpy().view(np.complex64)[:, 0]
    if SHOWN_AS[name] in ("float16", "float32"):
        return tensor.to(torch.float32).numpy()
    return tensor.numpy()


def comparable(name, raw):
    """HDF5 takes the upper exponent of float8_e4m3fn for infinity and nan: 256 and above are not shown."""
    if name != "float8_e4m3fn":
        return np.ones(len(computed(name, raw)), bool)
    return (np.frombuffer(raw, np.uint8) & 0x78) != 0x78


def assert_same(name, raw, shown):
    chosen = comparable(name, raw)
    assert chosen.mean() > 0.7
    shown = shown.reshape(-1)
    np.testing.assert_array_equal(shown[chosen], computed(name, raw)[chosen], name)
    assert not np.isfinite(shown[~chosen]).any(), name


def read(dataset):
    if dataset.dtype.names == ("r", "i"):
        parts = dataset[...]
        parts = np.stack([parts["r"], parts["i"]], axis=-1)
        return parts.astype(np.float32).view(np.complex64)
    return dataset[...]


def datasets(file):
    """By FQN, the attribute, which is what counts: paths are for people."""
    found = []
    file["state"].visititems(lambda name, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
    by_fqn = {bytes(item.attrs["fqn"]).decode(): item for item in found}
    assert len(by_fqn) == len(found)
    return by_fqn


# Values

def test_every_dtype_is_here():
    assert {name for name in SHOWN_AS} == {
        fqn.removeprefix("dtypes.") for fqn in entries(SAMPLES / "np1" / "sample.h5") if fqn.startswith("dtypes.")}


def test_h5py_sees_what_torch_computes(folder):
    path = folder / "sample.h5"
    listed = entries(path)
    with h5py.File(path) as file:
        found = datasets(file)
        assert found.keys() == {fqn for fqn in listed if listed[fqn]["shape"] is not None}
        for fqn, dataset in found.items():
            entry = listed[fqn]
            assert bytes(dataset.attrs["dtype"]).decode() == entry["dtype"]
            assert set(dataset.attrs) == {"fqn", "dtype"}
            assert dataset.dtype == np.dtype(SHOWN_AS[entry["dtype"]]), fqn
            assert list(dataset.shape) == entry["shape"]
            if entry["nbytes"] > 0:
                assert dataset.id.get_offset() == entry["address"], fqn
            else:
                assert entry["address"] == 0
                continue
            assert_same(entry["dtype"], raw_bytes(path, entry), read(dataset))


def test_h5py_sees_every_element_of_small_types(folder):
    path = folder / "patterns.h5"
    listed = entries(path)
    assert listed.keys() == {"float16", "bfloat16", "float8_e5m2", "float8_e4m3fn", "float8_e5m2fnuz",
                             "float8_e4m3fnuz", "float8_e8m0fnu", "int8", "int16", "uint8", "uint16"}
    with h5py.File(path) as file:
        for name, entry in listed.items():
            raw = raw_bytes(path, entry)
            assert len(set(np.frombuffer(raw, f"u{len(raw) // entry['shape'][0]}"))) == entry["shape"][0]
            assert_same(name, raw, read(file["state"][name]))


def numbers_of(text):
    """Of each dataset in h5dump's text: the numbers, of complex ones both parts."""
    for block in text.split("DATASET ")[1:]:
        path = re.match(r'"([^"]*)"', block)[1]
        data = block[block.index("DATA {\n") + 6:].replace("TRUE", "1").replace("FALSE", "0")
        yield path, re.sub(r"\(\d+(,\d+)*\):|[{},]", " ", data).split()


def test_h5dump_prints_what_torch_computes(folder):
    small = [(folder / "sample.h5", f"dtypes.{name}", name) for name in SHOWN_AS]
    small += [(folder / "patterns.h5", name, name) for name in ("float8_e5m2", "float8_e4m3fn", "bfloat16", "float16")]
    for path in sorted({path for path, _, _ in small}):
        listed = entries(path)
        chosen = {name: fqn for where, fqn, name in small if where == path}
        arguments = [part for fqn in chosen.values() for part in ("-d", "/state/" + fqn.replace(".", "/"))]
        text = run("h5dump", "-A", "0", "-m", "%.17g", *arguments, path)
        dumped = {path.split("/")[-1]: numbers for path, numbers in numbers_of(text)}
        assert dumped.keys() == chosen.keys()
        for name, fqn in chosen.items():
            raw = raw_bytes(path, listed[fqn])
            expected = computed(name, raw)
            if expected.dtype.kind in "iub":
                shown = [int(number) for number in dumped[name]]
                assert shown == expected.tolist(), name
                continue
            shown = np.array([float(number) for number in dumped[name]])
            if expected.dtype.kind == "c":
                shown = shown.view(np.complex128)
            assert_same(name, raw, shown)


def test_h5py_sees_values(folder):
    with h5py.File(folder / "sample.h5") as file:
        values = file["state/values"]
        assert values["flag"][()] == np.True_ and values["flag"].dtype == bool
        assert values["step"][()] == -7
        assert values["rate"][()] == 0.1
        assert values["wave"][()] == 1 - 2j
        assert values["counts"][...].tolist() == [1, 2, 3]


# Equal saves

@pytest.mark.parametrize("other", ["again", "collective"])
def test_equal_saves_are_equal_files(folder, other):
    one, two = folder / "sample.h5", folder / f"{other}.h5"
    assert one.read_bytes()[RECORD_BYTES:] == two.read_bytes()[RECORD_BYTES:]
    assert one.read_bytes()[:RECORD_BYTES] != two.read_bytes()[:RECORD_BYTES], "generation and time"
    # h5diff calls a dataset without elements "not comparable", with itself too.
    assert run("h5diff", "--exclude-path", "/state/empty", one, two) == ""


# Filters

@pytest.mark.parametrize("name, like, filters", [
    ("deflate", "sample", "shuffle, deflate 6"), ("deflate_collective", "sample", "shuffle, deflate 6"),
    ("zstd", "patterns", "zstd 3")])
def test_filtered_tensors_are_those_without_filters(folder, tmp_path, name, like, filters):
    plain, path = folder / f"{like}.h5", folder / f"{name}.h5"
    if not path.exists():
        pytest.skip("this HDF5 has no plugin for zstd")
    listed = entries(path)
    filtered = {fqn for fqn in listed if "filters" in listed[fqn]}
    assert len(filtered) >= 2
    with h5py.File(plain) as one, h5py.File(path) as two:
        expected, found = datasets(one), datasets(two)
        assert expected.keys() == found.keys()
        for fqn, dataset in found.items():
            assert dataset[...].tobytes() == expected[fqn][...].tobytes(), fqn
            assert (dataset.chunks is not None) == (fqn in filtered)
            if fqn in filtered:
                assert list(dataset.chunks) == listed[fqn]["chunk_shape"]
                assert listed[fqn]["filters"] == filters
                assert dataset.shuffle == ("shuffle" in filters)
                assert dataset.id.get_create_plist().get_nfilters() == len(filters.split(","))
                assert all(dataset.id.get_chunk_info(i).filter_mask == 0
                           for i in range(dataset.id.get_num_chunks()))
    assert run("h5diff", "--exclude-path", "/empty", plain, path, "/state") == ""
    some = sorted(filtered)[0]
    place = "/state/" + some.replace(".", "/")
    assert numbers_of(run("h5dump", "-d", place, "-m", "%.17g", path)).__next__() == \
        numbers_of(run("h5dump", "-d", place, "-m", "%.17g", plain)).__next__()
    run("h5repack", "-f", "NONE", path, tmp_path / "repacked.h5")
    assert run("h5diff", "--exclude-path", "/empty", plain, tmp_path / "repacked.h5", "/state") == ""


def test_hdf5_goes_on_with_a_filtered_file(folder, tmp_path):
    """What HDF5 allocates next is not where the chunks are."""
    copy = Path(shutil.copy(folder / "deflate.h5", tmp_path / "copy.h5"))
    with h5py.File(folder / "deflate.h5") as file:
        blocks = file["state/blocks"][...]
    with h5py.File(copy, "r+") as file:
        file["more"] = np.arange(100000)
        file["state/blocks"][3, :] = 7
        del file["state/matrix"]
    blocks[3, :] = 7
    with h5py.File(copy) as file:
        np.testing.assert_array_equal(file["state/blocks"][...], blocks)
        np.testing.assert_array_equal(file["more"][...], np.arange(100000))


def test_equal_filtered_saves_are_equal_files(folder):
    one, two = folder / "deflate.h5", folder / "deflate_collective.h5"
    assert one.read_bytes()[RECORD_BYTES:] == two.read_bytes()[RECORD_BYTES:]


# Chunks of shards

def test_chunks_of_shards_are_one_dataset_to_hdf5(folder, tmp_path):
    plain, path = folder / "wide.h5", folder / "chunks.h5"
    listed = entries(path)
    chunked = {fqn for fqn in listed if "chunk_shape" in listed[fqn]}
    assert chunked == ({"blocks", "columns"} if folder.name != "np1" else set())
    with h5py.File(plain) as one, h5py.File(path) as two:
        expected, found = datasets(one), datasets(two)
        assert expected.keys() == found.keys()
        for fqn, dataset in found.items():
            assert dataset[...].tobytes() == expected[fqn][...].tobytes(), fqn
            assert (dataset.chunks is not None) == (fqn in chunked)
            if fqn not in chunked:
                continue
            assert list(dataset.chunks) == listed[fqn]["chunk_shape"]
            assert "filters" not in listed[fqn]
            assert dataset.id.get_create_plist().get_nfilters() == 0
            chunks = json.loads(run(BIN / "h5dcp", "show", "--json", path, fqn))["entries"][0]["chunks"]
            assert dataset.id.get_num_chunks() == len(chunks)
            at = tuple(size // 2 for size in dataset.shape[:-1])
            np.testing.assert_array_equal(dataset[at], expected[fqn][at])
    assert run("h5diff", "--exclude-path", "/empty", plain, path, "/state") == ""
    run("h5repack", "-l", "CONTI", path, tmp_path / "repacked.h5")
    assert run("h5diff", "--exclude-path", "/empty", plain, tmp_path / "repacked.h5", "/state") == ""
    for fqn in sorted(chunked)[:1]:
        place = "/state/" + fqn.replace(".", "/")
        assert next(numbers_of(run("h5dump", "-d", place, "-m", "%.17g", path))) == \
            next(numbers_of(run("h5dump", "-d", place, "-m", "%.17g", plain)))
        assert "in chunks of [" in run(BIN / "h5dcp", "show", path, fqn)


def test_hdf5_goes_on_with_chunks_of_shards(folder, tmp_path):
    copy = Path(shutil.copy(folder / "chunks.h5", tmp_path / "copy.h5"))
    with h5py.File(copy, "r+") as file:
        blocks = file["state/blocks"][...]
        blocks[3, :] = 7
        file["more"] = np.arange(100000)
        file["state/blocks"][3, :] = 7
        del file["state/matrix"]
    with h5py.File(copy) as file:
        np.testing.assert_array_equal(file["state/blocks"][...], blocks)
        np.testing.assert_array_equal(file["more"][...], np.arange(100000))


# Data files

@pytest.mark.parametrize("name", ["files", "per_rank"])
def test_data_files_are_as_one_file_to_hdf5(folder, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # names in the checkpoint are relative to it, not to here
    plain, path = (folder / "sample.h5").resolve(), (folder / f"{name}.h5").resolve()
    with h5py.File(plain) as expected, h5py.File(path) as file:
        found = datasets(file)
        assert found.keys() == datasets(expected).keys()
        assert {fqn for fqn, dataset in found.items() if dataset.is_virtual} >= {"blocks"}
        for fqn, dataset in datasets(expected).items():
            assert found[fqn][...].tobytes() == dataset[...].tobytes(), fqn
            assert (found[fqn].dtype, found[fqn].shape) == (dataset.dtype, dataset.shape)
            assert dict(found[fqn].attrs) == dict(dataset.attrs)
    text = [run("h5dump", "-g", "/state", file).split("\n", 1)[1] for file in (plain, path)]
    assert text[0] == text[1]
    assert run("h5diff", "--exclude-path", "/empty", plain, path, "/state") == ""
    moved = tmp_path / "moved"  # with its data files
    moved.mkdir()
    for each in folder.resolve().glob(f"{name}.h5*"):
        (shutil.copytree if each.is_dir() else shutil.copy)(each, moved / each.name)
    assert run("h5diff", "--exclude-path", "/empty", plain, moved / path.name, "/state") == ""


def test_each_data_file_can_be_read_alone(folder):
    with h5py.File(folder / "sample.h5") as file:
        blocks = file["state/blocks"][...]
    parts = []
    for path in sorted(folder.glob("per_rank.h5.*.data/*.h5")):
        run("h5dump", "-H", path)
        with h5py.File(path) as file:
            parts.append(file["state/blocks"][...])
            assert file["state/blocks"].attrs["fqn"] == b"blocks"
    assert sum(part.size for part in parts) == blocks.size
    assert sorted(np.concatenate([part.ravel().view("u4") for part in parts])) == sorted(blocks.ravel().view("u4"))


# Differences

def test_h5diff_sees_a_difference(folder, tmp_path):
    copy = Path(shutil.copy(folder / "sample.h5", tmp_path / "copy.h5"))
    entry = entries(copy)["dtypes.bfloat16"]
    with open(copy, "r+b") as file:
        file.seek(entry["address"])
        file.write(bytes([raw_bytes(copy, entry)[0] ^ 1]))
    text = run("h5diff", "--exclude-path", "/state/empty", folder / "sample.h5", copy, status=1)
    assert "</state/dtypes/bfloat16>" in text and "1 differences found" in text


# Names

def test_hostile_names_are_found(folder):
    path = folder / "hostile.h5"
    assert entries(path).keys() == HOSTILE | {"tab\tvalue"}
    with h5py.File(path) as file:
        found = datasets(file)
        assert found.keys() == HOSTILE
        for fqn, dataset in found.items():
            assert bytes(dataset[...]).decode() == fqn + "!"


# Opening

def system_calls(path, tmp_path):
    """By name, from the first that opens `path` until it is closed: loaders and sanitizers make more around these."""
    trace = tmp_path / "trace"
    run("strace", "-f", "-o", trace, BIN / "open_only", path)
    calls = [line.split(maxsplit=1)[1] for line in trace.read_text().splitlines()]
    first = next(i for i, call in enumerate(calls) if re.match(r"open(at)?\(", call) and f'"{path}"' in call)
    descriptor = calls[first].split()[-1]
    last = next(i for i, call in enumerate(calls) if i > first and call.startswith(f"close({descriptor})"))
    return Counter(call.split("(")[0] for call in calls[first:last + 1])


def test_opening_takes_as_many_system_calls_for_any_number_of_tensors(tmp_path):
    try:
        subprocess.run(["strace", "-o", "/dev/null", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("strace cannot trace here")
    few_file, many_file = SAMPLES / "np1" / "few.h5", SAMPLES / "np1" / "many.h5"
    assert (len(entries(few_file)), len(entries(many_file))) == (10, 20000)
    few, many = system_calls(few_file, tmp_path), system_calls(many_file, tmp_path)
    memory = {"brk", "mmap", "munmap", "mremap", "madvise"}
    assert {c: n for c, n in few.items() if c not in memory} == {c: n for c, n in many.items() if c not in memory}
    if "libasan" not in run("ldd", BIN / "open_only"):  # which maps memory as it likes
        assert abs(many.total() - few.total()) <= 4, (few, many)
