"""What a scenario gets, and how its outcome is written down so that both sides can be compared."""
import dataclasses
import pathlib

import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.metadata import TensorStorageMetadata


@dataclasses.dataclass
class Job:
    rank: int
    size: int
    path: pathlib.Path  # for checkpoints; a suffix tells several apart
    cases: dict  # made by conformance_test.py

    def checkpoint(self, suffix=""):
        return str(self.path) + suffix


def of_value(value):
    """JSON for any value of a state dict: every bit of a tensor counts."""
    if isinstance(value, torch.Tensor):
        flat = value.detach().reshape(-1).contiguous()
        return {"dtype": str(value.dtype).removeprefix("torch."), "sizes": list(value.shape),
                "bytes": bytes(flat.view(torch.uint8).tolist()).hex()}
    if isinstance(value, dict):
        return {str(key): of_value(item) for key, item in value.items()}
    if isinstance(value, list):
        return [of_value(item) for item in value]
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, complex):
        return {"complex": [value.real, value.imag]}
    return value


def of_call(call, *names):
    """"done", or how it failed: the step and, by rank, the class of the error and its message. `names` are words
    that the messages should have; those that every message has are listed."""
    def found(messages):
        return [name for name in names if all(name in message for message in messages)]

    try:
        call()
    except CheckpointException as error:
        ranks = {str(rank): f"{type(cause).__name__}: {cause}" for rank, (cause, _) in error.failures.items()}
        return {"failed": error.args[0], "ranks": ranks, "named": found(ranks.values())}
    except Exception as error:
        return {"raised": f"{type(error).__name__}: {error}", "named": found([str(error)])}
    return "done"


def of_entries(metadata):
    """{name: tensor or value} and {name: path}; None if no paths were saved."""
    kinds = {name: "tensor" if isinstance(entry, TensorStorageMetadata) else "value"
             for name, entry in metadata.state_dict_metadata.items()}
    paths = metadata.planner_data
    return {"kinds": kinds, "paths": paths and {name: list(path) for name, path in paths.items()}}


def of_chunks(metadata, name):
    return [[list(chunk.offsets), list(chunk.sizes)] for chunk in metadata.state_dict_metadata[name].chunks]


def of_writers(metadata):
    """{name: the ranks that wrote it}"""
    writers = {}
    for index, place in metadata.storage_data.items():
        writers.setdefault(index.fqn, []).append(int(place.relative_path.removeprefix("__").split("_")[0]))
    return writers


def loaded(job, state, **arguments):
    """The state dict after a load of the scenario's checkpoint into it."""
    dcp.load(state, checkpoint_id=job.checkpoint(), **arguments)
    return of_value(state)
