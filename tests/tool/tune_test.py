"""h5dcp tune: what it measures, what it chooses and writes, and that a profile is taken."""

import json
import re

import pytest
from support import MPI, fails, fine, mpirun, run

SMALL = ["--scale", "0.005", "--repetitions", "2"]
WAYS = {"transfer": ["automatic", "direct", "aggregated", "collective"],
        "piece_bytes": {True: ["piece=1048576", "piece=33554432"], False: ["piece=65536", "piece=262144"]},
        "files": {1: [], 3: ["per-node", "files=2"]}}


def tables(text):
    """For each topic its rows, as lists of columns."""
    found = {}
    for block in text.split("\n\n"):
        rows = [re.split(r"  +", line) for line in block.splitlines()]
        if len(rows) > 1 and rows[1][0] == "raw":
            found[rows[0][0]] = rows
    return found


def options_of(way):
    """What a profile says of a way."""
    options = {"transfer": "automatic", "piece_bytes": 8 << 20, "files": "one"}
    for word in way.split("+"):
        name, _, number = word.partition("=")
        match name:
            case "piece":
                options["piece_bytes"] = int(number)
            case "files":
                options["files"] = f"number {number}"
            case "per-node":
                options["files"] = "per node"
            case _:
                options["transfer"] = name
    return options


@pytest.fixture(scope="module", params=[1, 3], ids=lambda np: f"np{np}")
def tuned(request, tmp_path_factory):
    """(ranks, what it printed, profile, its path)"""
    folder = tmp_path_factory.mktemp("tuned")
    place = folder / "place"
    place.mkdir()
    profile = folder / "profile.json"
    done = mpirun(request.param, "tune", place, *SMALL, "--cold", "--write", profile)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(place.iterdir()) == [], "something was left behind"
    return request.param, done.stdout, json.loads(profile.read_text()), profile


def test_each_topic_begins_with_what_was_chosen_before(tuned):
    ranks, text, profile, _ = tuned
    chosen = "automatic"
    found = tables(text)
    assert list(found) == ["transfer", "piece_bytes", "files"][:3 if chosen_of(found, ranks) else 2]
    for topic, (header, raw, *rows) in found.items():
        assert header == [topic, *(f"{workload} {what}" if what != "of raw" else what for workload in ("rows", "columns")
                                   for what in ("save s", "of raw", "load s", "of raw")), "score"]
        assert raw[2::2][:4] == ["1.00"] * 4 and raw[-1] == "1.00"
        ways = [row[0] for row in rows]
        collective = chosen == "collective"
        others = {"transfer": WAYS["transfer"][1:],
                  "piece_bytes": [f"{chosen}+{word}" for word in WAYS["piece_bytes"][collective]],
                  "files": [f"{chosen}+{word}" for word in WAYS["files"][ranks]]}[topic]
        assert ways == [chosen, *others]
        assert list(profile["measured"]["scores"][topic]) == ways
        for row in rows:
            assert row[9] == f"{profile['measured']['scores'][topic][row[0]]:.2f}"
        [chosen] = [row[0] for row in rows if row[-1] == "chosen"]
        scores = profile["measured"]["scores"][topic]
        assert scores[chosen] == max(scores.values()) or chosen == ways[0]
        assert chosen == ways[0] or scores[chosen] > 1.05 * scores[ways[0]]
        assert chosen != ways[0] or max(scores.values()) <= 1.05 * scores[chosen]
    assert f"\nbest: {chosen}\n" in text
    assert {key: profile[key] for key in ("transfer", "piece_bytes", "files")} == options_of(chosen)


def chosen_of(found, ranks):
    """Whether there is something to choose of files."""
    [transfer] = [row[0] for row in found["transfer"] if row[-1] == "chosen"]
    return ranks > 1 and transfer != "collective"


def test_the_profile_says_where_it_comes_from(tuned):
    ranks, text, profile, _ = tuned
    measured = profile["measured"]
    assert (measured["ranks"], measured["hosts"], measured["workload"]) == (ranks, 1, ["rows", "columns"])
    assert (measured["scale"], measured["repetitions"], measured["cold"]) == (0.005, 2, True)
    assert text.startswith(f"{ranks} rank{'s' if ranks > 1 else ''} on 1 host, {measured['file_system']}; median of 2 rounds")


def test_bench_takes_the_profile(tuned, tmp_path):
    ranks, _, _, profile = tuned
    done = mpirun(ranks, "bench", "--dir", tmp_path, "--profile", profile, "--scale", "0.005", "--repetitions", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"^(?:save|load) +(\w+) +(?:plan|open)", done.stdout, re.M) == ["automatic", "profile"] * 2


def test_without_a_launcher_and_without_a_file(tmp_path):
    done = run("tune", tmp_path, "--workload", "small", *SMALL, env=MPI)
    assert (done.returncode, done.stderr) == (0, "")
    assert "small save s" in done.stdout and "loads of what was just saved" in done.stdout
    assert done.stdout.endswith("--write FILE makes a file of it, for h5dcp::options_from_profile and h5dcp bench "
                                "--profile\n")
    said = json.loads(re.search(r"^\{.*?^\}", done.stdout, re.M | re.S).group())
    assert said["hints"] == {} and "measured" not in said
    assert list(tmp_path.iterdir()) == []


def test_the_files_of_a_way_say_what_the_profile_did(tmp_path):
    """A profile is no decoration: what is saved with one is as it says."""
    profile = tmp_path / "profile.json"
    profile.write_text('{"files": "number 2"}')
    done = mpirun(2, "bench", "--dir", tmp_path, "--profile", profile, "--scale", "0.02", "--repetitions", "1", "--keep")
    assert (done.returncode, done.stderr) == (0, "")
    kept = tmp_path / re.search(r"kept: (.*)", done.stdout).group(1)
    shown = {way: json.loads(fine("show", kept / "rows" / way / "checkpoint.h5", "--json")) for way in
             ("automatic", "profile")}
    assert [shown[way].get("data_files") for way in shown] == [shown["automatic"].get("data_files"), 2]
    assert shown["automatic"].get("data_files") in (None, 0)


@pytest.mark.parametrize("arguments, why", [
    ([], "DIR"),
    (["{}", "--workload", "cubes"], "no workload 'cubes'"),
    (["{}", "--scale", "0"], "scale is not above 0"),
    (["{}", "--repetitions", "0"], "repetition"),
    (["{}", "--way", "direct"], "--way")])
def test_wrong_arguments_are_refused(arguments, why, tmp_path):
    assert re.search(why, fails(2, "tune", *(each.format(tmp_path) for each in arguments)).stderr)


def test_what_cannot_be_done_is_told_before_it_is_measured(tmp_path):
    for arguments, why in [([tmp_path / "missing"], "make a folder in"),
                           ([tmp_path, "--write", tmp_path / "missing" / "profile.json"],
                            "profile.json' cannot be written")]:
        done = run("tune", *arguments, *SMALL, env=MPI)
        assert (done.returncode, done.stdout) == (1, "")
        assert re.search(rf"^h5dcp: .*{why}", done.stderr, re.M)


@pytest.mark.parametrize("text, why", [
    ('{"transfer": "fast"}', "'transfer' is \"fast\": it must be direct, collective, aggregated or automatic"),
    ("[]", "it is no JSON object"),
    ('{"speed": 1}', "there is no key 'speed'")])
def test_a_profile_that_is_none_is_refused(text, why, tmp_path):
    profile = tmp_path / "profile.json"
    profile.write_text(text)
    error = fails(2, "bench", "--profile", profile).stderr
    assert f"way 'profile': profile '{profile}': {why}" in error
    assert "no --profile names a file" in fails(2, "bench", "--way", "profile").stderr
    assert "missing.json" in fails(2, "bench", "--profile", tmp_path / "missing.json").stderr
