"""What DCP does, number by number; which of it h5dcp does not have; and where it differs, and why.

A scenario is called "C<number>.<what>". One that is not below must have the same outcome on both sides.
"""
import dataclasses
import struct

TITLES = {
    1: "names and paths of a nested state dict",
    2: "which file an item is written to",
    3: "content of slices, transposed and expanded tensors",
    4: "checkpoint files made by hand",
    5: "variants of the archive that holds a tensor",
    6: "keys that the checkpoint lacks",
    7: "loading in place: conversion, strides, other sizes",
    8: "a value where a tensor is wanted, and the reverse",
    9: "keys that are numbers",
    10: "objects with a state of their own",
    11: "what is one entry: lists, tuples, empty containers, names that collide",
    12: "empty tensors, scalars, nothing at all",
    13: "which parts of stored boxes fill wanted ones",
    14: "indices and the numbers of kinds",
    15: "saving over a checkpoint",
    16: "no checkpoint, no id, an unknown id",
    17: "state dicts that are not flattened",
    18: "who writes what several ranks hold",
    19: "boxes of distributed tensors, and resharding",
    20: "errors in each step, and on whom",
    21: "ranks that disagree on a name",
    22: "plans that overlap, leave a gap, go out of bounds",
    23: "saving without collectives; holes in what is stored",
    24: "groups of ranks, and their coordinators",
    25: "plans that are kept from save to save",
    26: "what is sent",
    27: "asynchronous saves: staging",
    28: "asynchronous saves: overlap and errors",
    29: "staging of tensors that share memory",
    30: "asynchronous saves: groups without a CPU backend",
    31: "state dicts of a model and its optimizer",
    32: "flat state dicts of optimizers",
    33: "options of these state dicts, and what they lack",
    34: "shared and frozen parameters, buffers that are not saved",
    35: "state dicts of wrapped and sharded models",
    36: "safetensors: files and their index",
    37: "safetensors: several ranks",
    38: "safetensors: quantised tensors",
    39: "torch.save files and checkpoints; loading some keys",
    40: "reading a torch.save file once for all ranks",
    41: "transforms of what is stored",
    42: "several pieces of a global tensor in one memory",
    43: "transforms one after another",
    44: "broadcast from rank 0 with nothing on the others",
    45: "the order in which planners and storages are called",
    46: "functions of which planners are made",
}

NOT_HERE = {
    1: "the files of DCP's directory",
    2: "DCP's directory",
    4: "DCP's directory",
    5: "torch.save files",
    7: "requires_grad, which only torch has",
    9: "keys of different types: ours are strings",
    11: "tuples",
    19: "partial placements",
    23: "saving without collectives",
    27: "asynchronous saves",
    28: "asynchronous saves",
    29: "staging",
    30: "asynchronous saves",
    31: "state dicts of models, compared with torch's",
    32: "flat state dicts of optimizers",
    33: "options of state dicts of models",
    34: "state dicts of models, compared with torch's",
    35: "state dicts of wrapped models",
    36: "safetensors",
    37: "safetensors",
    38: "safetensors",
    39: "torch.save files",
    40: "torch.save files",
    41: "transforms of tensors",
    44: "broadcast of state dicts; DCP hangs there",
}

# DCP's errors, as they begin, and what h5dcp calls the same.
ERRORS = {
    "RuntimeError: Missing key in checkpoint state_dict": "not_found",
    "RuntimeError: Checkpoint already exists": "invalid_argument",
    "RuntimeError: `checkpoint_id` must be specified": "invalid_argument",
    "RuntimeError: Cannot detect which StorageReader or StorageWriter to use": "invalid_argument",
    "RuntimeError: unsupported operation: more than one element of the written-to tensor": "invalid_argument",
    "ValueError: Size mismatch between saved": "invalid_argument",
    "ValueError: Invalid checkpoint metadata for": "invalid_argument",
    "ValueError: Could not find FQN": "not_found",
    "ValueError: FQN: '": "invalid_argument",
    "ValueError: Could not find checkpointable tensor shard at": "invalid_argument",
    "ValueError: Cannot lookup": "invalid_argument",
    "ValueError: duplicated flatten key": "invalid_argument",
    "ValueError: Failed to validate global plan": "invalid_argument",
    "ValueError: Unknown extension name": "unsupported",
    "UnpicklingError: ": "corrupt",
    "AssertionError: item.index.fqn not in md": "invalid_argument",
    "AssertionError: metadata is None; global metadata read failed: [Errno 2]": "not_found",
    "AssertionError: metadata is None; global metadata read failed: planned fault": "io",
    "OSError: ": "io",
}


@dataclasses.dataclass
class Different:
    why: str
    dcp: object
    h5dcp: object
    on_purpose: bool = True


def floats(*elements):
    return {"dtype": "float32", "sizes": [len(elements)], "bytes": struct.pack(f"<{len(elements)}f", *elements).hex()}


def failed(step, code, *ranks, named=()):
    return {"failed": step, "ranks": {str(rank): code for rank in ranks}, "named": list(named)}


def raised(code):
    return {"raised": code, "named": []}


DIFFERENT = {
    "C6.partial_of_a_rare_type": Different(
        "DCP destroys leaves of types that it does not know when a load is partial: a complex number becomes None",
        {"c": None, "l": [1, None]},
        {"c": {"complex": [1.0, 2.0]}, "l": [1, {"complex": [1.0, 2.0]}]}),
    "C7.expanded_target": Different(
        "a tensor that cannot be filled is found before anything is read",
        failed("read", "invalid_argument", 0), failed("plan", "invalid_argument", 0)),
    "C9.keys_of_type_int": Different(
        "DCP puts the value under a string beside the int key, which stays as it was; our keys are strings",
        {"step": -1, "m": floats(1, 1), "keys": 2}, {"step": 3, "m": floats(1, 1), "keys": 1}),
    "C10.stateful_inside": Different(
        "objects with a state may be anywhere, not at the top alone", [], ["state_dict of a"]),
    "C10.stateful_that_fails": Different(
        "DCP calls these objects where a failure on one rank would leave the others waiting; ours is told to all",
        [raised("io")] * 3, [failed("plan", "io", 0, 1)] * 2 + [failed("read", "io", 0, 1)]),
    "C11.empty_containers": Different(
        "DCP loses empty containers",
        {"entries": {"kinds": {"n.k": "value"}, "paths": {"n.k": ["n", "k"]}}, "back": {"n": {"k": 1}}},
        {"entries": {"kinds": dict.fromkeys(["e", "ld.0", "n.e", "n.k"], "value"),
                     "paths": {"e": ["e"], "ld.0": ["ld", 0], "n.e": ["n", "e"], "n.k": ["n", "k"]}},
         "back": {"e": {}, "ld": [{}], "n": {"e": {}, "k": 1}}}),
    "C12.empty_tensor": Different(
        "nothing is written of nothing, so there is no chunk",
        {"chunks": [[[0, 0], [0, 3]]], "loaded": {"z": {"dtype": "float32", "sizes": [0, 3], "bytes": ""}}},
        {"chunks": [], "loaded": {"z": {"dtype": "float32", "sizes": [0, 3], "bytes": ""}}}),
    "C13.read_items_of_nothing": Different(
        "DCP reads nothing from the middle of a chunk; we do not", [[0]], []),
    "C15.second_save_fails": Different(
        "DCP writes over the checkpoint's files: the old checkpoint then has the new elements",
        [failed("write", "io", 0), {"a": floats(1, 1)}], [failed("write", "io", 0), {"a": floats(0, 0)}]),
    "C15.leftovers": Different(
        "a checkpoint is one file, replaced as a whole", ["__0_1.distcp"], []),
    "C16.load_from_nowhere_together": Different(
        "one rank opens the checkpoint for all",
        failed("plan", "not_found", 0, 1), failed("plan", "not_found", 0)),
    "C16.no_checkpoint_id": Different(
        "DCP looks for the storage where a failure on one rank would leave the others waiting; ours is told to all",
        [raised("invalid_argument")] * 2, [failed("plan", "invalid_argument", 0, 1)] * 2),
    "C16.unknown_scheme": Different(
        "as C16.no_checkpoint_id",
        [raised("invalid_argument")] * 2, [failed("plan", "invalid_argument", 0, 1)] * 2),
    "C16.caught_as_any_exception": Different(
        "DCP's error is no Exception; ours is a std::exception", False, True),
    "C17.not_flat_paths": Different(
        "paths are kept, so that it loads into nothing, too", None, {"k": ["k"]}),
    "C17.not_flat_by_one_flag": Different(
        "DCP loses values unless a second flag is set; we have one flag",
        {"k": 0, "t": floats(1, 1)}, {"k": 7, "t": floats(1, 1)}),
    "C18.written_by_default": Different(
        "by default no rank sees the plans of all: names decide, and what is large is shared",
        {"a": [0], "b": [1], "c": [1], "k": [1]}, {"a": [0], "b": [0], "c": [1], "k": [0]}),
    "C18.value_that_differs": Different(
        "DCP saves one rank's value, and which one depends on what else is saved; we refuse",
        [["done", 0], ["done", 1], ["done", 0]],
        [[failed("plan", "invalid_argument", 0, named=["vv"]), -1]] * 2 +
        [[failed("plan", "invalid_argument", 1, named=["vv"]), -1]]),
    "C19.chunks_of_few_rows": Different(
        "as C12.empty_tensor", [[[0], [1]], [[1], [1]], [[2], [0]]], [[[0], [1]], [[1], [1]]]),
    "C21.other_dims_to_owners": Different(
        "without a coordinator the rank that finds it is the owner of the name",
        failed("plan", "invalid_argument", 0), failed("plan", "invalid_argument", 1)),
    "C21.other_extents": Different(
        "DCP takes one rank's extents and says nothing; we refuse",
        ["done", [[[3], "float32"]]], [failed("plan", "invalid_argument", 0, named=["aa"]), []]),
    "C21.other_dtypes": Different(
        "DCP takes one rank's dtype and says nothing; we refuse",
        ["done", [[[3], "float32"]]], [failed("plan", "invalid_argument", 0, named=["aa"]), []]),
    "C22.gap_of_one_process": Different(
        "DCP saves a tensor with a hole if one process saves; we refuse",
        "done", failed("plan", "invalid_argument", 0, named=["tt"])),
    "C23.holes": Different(
        "DCP leaves holes as they were in memory and says nothing; for us the checkpoint is corrupt",
        ["done", floats(1, 1, 1, -1, -1, 1, 1, 1)],
        [failed("plan", "corrupt", 0, 1, named=["'t'"]), floats(*[-1] * 8)]),
    "C25.alternating_with_a_cache_for_each": Different(
        "a cache is an object of the program's, not one for all planners of a class",
        [[False, floats(*range(6))], [False, floats(*range(1, 10))],
         [False, floats(*range(20, 26))], [False, floats(*range(3, 12))]],
        [[False, floats(*range(6))], [False, floats(*range(1, 10))],
         [True, floats(*range(20, 26))], [True, floats(*range(3, 12))]]),
    "C25.longer_value": Different(
        "values have places of some length in our file; one that outgrows its place is a new plan",
        [[False, 0], [True, 500]], [[False, 0], [False, 500]]),
    "C25.other_dtype": Different(
        "DCP does not see that a dtype has changed, and its metadata keep the old one",
        [[False, "float32"], [True, "float32"]], [[False, "float32"], [False, "float64"]]),
    "C26.sent": Different(
        "DCP gathers plans, results and errors as objects on one rank; we exchange messages and agree by a byte",
        {"save": ["broadcast_object_list", "gather_object", "scatter_object_list"],
         "load": ["all_gather_object", "gather_object", "scatter_object_list"]},
        {"save": ["MPI_Iallreduce", "MPI_Ibarrier", "MPI_Ibcast"], "load": ["MPI_Iallreduce", "MPI_Ibcast"]}),
    "C39.unknown_key": Different(
        "a key that selects nothing is an error, not an empty state dict",
        ["done", [{}]], [failed("plan", "not_found", 0, named=["nope"]), []]),
    "C43.two_transforms": Different(
        "DCP undoes two transforms in the wrong order",
        [failed("read", "corrupt", 0), "", [["7"], ["7"]]], ["done", "text", [["7"], ["7"]]]),
    "C45.reset_without_an_id": Different(
        "every save and load has ids of its own; in DCP a storage without a checkpoint id keeps its last ones",
        [False, False], [True, True]),
}
