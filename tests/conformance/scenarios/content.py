"""What is in memory after a load."""
import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner

from scenarios.outcome import loaded, of_call, of_chunks, of_entries, of_value


def views(job):
    base = torch.arange(12.0).reshape(3, 4)
    dcp.save({"slice": base[:, 1:3], "transposed": base.t(), "expanded": torch.ones(1).expand(5)},
             checkpoint_id=job.checkpoint())
    return loaded(job, {"slice": torch.zeros(3, 2), "transposed": torch.zeros(4, 3), "expanded": torch.zeros(5)})


def missing(job):
    dcp.save({"a": torch.ones(2)}, checkpoint_id=job.checkpoint())
    return of_call(lambda: dcp.load({"zz": 1}, checkpoint_id=job.checkpoint()), "zz")


def missing_on_one_rank(job):
    dcp.save({"a": torch.ones(2)}, checkpoint_id=job.checkpoint())
    state = {"zz": 1} if job.rank == 1 else {"a": torch.zeros(2)}
    return of_call(lambda: dcp.load(state, checkpoint_id=job.checkpoint()), "zz")


def partial(job):
    dcp.save({"a": torch.ones(2)}, checkpoint_id=job.checkpoint())
    state = {"zz": torch.zeros(1), "i": 3, "l": [1, 2], "a": torch.zeros(2)}
    return loaded(job, state, planner=DefaultLoadPlanner(allow_partial_load=True))


def partial_of_a_rare_type(job):
    dcp.save({"a": torch.ones(2)}, checkpoint_id=job.checkpoint())
    state = {"c": 1 + 2j, "l": [1, 1 + 2j]}
    return loaded(job, state, planner=DefaultLoadPlanner(allow_partial_load=True))


def converts(job):
    dcp.save({"a": torch.arange(6).reshape(2, 3)}, checkpoint_id=job.checkpoint())
    memory = torch.zeros(3, 2, dtype=torch.bfloat16)
    view = memory.t()
    state = {"a": view}
    loaded(job, state)
    return {"memory": of_value(memory), "same": state["a"] is view,
            "float64": loaded(job, {"a": torch.zeros(2, 3, dtype=torch.float64)}),
            "bool": loaded(job, {"a": torch.zeros(2, 3, dtype=torch.bool)})}


def other_size(job):
    dcp.save({"aa": torch.arange(6).reshape(2, 3)}, checkpoint_id=job.checkpoint())
    return {str(sizes): of_call(lambda sizes=sizes: dcp.load({"aa": torch.zeros(sizes)},
                                                            checkpoint_id=job.checkpoint()), "aa")
            for sizes in ([3, 2], [6], [2, 3, 1])}


def expanded_target(job):
    dcp.save({"aa": torch.arange(6).reshape(2, 3)}, checkpoint_id=job.checkpoint())
    return of_call(lambda: dcp.load({"aa": torch.zeros(1, 3).expand(2, 3)}, checkpoint_id=job.checkpoint()))


def value_for_tensor(job):
    dcp.save({"k": 7}, checkpoint_id=job.checkpoint())
    return loaded(job, {"k": torch.zeros(2)})


def tensor_for_value(job):
    dcp.save({"aa": torch.ones(1)}, checkpoint_id=job.checkpoint())
    return of_call(lambda: dcp.load({"aa": 3}, checkpoint_id=job.checkpoint()), "aa")


def keys_that_are_numbers(job):
    dcp.save({"s": {"0": {"step": 3, "m": torch.ones(2)}}}, checkpoint_id=job.checkpoint())
    return loaded(job, {"s": {"0": {"m": torch.zeros(2), "step": -1}}})


def keys_of_type_int(job):
    dcp.save({"s": {0: {"step": 3, "m": torch.ones(2)}}}, checkpoint_id=job.checkpoint())
    state = {"s": {0: {"step": -1, "m": torch.zeros(2)}}}
    dcp.load(state, checkpoint_id=job.checkpoint())
    return {"step": state["s"][0]["step"], "m": of_value(state["s"][0]["m"]), "keys": len(state["s"])}


def empty_tensor(job):
    metadata = dcp.save({"z": torch.zeros(0, 3)}, checkpoint_id=job.checkpoint())
    return {"chunks": of_chunks(metadata, "z"), "loaded": loaded(job, {"z": torch.zeros(0, 3)})}


def scalar(job):
    metadata = dcp.save({"ss": torch.tensor(2.0)}, checkpoint_id=job.checkpoint())
    return {"chunks": of_chunks(metadata, "ss"), "loaded": loaded(job, {"ss": torch.tensor(0.0)}),
            "[1]": of_call(lambda: dcp.load({"ss": torch.zeros(1)}, checkpoint_id=job.checkpoint()), "ss")}


def nothing(job):
    metadata = dcp.save({}, checkpoint_id=job.checkpoint())
    return {"entries": of_entries(metadata), "loaded": loaded(job, {})}


def pieces_of_one_memory(job):
    """Two pieces of a global tensor, and padding between them."""
    def with_pieces(memory):
        memory.global_shape = (8,)
        memory.global_offsets = ((4 * job.rank,), (4 * job.rank + 2,))
        memory.local_offsets = ((0,), (4,))
        memory.local_sizes = ((2,), (2,))
        return memory

    metadata = dcp.save({"t": with_pieces(torch.arange(6.0) + 10 * job.rank)}, checkpoint_id=job.checkpoint())
    target = with_pieces(torch.full((6,), -1.0))
    dcp.load({"t": target}, checkpoint_id=job.checkpoint())
    return {"chunks": of_chunks(metadata, "t"), "whole": loaded(job, {"t": torch.zeros(8)}), "memory": of_value(target)}


SCENARIOS = [
    ("C3.views", 1, views),
    ("C6.missing", 1, missing),
    ("C6.missing_on_one_rank", 2, missing_on_one_rank),
    ("C6.partial", 1, partial),
    ("C6.partial_of_a_rare_type", 1, partial_of_a_rare_type),
    ("C7.converts", 1, converts),
    ("C7.other_size", 1, other_size),
    ("C7.expanded_target", 1, expanded_target),
    ("C8.value_for_tensor", 1, value_for_tensor),
    ("C8.tensor_for_value", 1, tensor_for_value),
    ("C9.keys_that_are_numbers", 1, keys_that_are_numbers),
    ("C9.keys_of_type_int", 1, keys_of_type_int),
    ("C12.empty_tensor", 1, empty_tensor),
    ("C12.scalar", 1, scalar),
    ("C12.nothing", 1, nothing),
    ("C42.pieces_of_one_memory", 2, pieces_of_one_memory),
]
