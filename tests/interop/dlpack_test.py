"""NumPy's arrays become h5dcp's views, and those NumPy's arrays, over the same memory."""
import ctypes
import os
import sys
import weakref

import numpy as np
import pytest

PEER = ctypes.CDLL(os.environ["H5DCP_DLPACK_PEER"])
API = ctypes.pythonapi
API.PyCapsule_GetPointer.restype = ctypes.c_void_p
API.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
API.PyCapsule_SetName.argtypes = [ctypes.py_object, ctypes.c_char_p]
API.PyCapsule_New.restype = ctypes.py_object
API.PyCapsule_New.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
for name in ("h5dcp_pass", "h5dcp_pass_versioned"):
    getattr(PEER, name).restype = ctypes.c_void_p
    getattr(PEER, name).argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]

# A capsule keeps the pointer to its name.
NAMES = {"h5dcp_pass": (b"dltensor", b"used_dltensor"),
         "h5dcp_pass_versioned": (b"dltensor_versioned", b"used_dltensor_versioned")}


class Exported:
    """What np.from_dlpack asks of an array."""

    def __init__(self, capsule):
        self.capsule = capsule

    def __dlpack__(self, **_):
        return self.capsule

    def __dlpack_device__(self):
        return (1, 0)


def through_h5dcp(array, call):
    name, used = NAMES[call]
    capsule = array.__dlpack__(max_version=(1, 0)) if name == b"dltensor_versioned" else array.__dlpack__()
    message = ctypes.create_string_buffer(500)
    out = getattr(PEER, call)(API.PyCapsule_GetPointer(capsule, name), message, len(message))
    if out is None:
        raise ValueError(message.value.decode())
    API.PyCapsule_SetName(capsule, used)  # the view deletes it now
    return np.from_dlpack(Exported(API.PyCapsule_New(out, name, None)))


class Array(np.ndarray):
    """One that can be referred to weakly."""


@pytest.fixture(params=NAMES)
def call(request):
    return request.param


@pytest.mark.parametrize("dtype", ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
                                   "float16", "float32", "float64", "complex64", "complex128"])
def test_every_dtype(call, dtype):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    back = through_h5dcp(array, call)
    np.testing.assert_array_equal(back, array, strict=True)
    assert np.shares_memory(back, array)


@pytest.mark.parametrize("array", [np.array(3.0), np.zeros((0, 3)), np.arange(24).reshape(4, 6).T,
                                   np.arange(24).reshape(4, 6)[1:, ::2], np.arange(5)[::-1]],
                         ids=["scalar", "empty", "transposed", "part", "backwards"])
def test_every_shape(call, array):
    back = through_h5dcp(array, call)
    np.testing.assert_array_equal(back, array, strict=True)
    assert back.shape == array.shape
    if array.size:
        assert back.ctypes.data == array.ctypes.data and back.strides == array.strides


def test_the_memory_lives_as_long_as_anybody_sees_it(call):
    array = np.ones(3).view(Array)
    alive, references = weakref.ref(array), sys.getrefcount(array)
    back = through_h5dcp(array, call)
    part = back[1:]
    del array, back
    assert alive() is not None
    assert part.sum() == 2
    assert sys.getrefcount(alive()) <= references + 1
    del part
    assert alive() is None


def test_read_only_stays_read_only():
    array = np.arange(3)
    array.flags.writeable = False
    assert not through_h5dcp(array, "h5dcp_pass_versioned").flags.writeable


def test_what_is_refused_is_given_back(call):
    array = np.ones((1,) * 33).view(Array)
    alive = weakref.ref(array)
    with pytest.raises(ValueError, match="view a DLPack array: a tensor of 33 dimensions: HDF5 stores at most 32"):
        through_h5dcp(array, call)
    del array
    assert alive() is None
