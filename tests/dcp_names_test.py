"""docs/dcp.md has a row for every name of DCP, and what its rows say of h5dcp is so."""

import functools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dcp_names

HERE = Path(__file__).parent
ROOT = HERE.parent
INCLUDE = ROOT / "include"
TEXT = (ROOT / "docs/dcp.md").read_text()
LISTED = (HERE / "dcp_names.txt").read_text().split()
TORCH_INCLUDES = os.environ["H5DCP_TORCH_INCLUDES"]  # empty in a build without h5dcp::torch
TORCH_TESTS = {"module_state", "outside.linear", "tensor_view", "trainer"}


@functools.cache  # pages that differ in one row share the others
def compile_source(source, includes=os.environ["H5DCP_INCLUDES"]):
    """What the compiler says."""
    folders = [f"-I{folder}" for folder in [INCLUDE, *includes.split(":")]]
    command = [os.environ["H5DCP_CXX"], "-std=c++20", "-fsyntax-only", *folders, "-xc++", "-"]
    return subprocess.run(command, input=source, capture_output=True, text=True).stderr


def compile_header(header, source):
    if header != "torch.hpp":
        return compile_source(source)
    return compile_source(source, TORCH_INCLUDES) if TORCH_INCLUDES else ""


def uncompiled(text):
    return dcp_names.uncompiled(dcp_names.rows(text), INCLUDE, compile_header)


def unknown_tests(text):
    entries = dcp_names.ctest_entries(os.environ["H5DCP_CTEST"], os.environ["H5DCP_BUILD"])
    return dcp_names.unknown_tests(dcp_names.cited_tests(text), entries if TORCH_INCLUDES else entries | TORCH_TESTS)


@pytest.fixture(scope="module")
def torch_names():
    return dcp_names.torch_names()


def test_every_name_of_dcp_has_a_row(torch_names):
    assert dcp_names.missing(dcp_names.rows(TEXT), torch_names.union(LISTED)) == []


def test_rows_have_what_they_must():
    assert dcp_names.ill_formed(dcp_names.rows(TEXT)) == []


def test_names_of_h5dcp_compile_with_their_headers():
    assert uncompiled(TEXT) == []


def test_tests_are_entries_of_ctest():
    assert unknown_tests(TEXT) == []


def test_the_port_is_a_script_and_a_program(tmp_path):
    [script] = dcp_names.blocks(TEXT, "python")
    alone = {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "0"}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], cwd=tmp_path, env=os.environ | alone)
    assert done.returncode == 0 and (tmp_path / "step_0/.metadata").exists()
    program, _ = dcp_names.blocks(TEXT, "cpp")
    assert compile_source(program) == ""


@pytest.mark.skipif(not TORCH_INCLUDES, reason="without h5dcp::torch")
def test_the_lines_for_libtorch_compile():
    _, lines = dcp_names.blocks(TEXT, "cpp")
    heads = ["h5dcp/h5dcp.hpp", "h5dcp/torch.hpp", "torch/nn/module.h", "torch/optim/adam.h"]
    arguments = "torch::nn::Module& model, torch::optim::Adam& optimizer, int step"
    source = "".join(f"#include <{head}>\n" for head in heads) + f"void f({arguments}) {{\n{lines}}}\n"
    assert compile_source(source, TORCH_INCLUDES) == ""


# A page that is wrong in one place is told so, there.

def without_row(name):
    [line] = [row.line for row in dcp_names.rows(TEXT) if name in row.names]
    lines = TEXT.splitlines(keepends=True)
    return "".join(lines[:line - 1] + lines[line:])


# Few rows, as all of them take long to compile.
PAGE = """
| DCP | h5dcp | header | differences, and why | test |
|---|---|---|---|---|
| `SavePlanner.finish_plan` | `SavePlanner::finish_plan` | `planner.hpp` | | `entry_points` |
| `SavePlan` | `SavePlan` | `planner.hpp` | | `protocol.np2`, `global_plan` |
| `CheckpointException` | `CheckpointException` | `error.hpp` | | `agree` |
| `save_state_dict` | `save_state_dict` | `state_dict_saver.hpp` | | `entry_points` |
| `FileSystemWriter(overwrite)` | `Overwrite::refuse` | `hdf5.hpp` | | `errors` |
| `async_save` | not yet | — | Call `save` | — |
| `print_tensor` | none | — | A lambda does | — |

| | DCP | h5dcp | test |
|---|---|---|---|
| D1 | Holes | An error | `entry_points` |
"""


def changed(old, new):
    assert PAGE.count(old) == 1
    return PAGE.replace(old, new)


def test_a_sound_page_is_sound():
    assert dcp_names.ill_formed(dcp_names.rows(PAGE)) == []
    assert uncompiled(PAGE) == []
    assert unknown_tests(PAGE) == []


@pytest.mark.parametrize("name", ["StorageWriter.finish", "DefaultSavePlanner(enable_plan_caching)", "load", "staging",
                                  "_EmptyStateDictLoadPlanner"])
def test_a_listed_name_without_a_row(name):
    assert f"no row for {name}" in dcp_names.missing(dcp_names.rows(without_row(name)), LISTED)


@pytest.mark.parametrize("name", [
    "StorageWriter",                            # the package's
    "get_model_state_dict",                     # a module's
    "LoadPlanner.resolve_bytes",                # a planner's method
    "StorageReader.read_data",                  # a storage's
    "DefaultSavePlanner(enable_plan_caching)",  # a choice
    "save(use_collectives)",                    # the same of a function
    "WriteItem.tensor_data",                    # a field
    "resharding",                               # a module
])
def test_a_name_of_pytorch_without_a_row(torch_names, name):
    assert f"no row for {name}" in dcp_names.missing(dcp_names.rows(without_row(name)), torch_names)


@pytest.mark.parametrize("old, new, says", [
    ("`SavePlanner::finish_plan`", "`SavePlanner::finnish_plan`", "line 4: planner.hpp: .*finnish_plan"),
    ("`SavePlanner::finish_plan`", "`SavePlaner::finish_plan`", "line 4: planner.hpp: "),
    ("`SavePlan` | `SavePlan`", "`SavePlan` | `SavePlans`", "line 5: planner.hpp: .*SavePlans"),
    ("`CheckpointException` | `error.hpp`", "`CheckpointException::step_` | `error.hpp`", "line 6: error.hpp: .*private"),
    ("`save_state_dict` | `state", "`saves_state_dict` | `state", "line 7: state_dict_saver.hpp: .*saves_state_dict"),
    ("`Overwrite::refuse`", "`Overwrite::refused`", "line 8: hdf5.hpp: .*refused"),
    ("`error.hpp`", "`eror.hpp`", "line 6: there is no header 'eror.hpp'"),
    ("`error.hpp`", "—", "line 6: there is no header ''"),
    ("`error.hpp`", "`box.hpp`", "line 6: box.hpp does not declare CheckpointException"),
    ("`hdf5.hpp`", "`h5dcp.hpp`", "line 8: h5dcp.hpp does not declare Overwrite::refuse"),
])
def test_a_name_of_h5dcp_that_is_none(old, new, says):
    found = uncompiled(changed(old, new))
    assert any(re.fullmatch(says + ".*", sentence) for sentence in found), found
    assert {sentence.split(":")[0] for sentence in found} == {says.split(":")[0]}, "another row is blamed"


@pytest.mark.skipif(not TORCH_INCLUDES, reason="without h5dcp::torch")
def test_names_of_the_torch_header_are_compiled_as_well():
    found = uncompiled(changed("`CheckpointException` | `error.hpp`", "`load_state_dict`, `to_tensors` | `torch.hpp`"))
    assert found and all("to_tensors" in sentence for sentence in found), found


@pytest.mark.parametrize("old, new, line", [
    ("`protocol.np2`", "`protocol.np99`", 5),
    ("`global_plan`", "`global_plans`", 5),
    ("| D1 | Holes | An error | `entry_points` |", "| D1 | Holes | An error | `entry_point` |", 14),
])
def test_a_test_that_does_not_exist(old, new, line):
    [sentence] = unknown_tests(changed(old, new))
    assert sentence.startswith(f"line {line}: ctest has no entry ")


@pytest.mark.parametrize("old, new, says", [
    ("| not yet | — | Call `save` |", "| not yet | — | |", "line 9: 'not yet' without a word"),
    ("| none | — | A lambda does |", "| none | — | |", "line 10: 'none' without a word"),
    ("| not yet |", "| |", "line 9: 'nothing' is no name"),
    ("| not yet |", "| later |", "line 9: 'later' is no name"),
    ("| `agree` |", "| none yet |", "line 6: no test"),
    ("| `SavePlan` |", "| `async_save` |", "line 9: async_save has a row in line 5"),
    ("| `async_save` |", "| async_save |", "line 9: names nothing of DCP"),
])
def test_a_row_that_lacks_something(old, new, says):
    found = dcp_names.ill_formed(dcp_names.rows(changed(old, new)))
    assert len(found) == 1 and found[0].startswith(says), found
