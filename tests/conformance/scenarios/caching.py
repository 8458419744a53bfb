"""Plans that are kept from save to save."""
import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.default_planner import DefaultSavePlanner
from torch.distributed.checkpoint.planner import SavePlanner
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor

from scenarios.outcome import of_value


class Caching(DefaultSavePlanner):
    """Notes whether this rank had nothing new to plan. DCP keeps plans by the name of this class."""

    def __init__(self):
        super().__init__(enable_plan_caching=True)
        self.keeps = False

    def create_local_plan(self):
        plan = super().create_local_plan()
        self.keeps = not plan.usable
        return plan


def forget():
    for cache in (SavePlanner._cached_save_plan, SavePlanner._cached_final_save_plan, SavePlanner._cached_all_plans,
                  SavePlanner._cached_global_plan, SavePlanner._cached_metadata):
        cache.clear()


def whole(value):
    return torch.zeros(value.shape, dtype=value.dtype) if isinstance(value, torch.Tensor) else None


def saved(job, number, state):
    """Whether no rank had anything to plan, what the metadata say of "w", and all that was saved."""
    path = job.checkpoint(str(number))
    planner = Caching()
    metadata = dcp.save(state, checkpoint_id=path, planner=planner)
    every_rank = [None] * job.size
    dist.all_gather_object(every_rank, planner.keeps)
    back = {name: whole(state.get(name)) for name in metadata.state_dict_metadata}
    dcp.load(back, checkpoint_id=path)
    w = metadata.state_dict_metadata["w"]
    return [all(every_rank), str(w.properties.dtype).removeprefix("torch."), list(w.size), of_value(back)]


def saves(job, states):
    forget()
    return [saved(job, number, state) for number, state in enumerate(states)]


def rows(job, count, first):
    full = torch.arange(float(first), float(first + count))
    return distribute_tensor(full, init_device_mesh("cpu", (job.size,)), [Shard(0)])


def state_of(job, number):
    return {"w": rows(job, 6, 10 * number), "r": torch.full((3,), float(number)), "k": number,
            "s": f"run {number}", "l": [number, "x"]}


def other_elements(job):
    return saves(job, [state_of(job, number) for number in range(3)])


def other_shape(job):
    """The second and third state are of one shape."""
    return saves(job, [state_of(job, 0)] + [{**state_of(job, number), "w": rows(job, 9, number), "more": number}
                                            for number in (1, 2)])


def other_keys_on_one_rank(job):
    """As above, but on rank 1 alone."""
    def more(number):
        return {"more": number} if job.rank == 1 else {}
    return saves(job, [state_of(job, 0)] + [{**state_of(job, number), **more(number)} for number in (1, 2)])


def two_shapes(job, number):
    return {**state_of(job, number), **({"w": rows(job, 9, number)} if number % 2 else {})}


def alternating(job):
    return saves(job, [two_shapes(job, number) for number in range(4)])


def alternating_with_a_cache_for_each(job):
    """There is one for all planners of a class. Of each save: whether the plan was kept, and "w"."""
    return [[kept, back["w"]] for kept, _, _, back in alternating(job)]


def longer_value(job):
    """Of each save: whether the plan was kept, and the length of "s"."""
    states = [{**state_of(job, number), "s": 500 * number * "!"} for number in range(2)]
    return [[kept, len(back["s"])] for kept, _, _, back in saves(job, states)]


def other_dtype(job):
    """Of each save: whether the plan was kept, and what the metadata say."""
    def state(number):
        rest = state_of(job, number)
        return {**rest, "w": rest["w"].double()} if number else rest
    return [[kept, dtype] for kept, dtype, _, _ in saves(job, [state(number) for number in range(2)])]


SCENARIOS = [
    ("C25.other_elements", 2, other_elements),
    ("C25.other_shape", 2, other_shape),
    ("C25.other_keys_on_one_rank", 2, other_keys_on_one_rank),
    ("C25.alternating", 2, alternating),
    ("C25.alternating_with_a_cache_for_each", 2, alternating_with_a_cache_for_each),
    ("C25.longer_value", 2, longer_value),
    ("C25.other_dtype", 2, other_dtype),
]
