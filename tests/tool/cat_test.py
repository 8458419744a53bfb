"""h5dcp cat: the elements it prints, against the bytes in the file as NumPy or the tables of a dtype's
definition read them."""

import json
import math

import numpy
import pytest
from support import SAMPLES, entries, fails, fine, flip

NUMPY = ["float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8",
         "complex64", "complex128"]


def stored(path, fqn, dtype=None):
    """The elements of an entry, by its address in the file."""
    entry = entries(path)[fqn]
    items = numpy.fromfile(path, dtype or entry["dtype"], math.prod(entry["shape"]), offset=entry["address"])
    return items.reshape(entry["shape"])


def untagged(item):
    """What --json has, as NumPy takes it."""
    if isinstance(item, list):
        return [untagged(each) for each in item]
    if isinstance(item, dict):
        [(tag, value)] = item.items()
        return float(value) if tag == "$float" else complex(*untagged(value))
    return item


def printed(path, fqn, *more):
    return json.loads(fine("cat", path, fqn, "--json", *more))


def small_float(bits, exponent_bits, mantissa_bits, bias, specials="ieee"):
    """What `bits` stand for, by the definition of the formats."""
    width = 1 + exponent_bits + mantissa_bits
    sign = -1.0 if bits >> (width - 1) else 1.0
    exponent = bits >> mantissa_bits & ((1 << exponent_bits) - 1)
    mantissa = bits & ((1 << mantissa_bits) - 1)
    if specials == "ieee" and exponent == (1 << exponent_bits) - 1:
        return sign * math.inf if mantissa == 0 else math.nan
    if specials == "fn" and bits & ((1 << (width - 1)) - 1) == (1 << (width - 1)) - 1:
        return math.nan
    if specials == "fnuz" and bits == 1 << (width - 1):
        return math.nan
    if exponent == 0:
        return sign * math.ldexp(mantissa, 1 - bias - mantissa_bits)
    return sign * math.ldexp(mantissa + (1 << mantissa_bits), exponent - bias - mantissa_bits)


SMALL = {
    "float16": (5, 10, 15), "bfloat16": (8, 7, 127), "float8_e5m2": (5, 2, 15), "float8_e4m3fn": (4, 3, 7, "fn"),
    "float8_e5m2fnuz": (5, 2, 16, "fnuz"), "float8_e4m3fnuz": (4, 3, 8, "fnuz"),
}


@pytest.mark.parametrize("dtype", SMALL)
def test_every_number_of_a_small_dtype(dtype):
    path = SAMPLES / "np3" / "patterns.h5"
    shape = entries(path)[dtype]["shape"]
    expected = [small_float(bits, *SMALL[dtype]) for bits in range(shape[0])]
    [line] = fine("cat", path, dtype).splitlines()
    found = numpy.array(line.split(" "), "f4")  # digits enough for that: every small number is one
    numpy.testing.assert_array_equal(found, numpy.array(expected, "f4"))
    assert [math.copysign(1, number) for number in found if number == 0] == \
        [math.copysign(1, number) for number in expected if number == 0]


def test_a_dtype_of_exponents_alone():
    expected = [2.0 ** (bits - 127) for bits in range(255)] + [math.nan]
    found = untagged(printed(SAMPLES / "np1" / "patterns.h5", "float8_e8m0fnu")["value"])
    numpy.testing.assert_array_equal(numpy.array(found, "f4"), numpy.array(expected, "f4"))


@pytest.mark.parametrize("dtype", NUMPY)
def test_numbers_come_back_bit_for_bit(dtype, sample):
    expected = stored(sample, f"dtypes.{dtype}")
    with numpy.errstate(over="ignore"):  # json has numbers of 64 bits; those of 32 are a part of them
        found = numpy.array(untagged(printed(sample, f"dtypes.{dtype}")["value"]), expected.dtype)
        text = [line.split(" ") for line in fine("cat", sample, f"dtypes.{dtype}").splitlines()]
        convert = numpy.complex128 if "complex" in dtype else expected.dtype
        parsed = numpy.array(text).astype(convert).astype(expected.dtype)
    numpy.testing.assert_array_equal(found, expected)
    numpy.testing.assert_array_equal(parsed, expected)


def test_bool_and_half_complex(sample):
    expected = stored(sample, "dtypes.bool", "bool")
    assert printed(sample, "dtypes.bool")["value"] == expected.tolist()
    assert set(fine("cat", sample, "dtypes.bool").split()) == {"true", "false"}
    halves = stored(sample, "dtypes.complex32", [("r", "<f2"), ("i", "<f2")])
    found = numpy.array(untagged(printed(sample, "dtypes.complex32")["value"]), "c8")
    numpy.testing.assert_array_equal(found.real, halves["r"])
    numpy.testing.assert_array_equal(found.imag, halves["i"])


SLICES = ["", ":", "...", "0", "-1", "2:4", ":-2", "-3:", "100:", "-100:2", "4:2", "0:3,1", "0:3,1:2", "1,-2", "1,...,3",
          "..., -1", ":,0:2,5:9", "-1:,10,:", "3,2,12", "1, : , 2 : 4", "...,0:0"]


@pytest.mark.parametrize("text", SLICES)
def test_a_slice_is_that_of_numpy(text, sample):
    index = tuple(slice(*(int(end) if end.strip() else None for end in item.split(":"))) if ":" in item else
                  ... if item.strip() == "..." else int(item) for item in text.split(",")) if text else ()
    bits = stored(sample, "deep.er.cube", "<u2")[index].astype("<u4") << 16  # bfloat16
    expected = numpy.asarray(bits, "<u4").view("<f4")
    option = [f"--slice={text}"] if text else []
    found = printed(sample, "deep.er.cube", *option)
    if expected.size == 0:
        assert found["value"] == [] and 0 in found["sizes"]
        return
    value = numpy.array(untagged(found["value"]), "<f4")
    assert value.shape == expected.shape
    numpy.testing.assert_array_equal(value, expected)
    lines = fine("cat", sample, "deep.er.cube", *option).splitlines()
    words = [word for line in lines if not line.startswith("#") for word in line.split()]
    numpy.testing.assert_array_equal(numpy.array(words, "<f4"), expected.ravel())


def test_the_text_of_many_matrices(sample):
    text = fine("cat", sample, "deep.er.cube", "--slice", "1:3,2:4,-3:")
    parts = text.split("\n\n")
    assert [part.splitlines()[0] for part in parts] == ["# [1, 2:4, 10:13]", "# [2, 2:4, 10:13]"]
    assert [len(part.splitlines()) for part in parts] == [3, 3]
    assert not fine("cat", sample, "deep.er.cube", "--slice", "1").startswith("#")


def test_json_tells_which_part_it_is(sample):
    found = printed(sample, "matrix", "--slice", "-1,2:5")
    assert list(found) == ["file", "fqn", "kind", "dtype", "shape", "offsets", "sizes", "value"]
    value = found.pop("value")
    numpy.testing.assert_array_equal(numpy.array(untagged(value), "f4"), stored(sample, "matrix")[-1, 2:5])
    assert found == {"file": str(sample), "fqn": "matrix", "kind": "tensor", "dtype": "float32", "shape": [37, 29],
                     "offsets": [36, 2], "sizes": [1, 3]}


def test_a_tensor_of_many_pieces(ranks):
    """More than is printed at once, and a row that is."""
    path = SAMPLES / f"np{ranks}" / "large.h5"
    expected = stored(path, "wide")
    with numpy.errstate(all="ignore"):
        found = numpy.loadtxt(fine("cat", path, "wide").splitlines(), "i4")
    numpy.testing.assert_array_equal(found, expected)


def test_values(sample):
    values = {"null": ("null", None), "flag": ("true", True), "step": ("-7", -7), "rate": ("0.1", 0.1),
              "wave": ("1.0-2.0j", {"$complex": [1.0, -2.0]}), "name": ("café", "café"),
              "raw": ("00ff07", {"$bytes": "00ff07"}), "counts": ("1 2 3", [1, 2, 3]),
              "mixed": ('[1,"two",null]', [1, "two", None]), "nested.list.0.a": ("1", 1), "nested.list.1": ("{}", {}),
              "nested.empty": ("[]", [])}
    for name, (text, value) in values.items():
        assert fine("cat", sample, f"values.{name}") == text + "\n"
        assert printed(sample, f"values.{name}")["value"] == value
    assert fine("cat", sample, "values.counts", "--slice", "-1") == "3\n"


def test_text_cannot_drive_a_terminal():
    text = fine("cat", SAMPLES / "np1" / "terminal.h5", "text")
    assert text == "a\\x1b[31mred\\n\n"
    text = fine("cat", SAMPLES / "np1" / "terminal.h5", "list")
    assert text == '["\\u001b[31mred","\\u007f","\\u009b"]\n'


@pytest.mark.parametrize("text, why", [
    ("0:4:2", "steps"), ("37", "37 indices, -37 to 36"), ("-38", "-37 to 36"), ("0,0,0", "3 dimensions, where there are 2"),
    ("...,...", "more than one"), ("a", "neither an index"), ("1.5", "neither"), ("0:x", "neither"), (",", "neither"),
    ("99999999999999999999", "too large"), ("0x1", "neither"), ("--1", "neither"), ("+1", "neither")])
def test_slices_that_do_not_fit(text, why):
    done = fails(2, "cat", SAMPLES / "np1" / "sample.h5", "matrix", f"--slice={text}")
    assert why in done.stderr and done.stdout == ""


def test_what_is_not_there(sample):
    assert "has no entry 'nothing'" in fails(2, "cat", sample, "nothing").stderr
    assert "cannot be sliced" in fails(2, "cat", sample, "values.name", "--slice", "0").stderr
    assert "0 indices" in fails(2, "cat", sample, "empty", "--slice", "0").stderr


def test_it_reads_and_checks_the_blocks_of_the_slice_alone(copy):
    """Rows lie in blocks of at least 4 KiB: the last ones of 37 x 116 bytes are in another than the first."""
    last = stored(copy, "matrix")[36]
    flip(copy, entries(copy)["matrix"]["address"])
    words = fine("cat", copy, "matrix", "--slice", "36").split()
    numpy.testing.assert_array_equal(numpy.array(words, "f4"), last)
    assert "'matrix' [0:" in fails(1, "cat", copy, "matrix", "--slice", "3,28").stderr
    assert "do not match their checksum" in fails(1, "cat", copy, "matrix").stderr
    flip(copy, entries(copy)["values.name"]["address"])
    assert "do not match their checksum" in fails(1, "cat", copy, "values.name").stderr
