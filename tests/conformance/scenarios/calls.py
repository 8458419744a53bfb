"""In which order what is called, on whom, and what crosses ranks."""
import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp

from scenarios.hooks import (Calls, LookingLoadPlanner, LookingSavePlanner, NotingLoadPlanner, NotingReader,
                             NotingSavePlanner, NotingWriter)
from scenarios.outcome import of_call, of_value, of_writers


class Noted:
    """A Stateful that notes its calls."""

    def __init__(self, name, calls):
        self.name = name
        self.calls = calls
        self.v = torch.ones(1)
        self.got = None

    def state_dict(self):
        self.calls.append("state_dict of " + self.name)
        return {"v": self.v, "n": {"k": 7}}

    def load_state_dict(self, state_dict):
        self.calls.append("load_state_dict of " + self.name)
        self.got = state_dict


def stateful(job):
    calls = []
    a, b = Noted("a", calls), Noted("b", calls)
    state = {"b": b, "a": a}
    dcp.save(state, checkpoint_id=job.checkpoint())
    saved = list(calls)
    calls.clear()
    a.v.zero_()
    dcp.load(state, checkpoint_id=job.checkpoint())
    return {"save": saved, "load": calls, "kept": state["a"] is a, "got": of_value(a.got)}


def stateful_inside(job):
    calls = []
    of_call(lambda: dcp.save({"outer": {"a": Noted("a", calls)}}, checkpoint_id=job.checkpoint()))
    return calls


class Failing(Noted):
    """Fails in one of its methods, on every rank."""

    def __init__(self, method):
        super().__init__("f", [])
        self.method = method

    def fail_in(self, method):
        if self.method == method:
            raise OSError("planned fault")

    def state_dict(self):
        self.fail_in("state_dict")
        return super().state_dict()

    def load_state_dict(self, state_dict):
        self.fail_in("load_state_dict")


def stateful_that_fails(job):
    dcp.save({"f": Failing("load_state_dict")}, checkpoint_id=job.checkpoint())
    return [of_call(lambda: dcp.save({"f": Failing("state_dict")}, checkpoint_id=job.checkpoint("2"))),
            of_call(lambda: dcp.load({"f": Failing("state_dict")}, checkpoint_id=job.checkpoint())),
            of_call(lambda: dcp.load({"f": Failing("load_state_dict")}, checkpoint_id=job.checkpoint()))]


def group(job):
    """Ranks 1 and 2 save what they have; ranks are counted in their group."""
    members = dist.new_group([1, 2])
    if job.rank not in (1, 2):
        return None
    return of_writers(dcp.save({f"r{job.rank}": job.rank}, checkpoint_id=job.checkpoint(), process_group=members))


def coordinator_of_a_group(job):
    members = dist.new_group([1, 2])
    if job.rank not in (1, 2):
        return None
    calls = Calls()
    dcp.save_state_dict({"a": 1}, NotingWriter(calls), process_group=members, coordinator_rank=1,
                        planner=NotingSavePlanner(calls))
    wanted = ("create_global_plan", "prepare_global_plan", "finish")
    return [call for call in calls.made if call in wanted]


def failure_in_a_group(job):
    members = dist.new_group([1, 2])
    if job.rank not in (1, 2):
        return None
    calls = Calls("write_data" if job.rank == 2 else None)
    return of_call(lambda: dcp.save({"a": 1}, storage_writer=NotingWriter(calls), process_group=members))


def sent(job):
    """The ways in which objects cross ranks, each once."""
    ways = ("gather_object", "scatter_object_list", "broadcast_object_list", "all_gather_object", "barrier")
    real = {way: getattr(dist, way) for way in ways}

    def during(work):
        used = set()
        for way in ways:
            def call(*args, way=way, **kwargs):
                used.add(way)
                return real[way](*args, **kwargs)
            setattr(dist, way, call)
        work()
        for way in ways:
            setattr(dist, way, real[way])
        return sorted(used)

    return {"save": during(lambda: dcp.save({"a": torch.ones(1)}, checkpoint_id=job.checkpoint())),
            "load": during(lambda: dcp.load({"a": torch.ones(1)}, checkpoint_id=job.checkpoint()))}


def order_of_a_save(job):
    calls = Calls()
    dcp.save({"t": torch.zeros(2), "k": 7}, checkpoint_id=job.checkpoint(), storage_writer=NotingWriter(calls),
             planner=NotingSavePlanner(calls))
    return calls.made


def order_of_a_load(job):
    calls = Calls()
    dcp.load({"k": 0, "t": torch.zeros(2)}, checkpoint_id=job.checkpoint(),
             storage_reader=NotingReader(calls, 2, [(0, 2)]), planner=NotingLoadPlanner(calls))
    return calls.made


def order_of_a_load_with_a_stateful(job):
    """When the storage is opened, and when the state is asked for and given back."""
    calls = Calls()
    state = {"t": torch.zeros(2), "k": 0, "s": Noted("s", calls.made)}
    reader = NotingReader(calls, 2, [(0, 2)])
    planner = NotingLoadPlanner(calls, True, True, True)
    dcp.load(state, checkpoint_id=job.checkpoint(), storage_reader=reader, planner=planner)
    wanted = ("reset", "read_metadata", "set_up_planner", "read_data")
    return [call for call in calls.made if call in wanted or "state_dict" in call]


def reset_without_an_id(job):
    """A storage that knows where to, and is told no checkpoint id."""
    save, load = Calls(), Calls()
    dcp.save({"k": 7}, storage_writer=NotingWriter(save))
    dcp.load({"t": torch.zeros(2)}, storage_reader=NotingReader(load, 2, [(0, 2)]))
    return ["reset" in save.made, "reset" in load.made]


def data_of_a_save(job):
    """How the planner is asked for data, once the plan is made."""
    calls = Calls()
    writer = NotingWriter(calls)
    dcp.save({"t": torch.zeros(2), "k": 7}, storage_writer=writer, planner=LookingSavePlanner(calls))
    return calls.made[calls.made.index("write_data") + 1:]


def data_of(state):
    calls = Calls()
    dcp.load(state, storage_reader=NotingReader(calls, 2, [(0, 2)]), planner=LookingLoadPlanner(calls))
    return calls.made[calls.made.index("read_data") + 1:]


def data_of_a_load(job):
    return data_of({"k": 0, "t": torch.zeros(2)})


def data_of_a_load_of_unsorted_keys(job):
    return data_of({"t": torch.zeros(2), "k": 0})


SCENARIOS = [
    ("C10.stateful", 1, stateful),
    ("C10.stateful_inside", 1, stateful_inside),
    ("C10.stateful_that_fails", 2, stateful_that_fails),
    ("C24.group", 4, group),
    ("C24.coordinator_of_a_group", 4, coordinator_of_a_group),
    ("C24.failure_in_a_group", 4, failure_in_a_group),
    ("C26.sent", 2, sent),
    ("C45.order_of_a_save", 2, order_of_a_save),
    ("C45.order_of_a_load", 2, order_of_a_load),
    ("C45.order_of_a_load_with_a_stateful", 2, order_of_a_load_with_a_stateful),
    ("C45.reset_without_an_id", 2, reset_without_an_id),
    ("C45.data_of_a_save", 2, data_of_a_save),
    ("C45.data_of_a_load", 2, data_of_a_load),
    ("C45.data_of_a_load_of_unsorted_keys", 2, data_of_a_load_of_unsorted_keys),
]
