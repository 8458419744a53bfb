"""h5dcp diff, on two checkpoints whose differences sample_pair.hpp has by hand."""

import json
import os

import pytest
from support import SAMPLES, entries, fails, flip, peak_bytes, run


@pytest.fixture
def pair(ranks):
    return SAMPLES / f"np{ranks}" / "a.h5", SAMPLES / f"np{ranks}" / "b.h5"


def differences(*arguments, status=1):
    done = run("diff", *arguments, "--json")
    assert (done.returncode, done.stderr) == (status, "")
    found = json.loads(done.stdout)["differences"]
    return {(one.pop("fqn"), one.pop("what")): one for one in found}


def largest(index, a, b, difference):
    return {"difference": difference, "index": index, "a": a, "b": b}


def values(elements, different, absolute, relative):
    return {"elements": elements, "different": different, "absolute": absolute, "relative": relative}


def test_what_differs(pair):
    far = 2.0 ** 64
    inf, nan = {"$float": "inf"}, {"$float": "nan"}
    rounded = abs(0.1 - 0.10000000149011612)
    expected = {
        ("only.a", "only in A"): {},
        ("only.b", "only in B"): {},
        ("shape", "shape"): {"a": "[2, 3]", "b": "[3, 2]"},
        ("dtype.exact", "dtype"): {"a": "float32", "b": "float64"},
        ("dtype.rounded", "dtype"): {"a": "float32", "b": "float64"},
        ("dtype.rounded", "values"): values(1, 1, largest([0], "0.1", "0.1", rounded),
                                            largest([0], "0.1", "0.1", rounded / 0.10000000149011612)),
        ("kind", "kind"): {"a": "tensor", "b": "scalar"},
        ("int64", "values"): values(4, 1, largest([1, 0], str(2 ** 60), str(2 ** 60 + 1), 1.0),
                                    largest([1, 0], str(2 ** 60), str(2 ** 60 + 1), 2.0 ** -60)),
        ("uint64", "values"): values(1, 1, largest([0], "0", str(2 ** 64 - 1), far),
                                     largest([0], "0", str(2 ** 64 - 1), 1.0)),
        ("far", "values"): values(1, 1, largest([0], str(-2 ** 63), str(2 ** 63 - 1), far),
                                  largest([0], str(-2 ** 63), str(2 ** 63 - 1), 2.0)),
        ("lost", "values"): values(3, 2, largest([1], "2.0", "nan", nan), largest([1], "2.0", "nan", nan)),
        ("blown", "values"): values(2, 1, largest([0], "1.0", "-inf", inf), largest([0], "1.0", "-inf", inf)),
        ("wave", "values"): values(1, 1, largest([0], "3.0+0.0j", "3.0+4.0j", 4.0),
                                   largest([0], "3.0+0.0j", "3.0+4.0j", 0.8)),
        ("flag", "values"): values(2, 1, largest([1], "false", "true", 1.0), largest([1], "false", "true", 1.0)),
        ("values.text", "value"): {"a": '"one"', "b": '"two"'},
        ("values.bytes", "value"): {"a": '{"$bytes":"%s"}' % ("00" * 100), "b": '{"$bytes":"%s"}' % ("01" * 100)},
        ("values.count", "values"): values(1, 1, largest([], "3", "4", 1.0), largest([], "3", "4", 0.25)),
        ("values.list", "values"): values(2, 1, largest([1], "2", "3", 1.0), largest([1], "2", "3", 1 / 3)),
    }
    found = differences(*pair)
    weights = found.pop(("weights", "values"))
    assert found == expected
    assert (weights["elements"], weights["different"]) == (600, 2)
    assert weights["absolute"] == largest([3, 4], "1.0", "1.5", 0.5)
    assert weights["relative"].pop("difference") == pytest.approx(0.5, 1e-6)
    assert weights["relative"] == {"index": [19, 29], "a": "0.001", "b": "0.002"}


def test_the_text_has_a_line_a_difference(pair):
    done = run("diff", *pair)
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert len(lines) == len(differences(*pair))
    assert [line.split(": ")[0] for line in lines] == sorted(line.split(": ")[0] for line in lines)
    for line in ["only.a: only in A", "only.b: only in B", "dtype.exact: dtype float32, float64",
                 "shape: shape [2, 3], [3, 2]", "kind: kind tensor, scalar", 'values.text: value "one", "two"',
                 "lost: values: 2 of 3, max difference nan at [1] (2.0, nan), "
                 "max relative difference nan at [1] (2.0, nan)"]:
        assert line in lines
    assert max(map(len, lines)) < 200, "long values are cut"


def test_equal_checkpoints(pair):
    assert differences(pair[0], pair[0], status=0) == {}
    done = run("diff", pair[1], pair[1])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for name in ["sample", "patterns", "hostile"]:  # of every dtype and kind, nan among them
        again = "again" if name == "sample" else name
        path = pair[0].parent
        assert run("diff", path / f"{name}.h5", path / f"{again}.h5").stdout == ""


def test_the_number_of_ranks_is_no_difference():
    assert differences(SAMPLES / "np1" / "sample.h5", SAMPLES / "np3" / "sample.h5", status=0) == {}


@pytest.mark.parametrize("tolerance, differ", [
    ("0.3", {"weights", "lost", "blown", "wave", "flag", "uint64", "far", "values.list"}),
    ("0.34", {"lost", "blown", "wave", "flag", "uint64", "far"}),  # 1/3 of 3
    ("0.9", {"lost", "blown", "flag", "uint64", "far"}),
    ("4", {"lost", "blown"}),
    ("1e300", {"lost", "blown"})])
def test_tolerance(pair, tolerance, differ):
    found = differences(*pair, "--tolerance", tolerance)
    assert {fqn for fqn, what in found if what == "values"} == differ
    if tolerance == "0.3":
        assert found["weights", "values"]["different"] == 1
    if tolerance == "4":
        assert found["lost", "values"]["different"] == 1
    assert ("dtype.rounded", "dtype") in found


def test_a_tolerance_can_make_them_equal():
    done = run("diff", SAMPLES / "np1" / "large.h5", SAMPLES / "np3" / "large.h5")
    assert done.returncode == 1 and ": values: 400000 of 600000, max difference 2.0 at [0, 200000]" in done.stdout
    done = run("diff", SAMPLES / "np1" / "large.h5", SAMPLES / "np3" / "large.h5", "--tolerance", "2")
    assert (done.returncode, done.stdout) == (0, "")


def test_trouble_is_not_a_difference(copy, sample, tmp_path):
    (tmp_path / "text").write_text("no checkpoint")
    assert "text" in fails(2, "diff", sample, tmp_path / "text").stderr
    assert "No such file" in fails(2, "diff", tmp_path / "missing", sample).stderr
    flip(copy, entries(copy)["matrix"]["address"])
    assert "'matrix' [0:" in fails(2, "diff", sample, copy).stderr
    with open("/dev/full", "w") as full:
        assert run("diff", SAMPLES / "np1" / "a.h5", SAMPLES / "np1" / "b.h5", stdout=full).returncode == 2


def test_names_cannot_drive_a_terminal(ranks):
    text = run("diff", SAMPLES / f"np{ranks}" / "hostile.h5", SAMPLES / f"np{ranks}" / "sample.h5").stdout
    assert "\\x1b[31mred: only in A" in text and "\x1b" not in text


def test_memory_does_not_grow_with_the_tensors():
    huge = SAMPLES / "np1" / "huge.h5"
    assert os.path.getsize(huge) > 128 << 20
    few = peak_bytes("diff", SAMPLES / "np1" / "few.h5", SAMPLES / "np1" / "few.h5")
    assert peak_bytes("diff", huge, huge) - few < 64 << 20
    assert peak_bytes("cat", huge, "huge", "--slice", "7:9,1000:") - few < 64 << 20
