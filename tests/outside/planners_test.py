"""Planners and a storage of a user's own: the examples do what they say, and what cannot work does not compile."""
import os

import pytest
from outside import EXAMPLES, build, mpiexec, pkg_config, run


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("build")
    for name in ("planners", "memory_storage"):
        build(EXAMPLES / name, folder / name)
    return folder


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_planners_check_their_own_results(programs, tmp_path, ranks):
    output = mpiexec(ranks, programs / "planners/planners", cwd=tmp_path)
    assert output.splitlines() == [f"{what}: fine" for what in (
        "rename keys", "cast to bfloat16", "skip frozen weights", "load some keys", "plan for all ranks")]


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_a_storage_in_memory(programs, tmp_path, ranks):
    output = mpiexec(ranks, programs / "memory_storage/memory_storage", cwd=tmp_path)
    assert output == f"all is as it was, on {ranks} ranks\n"
    assert not list(tmp_path.iterdir()), "it needs no disk"


PLANNER = """
#include <h5dcp/default_planner.hpp>
struct Planner : h5dcp::{base}SavePlanner {{
  h5dcp::GlobalSavePlan create_global_plan(std::vector<h5dcp::SavePlan> plans) override {{
    return h5dcp::{base}SavePlanner::create_global_plan(plans);
  }}
}};
struct Loader : h5dcp::{loader_base}LoadPlanner {{
  std::vector<h5dcp::LoadPlan> create_global_plan(std::vector<h5dcp::LoadPlan> plans) override {{ return plans; }}
}};
"""


def compiled(folder, text):
    source = folder / "snippet.cpp"
    source.write_text(text)
    return run(os.environ["H5DCP_MPICXX"], "-std=c++20", "-fsyntax-only", *pkg_config("--cflags"), source)


def test_a_planner_that_needs_all_plans_must_say_so(tmp_path):
    """One that was brought along from DCP would else see a part of the plans, or never be asked."""
    fine = compiled(tmp_path, PLANNER.format(base="Global", loader_base="Global"))
    assert fine.returncode == 0, fine.stderr
    for base, loader_base, name in (("Default", "Global", "Planner"), ("Global", "Default", "Loader")):
        refused = compiled(tmp_path, PLANNER.format(base=base, loader_base=loader_base))
        assert refused.returncode != 0
        errors = [line for line in refused.stderr.splitlines() if " error: " in line]
        assert len(errors) == 1, refused.stderr
        assert "final" in errors[0] and "create_global_plan" in errors[0], errors[0]
        assert name in refused.stderr


STORAGE = """
#include <h5dcp/storage.hpp>
struct Writer : h5dcp::{base} {{
  void reset(const std::optional<std::string>&) override {{}}
  void set_up_storage_writer(bool) override {{}}
{methods}
}} writer;
"""

METHODS = """
  std::vector<h5dcp::WriteResult> write_data(const h5dcp::SavePlan&, h5dcp::SavePlanner&) override { return {}; }
  void finish(const h5dcp::Metadata&, const std::vector<std::vector<h5dcp::WriteResult>>&) override {}
"""


def test_a_storage_has_one_of_two_contracts(tmp_path):
    fine = compiled(tmp_path, STORAGE.format(base="StorageWriter", methods=METHODS))
    assert fine.returncode == 0, fine.stderr
    refused = compiled(tmp_path, STORAGE.format(base="StorageWriterBase", methods=""))
    assert refused.returncode != 0
    assert "StorageWriterBase" in refused.stderr and "private" in refused.stderr, refused.stderr
