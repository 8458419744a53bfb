"""Runs the scenarios with PyTorch's DCP: dcp_side.py OUTPUT CASES RANKS...

For each number of ranks it forks as many processes, which run all scenarios of that number and write their
outcomes to OUTPUT/dcp.<ranks>.json: {name: [outcome of rank 0, of rank 1, ...]}. torch is imported once.
"""
import datetime
import json
import logging
import multiprocessing
import os
import pathlib
import sys
import traceback
import warnings

import torch
import torch.distributed as dist
from scenarios import caching, calls, content, failures, helpers, names, plans, transforms
from scenarios.outcome import Job

SCENARIOS = [scenario for part in (content, names, plans, failures, calls, helpers, transforms, caching)
             for scenario in part.SCENARIOS]


def outcome_of(run, job):
    try:
        return run(job)
    except BaseException:
        return {"crashed": traceback.format_exc()}  # no scenario expects this


def run_rank(output, cases, rank, size):
    torch.set_num_threads(1)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # it need not know the name of this machine
    dist.init_process_group("gloo", init_method=f"file://{output}/dcp.{size}.rendezvous", rank=rank,
                            world_size=size, timeout=datetime.timedelta(seconds=60))
    outcomes = {}
    for name, ranks, run in SCENARIOS:
        if ranks != size:
            continue
        job = Job(rank, size, output / f"dcp.{name}", cases)
        every_rank = [None] * size
        dist.all_gather_object(every_rank, outcome_of(run, job))
        outcomes[name] = every_rank
    if rank == 0:
        (output / f"dcp.{size}.json").write_text(json.dumps(outcomes))
    dist.barrier()
    dist.destroy_process_group()


def main(output, cases, sizes):
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    fork = multiprocessing.get_context("fork")
    for size in sizes:
        ranks = [fork.Process(target=run_rank, args=(output, cases, rank, size)) for rank in range(size)]
        for process in ranks:
            process.start()
        for process in ranks:
            process.join()
        if any(process.exitcode != 0 for process in ranks):
            sys.exit(f"dcp_side: ranks of {size} ended with {[process.exitcode for process in ranks]}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve(), json.loads(pathlib.Path(sys.argv[2]).read_text()),
         [int(size) for size in sys.argv[3:]])
