"""h5dcp bench: what it measures, how it tells it, and what it refuses."""

import csv
import functools
import json
import os
import re
import shutil
import statistics
import subprocess
import xml.etree.ElementTree as xml

import pytest
from support import MPI, TOOL, entries, fails, fine, mpirun, run

SVG = "{http://www.w3.org/2000/svg}"
WORKLOADS = ["rows", "columns", "small", "replicated", "mesh2d", "llama3-8b", "mixtral-8x7b"]
WAYS = ["direct", "direct+warm"]
PHASES = {("save", "raw"): set(), ("load", "raw"): set(), ("save", "direct"): {"lay out", "write"},
          ("save", "direct+warm"): {"write", "sync"}}


def described(*arguments):
    return json.loads(fine("bench", "--print-workload", *arguments))["workloads"]


def shapes(workload):
    return {tensor["fqn"]: tensor["shape"] for tensor in workload["list"]}


def measure(ranks, folder, *arguments):
    """(what it printed, JSON, rows of CSV, SVG)"""
    folder.mkdir(exist_ok=True)
    place = folder / "place"
    place.mkdir()
    files = {kind: folder / f"result.{kind}" for kind in ("csv", "json", "svg")}
    done = mpirun(ranks, "bench", "--dir", place, *arguments, "--csv", files["csv"], "--json", files["json"],
                  "--plot", files["svg"])
    assert (done.returncode, done.stderr) == (0, "")
    assert "--keep" in arguments or list(place.iterdir()) == [], "something was left behind"
    with open(files["csv"], newline="") as file:
        rows = list(csv.DictReader(file))
    return done.stdout, json.loads(files["json"].read_text()), rows, xml.parse(files["svg"]).getroot()


@pytest.fixture(scope="module", params=[1, 3], ids=lambda np: f"np{np}")
def measured(request, tmp_path_factory):
    """All workloads in one launch."""
    return request.param, *measure(request.param, tmp_path_factory.mktemp("measured"), "--workload", ",".join(WORKLOADS),
                                   "--scale", "0.005", "--way", ",".join(WAYS), "--repetitions", "3")


def test_every_way_is_measured_in_every_round(measured):
    ranks, _, result, _, _ = measured
    assert (result["ranks"], result["hosts"]) == (ranks, 1)
    assert [workload["workload"] for workload in result["workloads"]] == WORKLOADS
    for workload in result["workloads"]:
        each = workload["measured"]
        assert len(each) == 3 * 2 * (1 + len(WAYS))
        for number in (1, 2, 3):
            ways = [[one["way"] for one in each if one["round"] == number and one["what"] == what]
                    for what in ("save", "load")]
            assert [sorted(ways[0]), sorted(ways[1])] == [sorted(["raw", *WAYS])] * 2
        for one in each:
            assert one["seconds"] > 0 and 0 <= one["slowest_rank"] < ranks
            held_by = ranks if workload["workload"] == "replicated" and one["what"] == "load" else 1
            assert one["bytes"] == workload["bytes"] * held_by
            assert one["repeated"] == (one["what"] == "save" and one["way"] == "direct+warm")
            phases = {phase["name"] for phase in one["phases"]}
            assert phases >= PHASES.get((one["what"], one["way"]), {"read"})
            assert (phases == set()) == (one["way"] == "raw")


def test_the_order_is_shuffled(measured):
    _, _, result, _, _ = measured
    orders = {tuple(one["way"] for one in workload["measured"] if one["what"] == what and one["round"] == number)
              for workload in result["workloads"] for what in ("save", "load") for number in (1, 2, 3)}
    assert len({order.index("raw") for order in orders}) > 1
    assert len(orders) == 6, "all that three ways have"


def test_summaries_are_of_the_rounds(measured):
    ranks, text, result, _, _ = measured
    for workload in result["workloads"]:
        assert [(each["what"], each["way"]) for each in workload["summary"]] == [
            (what, way) for what in ("save", "load") for way in ("raw", *WAYS)]
        for each in workload["summary"]:
            rounds = {one["round"]: one for one in workload["measured"]
                      if (one["what"], one["way"]) == (each["what"], each["way"])}
            raw = {one["round"]: one for one in workload["measured"]
                   if (one["what"], one["way"]) == (each["what"], "raw")}
            for name, of in [("seconds", lambda n: rounds[n]["seconds"]),
                             ("gigabytes_per_second", lambda n: rounds[n]["bytes"] / 1e9 / rounds[n]["seconds"]),
                             ("of_raw", lambda n: raw[n]["seconds"] / rounds[n]["seconds"])]:
                values = [of(number) for number in rounds]
                assert [each[name][part] for part in ("median", "min", "max")] == pytest.approx(
                    [statistics.median(values), min(values), max(values)])


def test_the_tables_have_the_summaries(measured):
    ranks, text, result, _, _ = measured
    assert text.startswith(f"{ranks} rank{'s' if ranks > 1 else ''} on 1 host, {result['file_system']}; median of 3 rounds")
    for workload in result["workloads"]:
        start = text.index(f"\n{workload['workload']} at scale 0.005: {workload['tensors']} tensors, ")
        for what, table in zip(("save", "load"), text[start:].split("\n\n")[1:3]):
            header, *rows = [re.split(r"  +", line) for line in table.splitlines()]
            assert header == [what, "median s", "min s", "max s", "GB/s", "of raw", "min", "max", "slowest rank"]
            for row, each in zip(rows, [each for each in workload["summary"] if each["what"] == what], strict=True):
                numbers = [each["seconds"]["median"], each["seconds"]["min"], each["seconds"]["max"],
                           each["gigabytes_per_second"]["median"], each["of_raw"]["median"], each["of_raw"]["min"],
                           each["of_raw"]["max"]]
                assert row[:-1] == [each["way"], *(f"{number:.{digits}f}" for number, digits in
                                                   zip(numbers, (4, 4, 4, 3, 2, 2, 2)))]
                assert re.fullmatch(rf"{each['slowest_rank']} \([123] of 3\)", row[-1])
    assert len(re.findall(r"^save +direct\+warm +plan [\d.]+ \(\d\), .*sync", text, re.M)) == len(WORKLOADS)


def test_csv_has_a_line_for_each_time(measured):
    ranks, _, result, rows, _ = measured
    expected = [(workload, one) for workload in result["workloads"] for one in workload["measured"]]
    for row, (workload, one) in zip(rows, expected, strict=True):
        assert (row["workload"], int(row["tensors"])) == (workload["workload"], workload["tensors"])
        assert (row["what"], row["way"], int(row["round"])) == (one["what"], one["way"], one["round"])
        assert float(row["seconds"]) == pytest.approx(one["seconds"])
        assert int(row["bytes"]) == one["bytes"] and int(row["slowest_rank"]) == one["slowest_rank"]
        assert float(row["gigabytes_per_second"]) == pytest.approx(one["bytes"] / 1e9 / one["seconds"])
        assert (row["ranks"], row["hosts"], row["file_system"]) == (str(ranks), "1", result["file_system"])
        assert (float(row["scale"]), row["optimizer"], row["cold"]) == (0.005, "0", "0")
    of_raw = [float(row["of_raw"]) for row in rows if row["way"] == "raw"]
    assert of_raw == [1] * len(of_raw)


def test_bars_are_as_long_as_the_bandwidth(measured):
    *_, result, _, svg = measured
    bars = [bar for bar in svg.iter(SVG + "rect") if bar.get("class") == "bar"]
    spreads = [line for line in svg.iter(SVG + "line") if line.get("class") == "spread"]
    summaries = [each for workload in result["workloads"] for what in ("save", "load")
                 for each in workload["summary"] if each["what"] == what]
    left = float(bars[0].get("x"))
    per_gigabyte = float(bars[0].get("width")) / summaries[0]["gigabytes_per_second"]["median"]
    for bar, spread, each in zip(bars, spreads, summaries, strict=True):
        speed = each["gigabytes_per_second"]
        assert bar.findtext(SVG + "title").startswith(f"{each['what']} {each['way']}: {speed['median']:.2f} (")
        assert float(bar.get("x")) == left
        assert float(bar.get("width")) == pytest.approx(speed["median"] * per_gigabyte, abs=0.01, rel=1e-3)
        for end, value in (("x1", speed["min"]), ("x2", speed["max"])):
            assert float(spread.get(end)) == pytest.approx(left + value * per_gigabyte, abs=0.01, rel=1e-3)
    tops = [float(bar.get("y")) for bar in bars]
    assert all(below - above >= float(bars[0].get("height")) for above, below in zip(tops, tops[1:]))
    for element in [*bars, *spreads]:
        assert float(element.get("x", 0)) + float(element.get("width", 0)) <= float(svg.get("width"))
        assert float(element.get("y", 0)) <= float(svg.get("height"))


@pytest.mark.parametrize("np", [int(np) for np in os.environ["H5DCP_DEEPSEEK_RANKS"].split(",") if np])
def test_deepseek_is_saved_and_loaded_with_all_its_tensors(np, tmp_path):
    _, result, rows, _ = measure(np, tmp_path, "--workload", "deepseek-v3", "--scale", "0.0005", "--repetitions", "1")
    assert result["workloads"][0]["tensors"] == 45395 and len(rows) == 2 * 2


# Bytes as the index of the safetensors of each says it; of DeepSeek-V3 the 671 B parameters without the layer that
# predicts a second token.
@pytest.mark.parametrize("name, tensors, elements, nbytes", [
    ("llama3-8b", 291, 8_030_261_248, 16_060_522_496),
    ("mixtral-8x7b", 995, 46_702_792_704, 93_405_585_408),
    ("deepseek-v3", 45_395, 671_026_419_200, 2 * 671_026_419_200 + 2 * 58 * 256)])
def test_models_are_as_published(name, tensors, elements, nbytes):
    [model] = described("--workload", name)
    assert (model["tensors"], model["elements"], model["bytes"]) == (tensors, elements, nbytes)
    assert len(model["list"]) == len(shapes(model)) == tensors


def test_names_and_shapes_of_models():
    llama, mixtral, deepseek = [shapes(model) for model in described("--workload", "llama3-8b,mixtral-8x7b,deepseek-v3")]
    assert llama["model.layers.0.self_attn.q_proj.weight"] == [4096, 4096]
    assert llama["model.layers.31.self_attn.k_proj.weight"] == [1024, 4096]
    assert llama["model.layers.31.mlp.down_proj.weight"] == [4096, 14336]
    assert llama["model.embed_tokens.weight"] == llama["lm_head.weight"] == [128256, 4096]
    assert mixtral["model.layers.7.block_sparse_moe.experts.7.w2.weight"] == [4096, 14336]
    assert mixtral["model.layers.7.block_sparse_moe.gate.weight"] == [8, 4096]
    experts = [name for name in deepseek if ".mlp.experts." in name]
    assert len(experts) == 58 * 256 * 3
    assert deepseek["model.layers.60.mlp.experts.255.up_proj.weight"] == [2048, 7168]
    assert deepseek["model.layers.2.mlp.gate_proj.weight"] == [18432, 7168]
    assert deepseek["model.layers.3.mlp.shared_experts.down_proj.weight"] == [7168, 2048]
    assert deepseek["model.layers.3.self_attn.kv_a_proj_with_mqa.weight"] == [576, 7168]
    assert deepseek["model.layers.3.self_attn.q_b_proj.weight"] == [24576, 1536]
    assert "model.layers.3.mlp.gate_proj.weight" not in deepseek and "model.layers.2.mlp.gate.weight" not in deepseek


def test_what_the_scale_scales():
    whole, small = [shapes(described("--workload", "mixtral-8x7b", "--scale", scale)[0]) for scale in ("1", "0.01")]
    assert small == {name: [-(-size // 100) for size in sizes] for name, sizes in whole.items()}
    [rows] = described("--workload", "rows", "--scale", "0.1")
    assert (rows["tensors"], rows["list"][29]["shape"]) == (30, [416, 1024])


def test_a_rank_has_the_same_however_many_there_are():
    done = mpirun(6, "bench", "--print-workload", "--workload", ",".join(WORKLOADS[:5]))
    assert (done.returncode, done.stderr) == (0, "")
    found = {workload["workload"]: workload["list"][0]["shape"] for workload in json.loads(done.stdout)["workloads"]}
    assert found == {"rows": [6 * 416, 1024], "columns": [832, 6 * 512], "small": [6, 1024],
                     "replicated": [416, 1024], "mesh2d": [3 * 416, 2 * 1024]}


def test_the_optimizer_has_two_moments_of_each_tensor():
    [bare] = described("--workload", "llama3-8b")
    [full] = described("--workload", "llama3-8b", "--optimizer")
    assert full["list"][:291] == bare["list"]
    moments = {f"optimizer.state.{tensor['fqn']}.{moment}": tensor["shape"] for tensor in bare["list"]
               for moment in ("exp_avg", "exp_avg_sq")}
    assert {tensor["fqn"]: tensor["shape"] for tensor in full["list"][291:]} == moments
    assert {tensor["dtype"] for tensor in full["list"][291:]} == {"float32"}
    assert {tensor["dtype"] for tensor in bare["list"]} == {"bfloat16"}


def test_a_run_is_data(tmp_path):
    profile = tmp_path / "profile.json"
    profile.write_text("{}")
    flags = ["--workload", "small,mesh2d", "--scale", "0.25", "--optimizer", "--dir", "/nowhere", "--way",
             "collective+zstd=3,direct,profile", "--profile", profile, "--raw-files", "2", "--repetitions", "4", "--cold",
             "--unverified", "--keep"]
    said = fine("bench", "--print-run", *flags)
    assert json.loads(said) == {
        "workload": ["small", "mesh2d"], "scale": 0.25, "optimizer": True, "dir": "/nowhere",
        "way": ["collective+zstd=3", "direct", "profile"], "profile": str(profile), "raw-files": 2, "repetitions": 4,
        "cold": True, "unverified": True, "keep": True}
    file = tmp_path / "run.json"
    file.write_text(said)
    assert fine("bench", file, "--print-run") == said
    changed = json.loads(fine("bench", "--way", "direct", file, "--keep=false", "--print-run"))
    assert changed == json.loads(said) | {"way": ["direct", "profile"], "keep": False}, "a profile is measured in any case"
    file.write_text('{"scale": 2}')
    assert json.loads(fine("bench", file, "--print-run")) == json.loads(fine("bench", "--print-run")) | {"scale": 2}
    run_of = measure(1, tmp_path / "run", "--workload", "rows", "--scale", "0.01", "--repetitions", "1")[1]["run"]
    assert run_of["scale"] == 0.01 and set(run_of) == set(json.loads(said))


@pytest.mark.parametrize("arguments, why", [
    (["--workload", "cubes"], "no workload 'cubes'; there are rows, columns"),
    (["--workload", "rows,rows"], "workload 'rows' comes twice"),
    (["--way", "swiftly"], "way 'swiftly': no word 'swiftly'; there are direct, collective"),
    (["--way", "direct+"], "no word ''"),
    (["--way", "raw"], "no word 'raw'"),
    (["--way", "direct,direct"], "comes twice"),
    (["--way", "direct=1"], "'direct' has no number"),
    (["--way", "zstd"], "'zstd' needs a number"),
    (["--way", "zstd=three"], "'zstd=three' has no number"),
    (["--way", "deflate=10"], "way 'deflate=10': .*between 0 and 9"),
    (["--way", "zstd=99999999999"], "between 1 and 22"),
    (["--way", "files=0"], "way .files=0.: .*files"),
    (["--way", "files=99999999999"], "way .files=99999999999.: .*files"),
    (["--way", "piece=0"], "way 'piece=0': .*piece"),
    (["--scale", "0"], "scale is not above 0"),
    (["--scale", "nan"], "scale is not above 0"),
    (["--scale", "much"], "--scale"),
    (["--repetitions", "0"], "repetition"),
    (["--repetitions", "2.5"], "--repetitions"),
    (["--raw-files", "0"], "raw must have a file"),
    (["--fast"], "--fast"),
    (["missing.json"], "'missing.json' cannot be read"),
    (["one.json", "two.json"], "json")])
def test_wrong_arguments_are_refused(arguments, why):
    assert re.search(why, fails(2, "bench", *arguments).stderr)


@pytest.mark.parametrize("content, why", [
    ("", "no JSON object"), ("[]", "no JSON object"), ('{"scale": 1,}', "no JSON object"),
    ('{"speed": 1}', "a run has no 'speed'"),
    ('{"repetitions": 2.5}', "repetitions cannot be 2.5"),
    ('{"repetitions": true}', "repetitions cannot be true"),
    ('{"cold": 1}', "cold cannot be 1"),
    ('{"way": "direct"}', "way cannot be \"direct\""),
    ('{"way": []}', "no way"), ('{"workload": []}', "no workload"),
    ('{"way": ["slowly"]}', "no word 'slowly'")])
def test_wrong_runs_are_refused(content, why, tmp_path):
    file = tmp_path / "run.json"
    file.write_text(content)
    assert why in fails(2, "bench", file, "--print-run").stderr


def test_what_cannot_be_done_is_said_before_anything_is_measured(tmp_path):
    """Once, however many ranks there are."""
    two, one = functools.partial(mpirun, 2), functools.partial(run, env=MPI)
    for start, arguments, why in [
            (two, ["--dir", tmp_path / "missing"], "make a folder in"),
            (one, ["--dir", tmp_path, "--csv", tmp_path / "missing" / "x.csv"], "cannot be written"),
            (one, ["--dir", tmp_path, "--scale", "1e9"], "scale is too large")]:
        done = start("bench", *arguments)
        assert done.returncode == 1 and done.stdout == ""
        assert [why in line for line in done.stderr.splitlines() if line.startswith("h5dcp: ")] == [True], done.stderr
    assert list(tmp_path.iterdir()) == []


def test_kept_files_are_what_was_asked_for(tmp_path):
    text, result, _, _ = measure(2, tmp_path, "--workload", "rows", "--scale", "0.01", "--way",
                                 "direct,collective+shuffle+deflate=6", "--repetitions", "1", "--keep")
    folder = text[text.index("\nkept: "):].split("kept: ")[1].strip()
    [kept] = (tmp_path / "place").iterdir()
    assert folder == str(kept)
    rows = kept / "rows"
    assert sorted(str(file.relative_to(rows)) for file in rows.glob("*/*")) == [
        "collective+shuffle+deflate=6/checkpoint.h5", "direct/checkpoint.h5", "raw/bytes"]
    assert (rows / "raw/bytes").stat().st_size == result["workloads"][0]["bytes"]
    for way, filters in [("direct", None), ("collective+shuffle+deflate=6", "shuffle, deflate 6")]:
        fine("verify", rows / way / "checkpoint.h5")
        found = entries(rows / way / "checkpoint.h5")
        assert len(found) == 3 and {entry.get("filters") for entry in found.values()} == {filters}


@pytest.mark.parametrize("files, of_ranks", [(2, [2, 1]), (3, [1, 1, 1]), (7, [1, 1, 1])])
@pytest.mark.parametrize("workload", ["rows", "replicated"])
def test_raw_can_have_several_files(files, of_ranks, workload, tmp_path):
    """What is loaded is verified: of replicated tensors the number of bytes alone."""
    text, result, _, _ = measure(3, tmp_path, "--workload", workload, "--scale", "0.01", "--repetitions", "1",
                                 "--raw-files", str(files), "--keep")
    raw = tmp_path / "place" / text[text.index("\nkept: "):].split("/")[-1].strip() / workload / "raw"
    sizes = [(raw / f"bytes.{number}").stat().st_size for number in range(len(of_ranks))]
    assert len(list(raw.iterdir())) == len(of_ranks)
    third = result["workloads"][0]["bytes"] / 3
    assert sizes == pytest.approx([ranks * third for ranks in of_ranks], abs=9), "a rank has a third of each tensor"


def test_cold_files_leave_the_page_cache(tmp_path):
    if shutil.which("strace") is None or subprocess.run(["strace", "-o", "/dev/null", "true"]).returncode != 0:
        pytest.skip("strace cannot trace here")
    for flags, drops in [([], 0), (["--cold"], 2 * 2)]:
        trace = tmp_path / "trace"
        done = subprocess.run(["strace", "-f", "-o", trace, "-e", "trace=fadvise64", TOOL, "bench", "--dir", tmp_path,
                               "--scale", "0.01", "--repetitions", "1", *flags], env=MPI,
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert len(re.findall(r"fadvise64\(.*POSIX_FADV_DONTNEED\) += 0", trace.read_text())) == drops


def test_a_plan_that_is_not_repeated_is_told(tmp_path):
    text, *_ = measure(1, tmp_path, "--workload", "small", "--scale", "0.001", "--way", "direct+warm+deflate=1",
                       "--repetitions", "2")
    assert "direct+warm+deflate=1: 0 of 2 saves repeated a plan\n" in text
