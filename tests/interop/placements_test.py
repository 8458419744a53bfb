"""local_boxes against the DTensors of PyTorch: the same elements on every rank, in the same order."""

import itertools
import os
import random
import subprocess

import torch
from torch.distributed.tensor import Replicate, Shard
from torch.distributed.tensor._utils import _compute_local_shape_and_global_offset
from torch.distributed.tensor.placement_types import _StridedShard


def fixed_cases():
    """FSDP2 and tensor parallelism on one dimension, divisible and not; with replicas of it around."""
    for rows, (dp, tp) in itertools.product((0, 1, 6, 7, 8, 9, 10, 16, 23), ((2, 2), (2, 3), (3, 2), (4, 2), (2, 4))):
        yield [rows, 3], [dp, tp], [_StridedShard(0, split_factor=tp), Shard(0)]
        yield [3, rows], [2, dp, tp], [Replicate(), _StridedShard(1, split_factor=tp), Shard(1)]
        yield [rows], [dp, tp], [_StridedShard(0, split_factor=tp), Replicate()]
        yield [rows], [dp, 2, tp], [_StridedShard(0, split_factor=2 * tp), _StridedShard(0, split_factor=tp), Shard(0)]


def any_case(rng):
    size = [rng.randint(0, 13) for _ in range(rng.randint(1, 3))]
    mesh = [rng.randint(1, 4) for _ in range(rng.choice((2, 3)))]

    def placement():
        dim = rng.randrange(len(size))
        return rng.choice((Replicate(), Shard(dim), _StridedShard(dim, split_factor=rng.randint(1, 5))))
    return size, mesh, [placement() for _ in mesh]


def words_of(placement):
    if isinstance(placement, Replicate):
        return ["r"]
    if isinstance(placement, _StridedShard):
        return ["t", placement.dim, placement.split_factor]
    return ["s", placement.dim]


def held_by_torch(size, mesh, placements, coordinate):
    """The elements, by number, that DTensor's own splitting gives a rank."""
    local = torch.arange(torch.Size(size).numel()).reshape(size)
    for placement, pieces, index in zip(placements, mesh, coordinate):
        if not isinstance(placement, Replicate):
            pieces, _ = placement._split_tensor(local, pieces, with_padding=False)
            local = pieces[index]
    return local


def held(size, line):
    boxes = [[tuple(map(int, pair.split(":"))) for pair in box.split()] for box in line.split("|")]
    numbers = torch.arange(torch.Size(size).numel()).reshape(size)
    parts = [numbers[tuple(slice(at, at + count) for at, count in box)] for box in boxes]
    return boxes, parts


def test_local_boxes_hold_what_dtensors_hold():
    rng = random.Random(4)
    cases = [*fixed_cases(), *(any_case(rng) for _ in range(300))]
    text = "\n".join(" ".join(map(str, [len(size), *size, len(mesh), *mesh, *itertools.chain(*map(words_of, placements))]))
                     for size, mesh, placements in cases)
    run = subprocess.run([os.environ["H5DCP_PLACEMENTS"]], input=text, capture_output=True, text=True, timeout=50)
    assert run.returncode == 0, run.stderr
    lines = iter(run.stdout.splitlines())
    several = 0
    for size, mesh, placements in cases:
        for coordinate in itertools.product(*map(range, mesh)):
            why = f"{size} on {mesh} as {placements} at {coordinate}"
            boxes, parts = held(size, next(lines))
            local = held_by_torch(size, mesh, placements, list(coordinate))
            shape, offset = _compute_local_shape_and_global_offset(size, mesh, list(coordinate), placements)
            assert list(local.shape) == list(shape), why
            assert sorted(local.flatten().tolist()) == sorted(torch.cat([p.flatten() for p in parts]).tolist()), why
            assert sum(part.numel() for part in parts) == local.numel(), why
            if local.numel() == 0:
                assert len(boxes) == 1, why
                continue
            assert [at for at, _ in boxes[0]] == list(offset), why
            several += len(boxes) > 1
            # Box by box, where the local tensor has the element that the box begins with.
            for box, part in zip(boxes, parts):
                first = [at.item() for at in (local == part.flatten()[0]).nonzero()[0]]
                there = local[tuple(slice(at, at + count) for at, (_, count) in zip(first, box))]
                assert torch.equal(there, part), why
    assert next(lines, None) is None
    assert several > 100, "cases of several boxes are among them"
