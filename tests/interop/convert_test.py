"""copy_elements against torch's copy_, for every pair of element types."""

import math
import os
import subprocess
import warnings

import pytest
import torch

warnings.filterwarnings("ignore", message="ComplexHalf")

NAMES = """
float32 float64 bfloat16 int64 float16 float8_e5m2 float8_e4m3fn float8_e5m2fnuz float8_e4m3fnuz
float8_e8m0fnu int8 int16 int32 uint8 uint16 uint32 uint64 bool complex32 complex64 complex128
""".split()
COMPLEX = {"complex32": "float16", "complex64": "float32", "complex128": "float64"}  # and its parts
INTEGERS = {"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}
FLOATS = set(NAMES) - set(COMPLEX) - INTEGERS - {"bool"}

INF = math.inf
NUMBERS = [0, 1, 2, 3, 0.5, 1.5, 2.5, 127, 128, 255, 256, 32767, 65535, 2**31 - 1, 2**31, 2**32 - 1,
           2**53, 1e9, 1e19, 1e30, 1e300, INF, math.nan]
# Ties and what lies just beside them, at the precision of each small float.
NUMBERS += [1 + k * 2.0**-bits + e for bits in (3, 4, 8, 9, 11, 12, 24) for k in (1, 3)
            for e in (0, 2.0**-22, -(2.0**-22), 2.0**-40, -(2.0**-40))]
# The largest numbers and what they become.
NUMBERS += [240, 247.9, 248, 448, 463.9, 464, 464.1, 480, 57344, 61439, 61440, 65504, 65519, 65520,
            3.3895313892515355e38, 3.39e38, 3.4028234663852886e38, 1.7976931348623157e308]
# The least numbers, subnormal ones, and halves of them.
NUMBERS += [m * 2.0**e for e in (-6, -7, -9, -10, -11, -14, -15, -16, -17, -24, -25, -126, -127,
                                 -133, -134, -149, -150, -1022, -1074) for m in (1, 1.5, 1.75)]
NUMBERS += [-number for number in NUMBERS]
WHOLE = [0, 1, 2, 3, 7, 100, 127, 128, 200, 255, 256, 257, 2049, 2051, 32767, 32768, 65535, 65536,
         2**24 + 1, 2**24 + 3, 2**31 - 1, 2**31, 2**32 - 1, 2**40 + 2**28 + 1, 2**53 + 1,
         2**62 + 2**38 + 1, 2**63 - 1, 2**63, 2**63 + 1025, 2**64 - 1]
WHOLE += [-number for number in WHOLE if number <= 2**63]


def dtype(name):
    return getattr(torch, name)


def size(name):
    return torch.empty(0, dtype=dtype(name)).element_size()


def from_bytes(data, name):
    return torch.frombuffer(bytearray(data), dtype=torch.uint8).view(dtype(name))


def to_bytes(tensor):
    return tensor.view(torch.uint8).numpy().tobytes()


def source(name):
    """Interesting elements: every bit pattern, if there are so few."""
    if name == "bool":
        return torch.tensor([False, True])
    if name in FLOATS and size(name) <= 2:
        patterns = torch.arange(256 ** size(name), dtype=torch.int32)
        return from_bytes(to_bytes(patterns.to(torch.uint16 if size(name) == 2 else torch.uint8)), name)
    if name in FLOATS:
        return torch.tensor(NUMBERS, dtype=torch.float64).to(dtype(name))
    if name in COMPLEX:
        parts = torch.tensor(NUMBERS, dtype=torch.float64).to(dtype(COMPLEX[name]))
        pairs = torch.stack([parts, parts.flip(0)], dim=1).contiguous()
        return from_bytes(to_bytes(pairs), name)
    limits = torch.iinfo(dtype(name))
    return torch.tensor([n for n in WHOLE if limits.min <= n <= limits.max], dtype=dtype(name))


def without_overflow(elements, name, target):
    """Where C++ says nothing about float to integer, processors and versions of torch differ."""
    if name not in FLOATS or target not in INTEGERS:
        return elements
    limits = torch.iinfo(dtype(target))
    fits = [math.isfinite(n) and limits.min <= math.trunc(n) <= limits.max
            for n in elements.double().tolist()]
    data = to_bytes(elements)
    kept = [data[i * size(name):(i + 1) * size(name)] for i, keep in enumerate(fits) if keep]
    return from_bytes(b"".join(kept), name)


def refused(name, target):
    if name == target:
        return False
    return target == "float8_e8m0fnu" or (name in COMPLEX and target not in COMPLEX)


PAIRS = [(name, target) for name in NAMES for target in NAMES]


@pytest.fixture(scope="module")
def answers():
    """Of every pair: the elements asked about, and the answer's bytes, None if it was refused."""
    elements = {(n, t): without_overflow(source(n), n, t) for n, t in PAIRS}
    request = b"".join(f"{n} {t} {len(e)}\n".encode() + to_bytes(e) for (n, t), e in elements.items())
    output = subprocess.run([os.environ["H5DCP_CONVERT"]], input=request, stdout=subprocess.PIPE,
                            check=True).stdout
    result = {}
    for pair, asked in elements.items():
        status, output = output[0], output[1:]
        length = 0 if status else len(asked) * size(pair[1])
        result[pair] = (asked, None if status else output[:length])
        output = output[length:]
    assert output == b""
    return result


def numbers(tensor, name):
    """The bytes of each number, and whether it is nan, which has no bits that all agree on."""
    if name in COMPLEX:
        return numbers(from_bytes(to_bytes(tensor), COMPLEX[name]), COMPLEX[name])
    nan = tensor.double().isnan() if name in FLOATS else torch.zeros(len(tensor), dtype=torch.bool)
    return tensor.view(torch.uint8).reshape(-1, size(name)), nan


@pytest.mark.parametrize("name,target", PAIRS)
def test_convert(answers, name, target):
    asked, answer = answers[name, target]
    assert len(asked) > 0
    if refused(name, target):
        assert answer is None
        return
    assert answer is not None
    expected = torch.empty(len(asked), dtype=dtype(target)).copy_(asked)
    got = from_bytes(answer, target)
    got_bytes, got_nan = numbers(got, target)
    expected_bytes, expected_nan = numbers(expected, target)
    differ = (got_nan != expected_nan) | (~got_nan & (got_bytes != expected_bytes).any(dim=1))
    places = {place * len(asked) // len(differ) for place in differ.nonzero().flatten().tolist()}
    assert not places, [(str(asked[p]), str(got[p]), str(expected[p])) for p in sorted(places)[:5]]
