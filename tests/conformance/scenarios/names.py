"""Which entries a nested state dict becomes, and what comes back."""
import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner, DefaultSavePlanner
from torch.distributed.checkpoint.state_dict_loader import _load_state_dict_from_keys

from scenarios.outcome import loaded, of_call, of_entries, of_value


def from_keys(job, keys):
    return of_value(_load_state_dict_from_keys(keys, checkpoint_id=job.checkpoint()))


def saved(job, state):
    """Its entries, and all of it as it comes back into nothing."""
    metadata = dcp.save(state, checkpoint_id=job.checkpoint())
    return {"entries": of_entries(metadata), "back": from_keys(job, None)}


def nested(job):
    return saved(job, {"a": torch.arange(6.0).reshape(2, 3), "n": {"b": torch.ones(4), "k": 7}})


def values(job):
    return saved(job, {"null": None, "yes": True, "int": -3, "large": 2**53 + 1, "float": 0.1, "whole": 2.0,
                       "complex": 1 - 2j, "text": "caf\u00e9 \u0000", "bytes": b"\x00\xff",
                       "list": [1.0, 2, True, None, "x", [1, [2.5]]]})


def lists(job):
    return saved(job, {"l": [1, 2], "m": [1, torch.ones(1), [4, 5]], "el": [], "lq": [{"q": 1}], "d": [[[{"x": 0}]]]})


def empty_containers(job):
    return saved(job, {"e": {}, "ld": [{}], "n": {"e": {}, "k": 1}})


def one_name_twice(job):
    return of_call(lambda: dcp.save({"a.b": 1, "a": {"b": 2}}, checkpoint_id=job.checkpoint()), "a.b")


def not_flat(job):
    metadata = dcp.save({"n": {"a": 1, "b": "x"}, "k": 7, "t": torch.ones(2)}, checkpoint_id=job.checkpoint(),
                        planner=DefaultSavePlanner(flatten_state_dict=False))
    planner = DefaultLoadPlanner(flatten_state_dict=False, flatten_sharded_tensors=False)
    return {"kinds": of_entries(metadata)["kinds"],
            "loaded": loaded(job, {"n": {}, "k": 0, "t": torch.zeros(2)}, planner=planner)}


def not_flat_paths(job):
    metadata = dcp.save({"k": 7}, checkpoint_id=job.checkpoint(), planner=DefaultSavePlanner(flatten_state_dict=False))
    return of_entries(metadata)["paths"]


def not_flat_by_one_flag(job):
    dcp.save({"k": 7, "t": torch.ones(2)}, checkpoint_id=job.checkpoint(),
             planner=DefaultSavePlanner(flatten_state_dict=False))
    return loaded(job, {"k": 0, "t": torch.zeros(2)}, planner=DefaultLoadPlanner(flatten_state_dict=False))


def some_keys(job):
    dcp.save({"m": {"w": torch.arange(4.0), "k": 7}, "mm": 1, "l": [torch.ones(1), 3]},
             checkpoint_id=job.checkpoint())
    return {" ".join(keys): from_keys(job, set(keys)) for keys in (["m"], ["m.w"], ["m.k", "l"], ["mm"])}


def unknown_key(job):
    dcp.save({"m": {"w": torch.arange(4.0)}}, checkpoint_id=job.checkpoint())
    back = []
    return of_call(lambda: back.append(from_keys(job, {"nope"})), "nope"), back


def half_of_a_dotted_key(job):
    dcp.save({"a.b": {"c": 1}, "a": {"d": 2}}, checkpoint_id=job.checkpoint())
    return from_keys(job, {"a"})


SCENARIOS = [
    ("C1.nested", 1, nested),
    ("C1.values", 1, values),
    ("C11.lists", 1, lists),
    ("C11.empty_containers", 1, empty_containers),
    ("C11.one_name_twice", 1, one_name_twice),
    ("C17.not_flat", 1, not_flat),
    ("C17.not_flat_paths", 1, not_flat_paths),
    ("C17.not_flat_by_one_flag", 1, not_flat_by_one_flag),
    ("C39.some_keys", 1, some_keys),
    ("C39.unknown_key", 1, unknown_key),
    ("C39.half_of_a_dotted_key", 1, half_of_a_dotted_key),
]
