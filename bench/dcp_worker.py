"""PyTorch's DCP behind the same commands as bench_save_load: see save_load.cpp.

One process a rank; compare_dcp.py writes each command to the standard input of all of them. The tensors are
DTensors on the CPU, one file a rank, synced, as DCP does by default.
"""

import argparse
import json
import os
import sys
import time

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Shard


def make_state(options):
    """The tensors of workload.hpp, and what is expected in them."""
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    sizes = [options.rows, options.columns]
    sizes[options.shard] //= dist.get_world_size()
    state, expected = {}, {}
    for i in range(options.tensors):
        name = f"layers.{i}.weight"
        count = sizes[0] * sizes[1]
        expected[name] = torch.arange(count, dtype=torch.float32).reshape(sizes) + i + 7 * dist.get_rank()
        state[name] = DTensor.from_local(expected[name].clone(), mesh, [Shard(options.shard)], run_check=False)
    return state, expected


def main():
    parser = argparse.ArgumentParser()
    for name in ("tensors", "rows", "columns", "shard"):
        parser.add_argument("--" + name, type=int, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    world = dist.get_world_size()
    if (options.columns if options.shard else options.rows) % world:
        sys.exit("dcp_worker: the ranks must divide the dimension that is cut")
    state, expected = make_state(options)
    for line in sys.stdin:
        verb, _, path = line.split()
        if verb == "load":
            for tensor in state.values():
                tensor.to_local().zero_()
        dist.barrier()
        start = time.perf_counter()
        if verb == "load":
            dcp.load(state, checkpoint_id=path)
        else:
            dcp.save(state, checkpoint_id=path)
        seconds = torch.tensor([time.perf_counter() - start], dtype=torch.float64)
        dist.all_reduce(seconds, dist.ReduceOp.MAX)
        if verb == "load":
            for name, tensor in state.items():
                assert torch.equal(tensor.to_local(), expected[name]), name
        if dist.get_rank() == 0:
            print(json.dumps({"seconds": seconds.item(), "phases": {}}), flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
