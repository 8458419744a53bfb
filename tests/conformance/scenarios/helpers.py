"""The functions of which planners are made, one by one."""
import torch
from torch.distributed.checkpoint._dedup_save_plans import dedup_save_plans
from torch.distributed.checkpoint._nested_dict import flatten_state_dict, unflatten_state_dict
from torch.distributed.checkpoint._traverse import get_element, set_element, traverse_state_dict
from torch.distributed.checkpoint.default_planner import (create_default_global_save_plan,
                                                          create_default_local_load_plan)
from torch.distributed.checkpoint.metadata import (BytesStorageMetadata, Metadata, MetadataIndex,
                                                   TensorStorageMetadata)
from torch.distributed.checkpoint.planner import SavePlan
from torch.distributed.checkpoint.utils import find_state_dict_object

from scenarios.outcome import of_call, of_chunks, of_value
from scenarios.plans import FLOAT, chunk, write_item


def nested():
    return {"b": {"y": 1, "x": torch.ones(1)}, "a": [2, {"z": 3}], "l": [4, 5], "c": {"d": {"e": "f"}}}


def visited(job):
    found = []
    traverse_state_dict(nested(), lambda path, value: found.append([list(path), of_value(value)]))
    return found


def flat_and_back(job):
    flat, paths = flatten_state_dict(nested())
    return [list(flat), of_value(unflatten_state_dict(flat, paths))]


def elements(job):
    state = {"n": {"k": 1}}
    for path, value in ((("n", "l", 2), 5), (("n", "l", 0, "m"), 6), (("new",), 7), (("n", "k"), 8)):
        set_element(state, path, value)
    return [state] + [get_element(state, path) for path in (("n", "l", 2), ("n", "l", 9), ("n", "nope"), ("new", "x"))]


def lookups(job):
    pieces = torch.arange(6.0)
    pieces.global_shape = (8,)
    pieces.global_offsets = ((0,), (4,))
    pieces.local_offsets = ((0,), (3,))
    pieces.local_sizes = ((2,), (3,))
    state = {"tt": torch.arange(3.0), "vv": 7, "pp": pieces}

    def found(*index):
        got = []
        how = of_call(lambda: got.append(of_value(find_state_dict_object(state, MetadataIndex(*index)))), index[0])
        return got[0] if how == "done" else how

    return {"value": found("vv"), "tensor": found("tt"), "value at an offset": found("vv", [0]),
            "no such name": found("xx"),
            "tensor at its origin": found("tt", [0]), "tensor elsewhere": found("tt", [1]),
            "a piece": found("pp", [4]), "a piece by a wrong hint": found("pp", [4], 0),
            "no such piece": found("pp", [2]), "one of several pieces": found("pp")}


def global_plans(job):
    """Of plans that are complete: hints are rewritten, and chunks listed, in the order of ranks."""
    def made(case):
        plans, metadata = create_default_global_save_plan(
            dedup_save_plans([SavePlan([write_item(*item) for item in plan]) for plan in case]))
        chunks = {name: of_chunks(metadata, name) for name, entry in metadata.state_dict_metadata.items()
                  if isinstance(entry, TensorStorageMetadata)}
        return [[[[item.index.fqn, item.index.index] for item in plan.items] for plan in plans], chunks]

    return [made(case) for case in job.cases["plans"][:2]]


def local_load_plan(job):
    metadata = Metadata({"k": BytesStorageMetadata(), "w": TensorStorageMetadata(
        FLOAT, torch.Size([4, 2]), [chunk([[0, 0], [2, 2]]), chunk([[2, 0], [2, 2]])])})

    def items(state, strict):
        plan = []

        def make():
            for item in create_default_local_load_plan(state, metadata, strict).items:
                plan.append([item.type.name.lower(), item.dest_index.fqn, list(item.dest_offsets),
                             item.storage_index.index, list(item.storage_offsets), list(item.lengths)])
        return [of_call(make, "zz"), plan]

    full = {"w": torch.zeros(4, 2), "k": 0}
    return {"complete": items(full, True), "incomplete": items(full | {"zz": 1}, False)}


def strict_local_load_plan(job):
    return of_call(lambda: create_default_local_load_plan({"zz": 1}, Metadata({}), True), "zz")


SCENARIOS = [
    ("C46.visited", 1, visited),
    ("C46.flat_and_back", 1, flat_and_back),
    ("C46.elements", 1, elements),
    ("C46.lookups", 1, lookups),
    ("C46.global_plans", 1, global_plans),
    ("C46.local_load_plan", 1, local_load_plan),
    ("C46.strict_local_load_plan", 1, strict_local_load_plan),
]
