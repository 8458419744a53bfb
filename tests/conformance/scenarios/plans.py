"""Who plans what: boxes, replicas, and plans that contradict each other."""
import math

import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint._dedup_save_plans import dedup_save_plans
from torch.distributed.checkpoint.default_planner import DefaultSavePlanner, create_default_local_save_plan
from torch.distributed.checkpoint.metadata import (ChunkStorageMetadata, MetadataIndex, TensorProperties,
                                                   TensorStorageMetadata)
from torch.distributed.checkpoint.planner import LoadItemType, SavePlan, TensorWriteData, WriteItem, WriteItemType
from torch.distributed.checkpoint.planner_helpers import create_read_items_for_chunk_list
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate, Shard, distribute_tensor

from scenarios.outcome import loaded, of_call, of_chunks, of_entries, of_value, of_writers

FLOAT = TensorProperties(dtype=torch.float32)


def chunk(box):
    offsets, sizes = box
    return ChunkStorageMetadata(torch.Size(offsets), torch.Size(sizes))


def read_items(job):
    """For each case of boxes: [offset wanted, its position, offset in it, the same of what is saved, lengths]."""
    def items(case):
        metadata = TensorStorageMetadata(FLOAT, torch.Size(case["size"]), [chunk(box) for box in case["saved"]])
        return [[list(item.dest_index.offset), item.dest_index.index, list(item.dest_offsets),
                 list(item.storage_index.offset), item.storage_index.index, list(item.storage_offsets),
                 list(item.lengths)]
                for item in create_read_items_for_chunk_list("t", metadata, [chunk(box) for box in case["wanted"]])]

    return [items(case) for case in job.cases["boxes"]]


def read_items_of_nothing(job):
    """What is wanted has no elements and lies inside what is saved."""
    metadata = TensorStorageMetadata(FLOAT, torch.Size([4]), [chunk([[0], [4]])])
    return [list(item.lengths) for item in create_read_items_for_chunk_list("t", metadata, [chunk([[2], [0]])])]


def indices(job):
    a, b = MetadataIndex("x", [1, 2], 0), MetadataIndex("x", [1, 2], 9)
    return {"other hint": [a == b, hash(a) == hash(b)],
            "other offset": a == MetadataIndex("x", [1, 3], 0),
            "other name": a == MetadataIndex("y", [1, 2], 0),
            "no offset": MetadataIndex("x") == MetadataIndex("x", [0]),
            "write": {kind.name.lower(): kind.value for kind in WriteItemType},
            "load": {kind.name.lower(): kind.value for kind in LoadItemType}}


def write_item(name, offset, sizes, size):
    if offset is None:
        return WriteItem(MetadataIndex(name), WriteItemType.BYTE_IO)
    return WriteItem(MetadataIndex(name, offset), WriteItemType.SHARD,
                     tensor_data=TensorWriteData(chunk((offset, sizes)), FLOAT, torch.Size(size)))


def dedup(job):
    """For each case of plans, and both ways to choose: what each rank keeps."""
    def kept(case, lowest):
        plans = dedup_save_plans([SavePlan([write_item(*item) for item in plan]) for plan in case], lowest)
        return [[[item.index.fqn, item.index.offset and list(item.index.offset)] for item in plan.items]
                for plan in plans]

    return [[kept(case, lowest) for lowest in (False, True)] for case in job.cases["plans"]]


def replicated():
    return {"a": torch.zeros(1000), "b": torch.zeros(10), "k": 1, "c": torch.zeros(1500)}


def written_by(job):
    by_load = dcp.save(replicated(), checkpoint_id=job.checkpoint("1"))
    lowest = dcp.save(replicated(), checkpoint_id=job.checkpoint("2"),
                      planner=DefaultSavePlanner(dedup_save_to_lowest_rank=True))
    return {"least loaded": of_writers(by_load), "lowest rank": of_writers(lowest)}


def written_by_default(job):
    return of_writers(dcp.save(replicated(), checkpoint_id=job.checkpoint()))


def value_that_differs(job):
    """A value that each rank has another of; what other things are saved decides which one DCP takes."""
    def survivor(suffix, others, **arguments):
        path = job.checkpoint(suffix)
        state = {"vv": -1}

        def save_and_load():
            dcp.save({**others, "vv": job.rank}, checkpoint_id=path, **arguments)
            dcp.load(state, checkpoint_id=path)
        return [of_call(save_and_load, "vv"), state["vv"]]

    return [survivor("1", {}), survivor("2", {"a": torch.zeros(10)}),
            survivor("3", {"a": torch.zeros(10)}, planner=DefaultSavePlanner(dedup_save_to_lowest_rank=True))]


def mesh_of(job):
    return init_device_mesh("cpu", (job.size,))


def distributed(job, placement, count):
    return distribute_tensor(torch.arange(float(count)), mesh_of(job), [placement])


def local_items(job):
    state = {"d": distributed(job, Shard(0), 10), "s": distributed(job, Shard(0), 2),
             "r": distributed(job, Replicate(), 3), "p": torch.zeros(5), "k": 1}
    return [[item.index.fqn, item.type.name.lower(),
             item.tensor_data and [list(item.tensor_data.chunk.offsets), list(item.tensor_data.chunk.sizes),
                                   list(item.tensor_data.size)], item.tensor_storage_size()]
            for item in create_default_local_save_plan(state, job.rank == 0).items]


def chunks(job):
    state = {"d": distributed(job, Shard(0), 10), "r": distributed(job, Replicate(), 3)}
    metadata = dcp.save(state, checkpoint_id=job.checkpoint())
    return {name: of_chunks(metadata, name) for name in state}


def chunks_of_few_rows(job):
    return of_chunks(dcp.save({"s": distributed(job, Shard(0), 2)}, checkpoint_id=job.checkpoint()), "s")


def reshard(job):
    """Saved by rows; loaded whole, replicated, and by columns."""
    mesh = mesh_of(job)
    full = torch.arange(60.0).reshape(10, 6)
    dcp.save({"w": distribute_tensor(full, mesh, [Shard(0)])}, checkpoint_id=job.checkpoint())

    def local(placement):
        target = distribute_tensor(torch.zeros(10, 6), mesh, [placement])
        dcp.load({"w": target}, checkpoint_id=job.checkpoint())
        return of_value(target.to_local())

    return {"whole": loaded(job, {"w": torch.zeros(10, 6)}), "replicated": local(Replicate()),
            "columns": local(Shard(1))}


def placed(job, case, key, full):
    placements = [Replicate() if dim is None else Shard(dim) for dim in case[key]]
    return distribute_tensor(full, init_device_mesh("cpu", tuple(case["mesh"])), placements)


def mesh_boxes(job):
    """For each case of placements: what this rank holds of the tensor before and after."""
    def held(case, key):
        plan = create_default_local_save_plan({"w": placed(job, case, key, torch.zeros(case["size"]))}, job.rank == 0)
        return [[list(item.tensor_data.chunk.offsets), list(item.tensor_data.chunk.sizes)] for item in plan.items]

    return [[held(case, key) for key in ("from", "to")] for case in job.cases["placements"]]


def mesh_reshard(job):
    """All tensors saved as they are before, and loaded as they are after."""
    cases = job.cases["placements"]
    fulls = [torch.arange(float(math.prod(case["size"]))).reshape(case["size"]) for case in cases]
    dcp.save({str(i): placed(job, case, "from", fulls[i]) for i, case in enumerate(cases)},
             checkpoint_id=job.checkpoint())
    state = {str(i): placed(job, case, "to", torch.full_like(fulls[i], -1)) for i, case in enumerate(cases)}
    dcp.load(state, checkpoint_id=job.checkpoint())
    return [of_value(tensor.to_local()) for tensor in state.values()]


def of_saved(job, state):
    sizes = []

    def save():
        metadata = dcp.save(state, checkpoint_id=job.checkpoint())
        sizes.append([list(metadata.state_dict_metadata["aa"].size),
                      str(metadata.state_dict_metadata["aa"].properties.dtype).removeprefix("torch.")])
    return [of_call(save, "aa"), sizes]


def other_dims(job):
    return of_call(lambda: dcp.save({"aa": torch.zeros([3, 1] if job.rank else [3])}, checkpoint_id=job.checkpoint()))


def other_dims_to_owners(job):
    return other_dims(job)


def tensor_or_value(job):
    return of_call(lambda: dcp.save({"aa": 1 if job.rank else torch.zeros(3)}, checkpoint_id=job.checkpoint()))


def other_extents(job):
    return of_saved(job, {"aa": torch.zeros(3 + job.rank)})


def other_dtypes(job):
    return of_saved(job, {"aa": torch.zeros(3, dtype=torch.float64 if job.rank else torch.float32)})


def other_keys(job):
    metadata = dcp.save({"c": 1, f"r{job.rank}": job.rank}, checkpoint_id=job.checkpoint())
    return [of_entries(metadata), loaded(job, {"r0": -1, "r1": -1, "c": -1})]


class Planned(DefaultSavePlanner):
    """Plans what it is told to: a piece of a tensor of five elements."""

    def __init__(self, offset, count):
        super().__init__()
        self.item = write_item("tt", [offset], [count], [5])

    def create_local_plan(self):
        return SavePlan([self.item], planner_data={"tt": ("tt",)})


def planned(job, offset, count):
    return of_call(lambda: dcp.save({"tt": torch.zeros(count)}, checkpoint_id=job.checkpoint(),
                                    planner=Planned(offset, count)), "tt")


def overlap(job):
    return planned(job, 2 * job.rank, 3)


def gap(job):
    return planned(job, 3 * job.rank, 2)


def out_of_bounds(job):
    return planned(job, 3 * job.rank, 3)


def gap_of_one_process(job):
    return planned(job, 0, 2)


SCENARIOS = [
    ("C13.read_items", 1, read_items),
    ("C13.read_items_of_nothing", 1, read_items_of_nothing),
    ("C14.indices", 1, indices),
    ("C18.dedup", 1, dedup),
    ("C18.written_by", 2, written_by),
    ("C18.written_by_default", 2, written_by_default),
    ("C18.value_that_differs", 2, value_that_differs),
    ("C19.local_items", 4, local_items),
    ("C19.chunks", 4, chunks),
    ("C19.chunks_of_few_rows", 4, chunks_of_few_rows),
    ("C19.reshard", 4, reshard),
    ("C19.mesh_boxes", 4, mesh_boxes),
    ("C19.mesh_reshard", 4, mesh_reshard),
    ("C21.other_dims", 2, other_dims),
    ("C21.other_dims_to_owners", 2, other_dims_to_owners),
    ("C21.tensor_or_value", 2, tensor_or_value),
    ("C21.other_extents", 2, other_extents),
    ("C21.other_dtypes", 2, other_dtypes),
    ("C21.other_keys", 2, other_keys),
    ("C22.overlap", 2, overlap),
    ("C22.gap", 2, gap),
    ("C22.out_of_bounds", 2, out_of_bounds),
    ("C22.gap_of_one_process", 1, gap_of_one_process),
]
