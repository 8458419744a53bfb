"""What is told of an error, to which ranks, and what becomes of the checkpoint."""
import os

import torch
import torch.distributed.checkpoint as dcp

from scenarios.hooks import (Calls, NotingLoadPlanner, NotingReader, NotingSavePlanner, NotingWriter, Pretend,
                             SevenPlanner)
from scenarios.outcome import loaded, of_call, of_value


def refuse_to_overwrite(job):
    dcp.save({"a": torch.zeros(2)}, checkpoint_id=job.checkpoint())
    writer = dcp.FileSystemWriter(job.checkpoint(), overwrite=False)
    return [of_call(lambda: dcp.save({"a": torch.ones(2)}, storage_writer=writer)),
            loaded(job, {"a": torch.full((2,), -1.0)})]


def second_save_fails(job):
    class Crashing(dcp.FileSystemWriter):
        def finish(self, metadata, results):
            raise OSError("crash")

    dcp.save({"a": torch.zeros(2)}, checkpoint_id=job.checkpoint())
    return [of_call(lambda: dcp.save({"a": torch.ones(2)}, storage_writer=Crashing(job.checkpoint()))),
            loaded(job, {"a": torch.full((2,), -1.0)})]


def leftovers(job):
    """Files of an earlier save that the second does not name."""
    dcp.save({"a": torch.zeros(2), "b": 1},
             storage_writer=dcp.FileSystemWriter(job.checkpoint(), single_file_per_rank=False))
    metadata = dcp.save({"a": torch.zeros(2)}, checkpoint_id=job.checkpoint())
    named = {place.relative_path for place in metadata.storage_data.values()} | {".metadata"}
    return sorted(set(os.listdir(job.checkpoint())) - named)


def load_from_nowhere(job):
    return of_call(lambda: dcp.load({"a": 1}, checkpoint_id=job.checkpoint()))


def no_checkpoint_id(job):
    return [of_call(lambda: dcp.save({"a": 1})), of_call(lambda: dcp.load({"a": 1}))]


def unknown_scheme(job):
    return [of_call(lambda: dcp.save({"a": 1}, checkpoint_id="foo://bar")),
            of_call(lambda: dcp.load({"a": 1}, checkpoint_id="foo://bar"))]


def caught_as_any_exception(job):
    """Whether what a program catches as any exception, it catches."""
    try:
        dcp.load({"a": 1}, checkpoint_id=job.checkpoint())
    except Exception:
        return True
    except BaseException:
        return False


SAVE_HOOKS = {"planner": ("set_up_planner", "create_local_plan", "finish_plan", "resolve_data"),
              "storage": ("storage_meta", "set_up_storage_writer", "prepare_local_plan", "write_data")}
SAVE_HOOKS_OF_THE_COORDINATOR = {"planner": ("create_global_plan",), "storage": ("prepare_global_plan", "finish")}
LOAD_HOOKS = {"planner": ("set_up_planner", "create_local_plan", "finish_plan", "resolve_tensor", "commit_tensor",
                          "load_bytes"),
              "storage": ("set_up_storage_reader", "prepare_local_plan", "read_data")}
LOAD_HOOKS_OF_THE_COORDINATOR = {"planner": ("create_global_plan",), "storage": ("prepare_global_plan",)}


def fails_in(hook, verb, failing):
    """The hook fails on these ranks."""
    def run(job):
        calls = Calls(hook if job.rank in failing else None)
        part = {"t": torch.zeros(4)}
        if verb == "save":
            outcome = of_call(lambda: dcp.save(part | {"k": 7, "l": 8}, storage_writer=NotingWriter(calls),
                                               planner=NotingSavePlanner(calls)), "planned fault")
            return [outcome, "finished" if calls.made[-1] == "finish" and calls.failing is None else "not finished"]
        return of_call(lambda: dcp.load(part | {"k": 0}, storage_reader=NotingReader(calls, 4, [(0, 4)]),
                                        planner=NotingLoadPlanner(calls)), "planned fault")
    return run


def hook_scenarios():
    def scenarios(verb, hooks, failing, who):
        return [(f"C20.{verb}.{part}.{hook}.{who}", 2, fails_in(hook, verb, failing))
                for part, names in hooks.items() for hook in names]

    return (scenarios("save", SAVE_HOOKS, [1], "on_rank_1") + scenarios("save", SAVE_HOOKS, [0, 1], "on_all") +
            scenarios("save", SAVE_HOOKS_OF_THE_COORDINATOR, [0], "on_the_coordinator") +
            scenarios("load", LOAD_HOOKS, [1], "on_rank_1") + scenarios("load", LOAD_HOOKS, [0, 1], "on_all") +
            scenarios("load", LOAD_HOOKS_OF_THE_COORDINATOR, [0], "on_the_coordinator"))


def metadata_unreadable_on_one_rank(job):
    return fails_in("read_metadata", "load", [1])(job)


def two_causes(job):
    calls = Calls("create_local_plan" if job.rank == 0 else None)
    state = {"k": 0} if job.rank == 0 else {"zz": 0}
    return of_call(lambda: dcp.load(state, storage_reader=NotingReader(calls, 4, [(0, 4)]),
                                    planner=NotingLoadPlanner(calls)))


def disk_full_on_one_rank(job):
    """With the storage that programs use: what was written is no checkpoint."""
    class Full(dcp.FileSystemWriter):
        def write_data(self, plan, planner):
            if job.rank == 1:
                raise OSError("disk full")
            return super().write_data(plan, planner)

    outcome = of_call(lambda: dcp.save({"a": torch.ones(2)}, storage_writer=Full(job.checkpoint())), "disk full")
    after = of_call(lambda: dcp.load({"a": torch.zeros(2)}, checkpoint_id=job.checkpoint()))
    return [outcome, "loads" if after == "done" else "does not load"]


def holes(job):
    """The storage lacks elements 3 and 4 of 8."""
    target = torch.full((8,), -1.0)
    reader = Pretend(8, [(0, 3), (5, 3)])
    return [of_call(lambda: dcp.load({"t": target}, storage_reader=reader, planner=SevenPlanner()), "'t'"),
            of_value(target)]


SCENARIOS = [
    ("C15.refuse_to_overwrite", 1, refuse_to_overwrite),
    ("C15.second_save_fails", 1, second_save_fails),
    ("C15.leftovers", 1, leftovers),
    ("C16.load_from_nowhere", 1, load_from_nowhere),
    ("C16.load_from_nowhere_together", 2, load_from_nowhere),
    ("C16.no_checkpoint_id", 2, no_checkpoint_id),
    ("C16.unknown_scheme", 2, unknown_scheme),
    ("C16.caught_as_any_exception", 1, caught_as_any_exception),
    *hook_scenarios(),
    ("C20.metadata_unreadable_on_one_rank", 2, metadata_unreadable_on_one_rank),
    ("C20.two_causes", 2, two_causes),
    ("C20.disk_full_on_one_rank", 2, disk_full_on_one_rank),
    ("C23.holes", 2, holes),
]
