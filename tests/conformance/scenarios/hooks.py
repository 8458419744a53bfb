"""Planners and storages that note each call of them, and fail in the one that they are told to."""
import functools

import torch
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner, DefaultSavePlanner
from torch.distributed.checkpoint.metadata import (BytesStorageMetadata, ChunkStorageMetadata, Metadata,
                                                   TensorProperties, TensorStorageMetadata)
from torch.distributed.checkpoint.planner import LoadItemType
from torch.distributed.checkpoint.storage import StorageReader, StorageWriter, WriteResult
from torch.futures import Future


class Calls:
    """Shared by a planner and a storage."""

    def __init__(self, failing=None):
        self.made = []
        self.failing = failing

    def made_of(self, name):
        self.made.append(name)
        if name == self.failing:
            raise OSError("planned fault")


def noting(base, *names):
    """`base`, with each of these methods noted before it is called."""
    def wrap(name):
        @functools.wraps(getattr(base, name))  # DCP looks at the names of the parameters
        def call(self, *args, **kwargs):
            self.calls.made_of(name)
            return getattr(base, name)(self, *args, **kwargs)
        return call

    def init(self, calls, *args):
        base.__init__(self, *args)
        self.calls = calls

    return type("Noting" + base.__name__, (base,), {"__init__": init, **{name: wrap(name) for name in names}})


def done():
    future = Future()
    future.set_result(None)
    return future


class Drop(StorageWriter):
    """Asks for all data and drops it."""

    def __init__(self):
        pass

    def reset(self, checkpoint_id=None):
        pass

    def storage_meta(self):
        return super().storage_meta()

    def set_up_storage_writer(self, is_coordinator):
        pass

    def prepare_local_plan(self, plan):
        return plan

    def prepare_global_plan(self, plans):
        return plans

    def write_data(self, plan, planner):
        for item in plan.items:
            planner.resolve_data(item)
        future = Future()
        future.set_result([WriteResult(item.index, 0, None) for item in plan.items])
        return future

    def finish(self, metadata, results):
        pass

    @classmethod
    def validate_checkpoint_id(cls, checkpoint_id):
        return True


class Pretend(StorageReader):
    """Holds "t", `chunks` of a float32 tensor of `size` ones, and the value "k", 7."""

    def __init__(self, size, chunks):
        self.metadata = Metadata({
            "k": BytesStorageMetadata(),
            "t": TensorStorageMetadata(TensorProperties(dtype=torch.float32), torch.Size([size]), [
                ChunkStorageMetadata(torch.Size([offset]), torch.Size([count])) for offset, count in chunks])})

    def reset(self, checkpoint_id=None):
        pass

    def read_metadata(self):
        return self.metadata

    def set_up_storage_reader(self, metadata, is_coordinator):
        pass

    def prepare_local_plan(self, plan):
        return plan

    def prepare_global_plan(self, plans):
        return plans

    def read_data(self, plan, planner):
        for item in plan.items:
            if item.type == LoadItemType.BYTE_IO:
                planner.load_bytes(item, None)
            else:
                target = planner.resolve_tensor(item)
                target.fill_(1)
                planner.commit_tensor(item, target)
        return done()

    @classmethod
    def validate_checkpoint_id(cls, checkpoint_id):
        return True


class SevenPlanner(DefaultLoadPlanner):
    """Takes 7 for every value, as Pretend has nothing that could be unpickled."""

    def load_bytes(self, read_item, value):
        self.original_state_dict[read_item.dest_index.fqn] = 7


SAVE_PLANNER_HOOKS = ("set_up_planner", "create_local_plan", "create_global_plan", "finish_plan", "resolve_data")
WRITER_HOOKS = ("reset", "storage_meta", "set_up_storage_writer", "prepare_local_plan", "prepare_global_plan",
                "write_data", "finish")
LOAD_PLANNER_HOOKS = ("set_up_planner", "create_local_plan", "create_global_plan", "finish_plan", "resolve_tensor",
                      "commit_tensor", "load_bytes")
READER_HOOKS = ("reset", "read_metadata", "set_up_storage_reader", "prepare_local_plan", "prepare_global_plan",
                "read_data")

NotingWriter = noting(Drop, *WRITER_HOOKS)
NotingReader = noting(Pretend, *READER_HOOKS)
NotingSavePlanner = noting(DefaultSavePlanner, *SAVE_PLANNER_HOOKS)
NotingLoadPlanner = noting(SevenPlanner, *LOAD_PLANNER_HOOKS)
LookingSavePlanner = noting(DefaultSavePlanner, "resolve_data", "lookup_object", "transform_object")
LookingLoadPlanner = noting(SevenPlanner, "resolve_tensor", "lookup_tensor", "transform_tensor", "commit_tensor",
                            "load_bytes")
