"""The same scenarios in PyTorch's DCP and in h5dcp: every outcome is the same, or differs as behaviours.py says."""
import itertools
import json
import os
import pathlib
import random
import subprocess
import sys

import pytest
from behaviours import DIFFERENT, ERRORS, NOT_HERE, TITLES

HERE = pathlib.Path(__file__).parent
SIZES = (1, 2, 4)

BOXES = [
    {"size": [4, 4], "saved": [[[0, 0], [2, 4]], [[2, 0], [2, 4]]], "wanted": [[[0, 0], [4, 2]]]},
    {"size": [6], "saved": [[[0], [2]], [[2], [2]], [[4], [2]]], "wanted": [[[3], [3]], [[0], [3]]]},
    {"size": [], "saved": [[[], []]], "wanted": [[[], []]]},
    {"size": [4], "saved": [[[0], [4]]], "wanted": [[[4], [0]]]},
    {"size": [4], "saved": [], "wanted": [[[0], [4]]]},
    {"size": [4], "saved": [[[0], [4]]], "wanted": []},
]
VALUE = [None, None, None]  # instead of offset, sizes and the size of the tensor
PLANS = [
    [[["a", [0], [1000], [1000]], ["b", [0], [10], [10]], ["k", *VALUE], ["z", [0], [0], [0]], ["v", *VALUE]]] * 2,
    [[["w", [0], [5], [10]], ["k", *VALUE]], [["w", [5], [5], [10]], ["k", *VALUE]], [], [["k", *VALUE]]],
]


def some_boxes(rng):
    """A tensor that is stored in a grid and wanted in any boxes."""
    size = [rng.randint(1, 7) for _ in range(rng.randint(1, 3))]
    cuts = [sorted({0, n, *(rng.randint(0, n) for _ in range(2))}) for n in size]
    saved = [[[start for start, _ in box], [end - start for start, end in box]]
             for box in itertools.product(*(itertools.pairwise(edges) for edges in cuts))]
    rng.shuffle(saved)
    wanted = []
    for _ in range(rng.randint(1, 4)):
        offsets = [rng.randrange(n) for n in size]
        wanted.append([offsets, [rng.randint(1, n - offset) for n, offset in zip(size, offsets)]])
    return {"size": size, "saved": saved, "wanted": wanted}


def some_plans(rng):
    """Replicas and pieces, each on some ranks."""
    items = [[f"t{i}", [0], [n], [n]] for i, n in enumerate(rng.choices(range(20), k=6))]
    items += [["s", [5 * i], [5], [20]] for i in range(4)] + [["k", *VALUE], ["l", *VALUE]]
    plans = []
    for _ in range(rng.randint(1, 5)):
        plan = [item for item in items if rng.random() < 0.6]
        plans.append(rng.sample(plan, len(plan)))
    return plans


def some_placements(rng):
    """A tensor on a mesh, in dimensions that are cut or, for None, replicated; then otherwise."""
    size = [rng.randint(1, 9) for _ in range(rng.randint(1, 3))]
    mesh = rng.choice([[4], [2, 2]])
    return {"size": size, "mesh": mesh, **{key: [rng.choice([None, *range(len(size))]) for _ in mesh]
                                           for key in ("from", "to")}}


def made_cases():
    rng = random.Random(1)
    return {"boxes": BOXES + [some_boxes(rng) for _ in range(200)],
            "plans": PLANS + [some_plans(rng) for _ in range(50)],
            "placements": [some_placements(rng) for _ in range(60)]}


def run_h5dcp(folder, size, *plant):
    subprocess.run([os.environ["H5DCP_MPIEXEC"], "-n", str(size), os.environ["H5DCP_SIDE"], folder,
                    folder / "cases.json", *plant], check=True, timeout=120)
    return json.loads((folder / f"h5dcp.{size}.json").read_text())


def run_dcp(folder):
    subprocess.run([sys.executable, HERE / "dcp_side.py", folder, folder / "cases.json", *map(str, SIZES)],
                   check=True, timeout=240)
    return {size: json.loads((folder / f"dcp.{size}.json").read_text()) for size in SIZES}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("conformance")
    (made / "cases.json").write_text(json.dumps(made_cases()))
    return made


@pytest.fixture(scope="module")
def dcp(folder):
    return run_dcp(folder)


@pytest.fixture(scope="module")
def h5dcp(folder):
    return {size: run_h5dcp(folder, size) for size in SIZES}


def code_of(error):
    """What h5dcp calls DCP's error; one that is not in the table stays as it is."""
    return next((code for start, code in ERRORS.items() if error.startswith(start)), error)


def in_our_words(outcome):
    if isinstance(outcome, list):
        return [in_our_words(part) for part in outcome]
    if not isinstance(outcome, dict):
        return outcome
    words = {key: in_our_words(part) for key, part in outcome.items()}
    if "ranks" in words:
        words["ranks"] = {rank: code_of(error) for rank, error in words["ranks"].items()}
    if "raised" in words:
        words["raised"] = code_of(words["raised"])
    return words


def of_all(ranks):
    """One outcome if all ranks have the same."""
    if all(text_of(outcome) == text_of(ranks[0]) for outcome in ranks):
        return ranks[0]
    return {f"rank {rank}": outcome for rank, outcome in enumerate(ranks)}


def text_of(outcome):
    """Outcomes are compared as text: 1, 1.0 and True are equal in Python."""
    return json.dumps(outcome, sort_keys=True)


def verdict(name, theirs, ours):
    known = DIFFERENT.get(name)
    if known is None:
        return "same" if text_of(theirs) == text_of(ours) else "WRONG"
    if (text_of(theirs), text_of(ours)) != (text_of(known.dcp), text_of(known.h5dcp)):
        return "WRONG"
    return ("different on purpose: " if known.on_purpose else "different, not on purpose: ") + known.why


def compared(dcp, h5dcp):
    """[name, DCP's outcome, ours, verdict] of all scenarios of the sizes given, in the order of their numbers."""
    rows = []
    for size in h5dcp:
        assert dcp[size].keys() == h5dcp[size].keys(), "a scenario ran on one side alone"
        for name in dcp[size]:
            assert len(dcp[size][name]) == len(h5dcp[size][name]) == size, f"{name}: a rank has no outcome"
            theirs, ours = in_our_words(of_all(dcp[size][name])), of_all(h5dcp[size][name])
            rows.append([name, theirs, ours, verdict(name, theirs, ours)])
    return sorted(rows, key=lambda row: number_of(row[0]))


def number_of(name):
    return int(name.partition(".")[0].removeprefix("C"))


def wrong_in(rows):
    return [name for name, _, _, said in rows if said == "WRONG"]


def brief(outcome):
    text = text_of(outcome)
    return text if len(text) <= 44 else text[:41] + "..."


def table(rows):
    lines = [f"{'behaviour':52} {'DCP':44} {'h5dcp':44} verdict"]
    for number, title in TITLES.items():
        lines.append(f"C{number}: {title}")
        lines += [f"  {name.partition('.')[2]:50} {brief(theirs):44} {brief(ours):44} {said}"
                  for name, theirs, ours, said in rows if number_of(name) == number]
        if number in NOT_HERE:
            lines.append(f"  not here yet: {NOT_HERE[number]}")
    return "\n".join(lines)


def in_full(rows):
    return "\n".join(f"{name}\n  DCP   {text_of(theirs)}\n  h5dcp {text_of(ours)}"
                     for name, theirs, ours, said in rows if said == "WRONG")


def test_every_outcome_is_the_same_or_differs_as_it_is_known_to(dcp, h5dcp, capsys):
    rows = compared(dcp, h5dcp)
    with capsys.disabled():
        print("\n" + table(rows))
        said = [row[3].partition(":")[0] for row in rows]
        print(", ".join(f"{said.count(kind)} {kind}" for kind in sorted(set(said))))
    assert not wrong_in(rows), in_full(rows)


def test_no_scenario_crashed(dcp, h5dcp):
    for side in (dcp, h5dcp):
        for size in SIZES:
            for name, ranks in side[size].items():
                assert "crashed" not in json.dumps(ranks), f"{name}: {ranks}"


def test_each_behaviour_has_scenarios_or_a_reason(dcp):
    numbers = {number_of(name) for size in SIZES for name in dcp[size]}
    assert numbers | NOT_HERE.keys() == TITLES.keys()


def test_the_tables_say_nothing_that_is_not_so(dcp):
    names = {name for size in SIZES for name in dcp[size]}
    assert DIFFERENT.keys() <= names
    assert not [name for name, known in DIFFERENT.items() if known.dcp == known.h5dcp]
    outcomes = json.dumps(dcp)
    assert not [start for start in ERRORS if f'"{start}' not in outcomes]


@pytest.mark.parametrize("how, name, size", [
    ("flip_byte", "C7.converts", 1),  # outcomes that are the same
    ("flip_byte", "C42.pieces_of_one_memory", 2),
    ("drop_rank", "C6.missing_on_one_rank", 2),
    ("drop_rank", "C20.load.storage.read_data.on_all", 2),
    ("swap_calls", "C10.stateful", 1),
    ("swap_calls", "C45.data_of_a_load", 2),
    ("swap_calls", "C45.order_of_a_load", 2),
    ("flip_byte", "C25.other_keys_on_one_rank", 2),
    ("flip_byte", "C23.holes", 2),  # outcomes that differ on purpose
    ("drop_rank", "C18.value_that_differs", 2),
    ("swap_calls", "C26.sent", 2),
    ("flip_byte", "C25.alternating_with_a_cache_for_each", 2),
    ("flip_byte", "C19.reshard", 4),
])
def test_an_outcome_that_is_wrong_on_one_rank_is_seen(dcp, folder, how, name, size):
    rows = compared(dcp, {size: run_h5dcp(folder, size, "--plant", how, name)})
    assert wrong_in(rows) == [name]
