"""scripts/lint.py looks at sources of a folder together: it must find what it would find in each alone."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(os.environ["H5DCP_ROOT"])
CLEAN = """#include "room/value.hpp"
namespace h5dcp {
namespace {
int twice_of_NAME(int x) { return 2 * x; }
}  // namespace
int NAME() { return twice_of_NAME(value()); }
}  // namespace h5dcp
"""
COMPLAINTS = {  # what clang-tidy calls it, and a body that has it
    "bugprone-use-after-move": """#include <string>
#include <utility>
namespace h5dcp {
std::string moved(std::string text) {
  std::string taken = std::move(text);
  return taken + text;
}
}  // namespace h5dcp
""",
    "clang-analyzer-core.NullDereference": """namespace h5dcp {
int null(bool is_null, int* x) {
  if (is_null) x = nullptr;
  return *x;
}
}  // namespace h5dcp
""",
    "misc-unused-using-decls": """#include "room/value.hpp"
namespace h5dcp {
namespace {
using base::unused;
}  // namespace
}  // namespace h5dcp
""",
    "readability-identifier-naming": """namespace h5dcp {
namespace {
int TwiceOf(int x) { return 2 * x; }
}  // namespace
int named(int x) { return TwiceOf(x); }
}  // namespace h5dcp
""",
    "clang-diagnostic-error": "int broken() { return missing; }\n",
}

pytestmark = pytest.mark.skipif(shutil.which("clang-tidy") is None, reason="clang-tidy is not installed")


class Project:
    """One room of four clean sources, with the project's own script and its rules."""

    def __init__(self, root):
        self.root, self.room, self.build = root, root / "src" / "room", root / "build"
        for folder in (root / "scripts", self.room, self.build):
            folder.mkdir(parents=True)
        shutil.copy(ROOT / "scripts" / "lint.py", root / "scripts")
        shutil.copy(ROOT / ".clang-tidy", root)
        self.header = self.write("value.hpp", "#pragma once\nnamespace h5dcp {\nint value();\n"
                                              "namespace base {\nint unused();\n}\n}  // namespace h5dcp\n")
        self.sources = [self.write(f"{name}.cpp", CLEAN.replace("NAME", name)) for name in ("a", "b", "c", "d")]
        (self.build / "build.ninja").touch()
        (self.build / "compile_commands.json").write_text(json.dumps([
            {"file": str(source),
             "command": f"/usr/bin/c++ -I{root / 'src'} -std=c++20 -o {source.stem}.o -c {source}"}
            for source in self.sources]))

    def write(self, name, text):
        (self.room / name).write_text(text)
        return self.room / name

    def lint(self):
        run = subprocess.run([sys.executable, self.root / "scripts" / "lint.py", self.build], capture_output=True, text=True)
        assert not run.stderr
        looked_at, failed = map(int, re.search(r"lint: (\d+) files looked at, (\d+) with complaints", run.stdout).groups())
        assert (run.returncode != 0) == (failed > 0)
        return looked_at, failed, run.stdout


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def test_what_passed_is_not_looked_at_again(project):
    assert project.lint()[:2] == (4, 0)
    assert project.lint()[:2] == (0, 0)
    project.sources[1].write_text(CLEAN.replace("NAME", "changed"))
    assert project.lint()[:2] == (1, 0)


@pytest.mark.parametrize("complaint", COMPLAINTS)
def test_a_complaint_of_one_source_is_found_and_no_other_fails(project, complaint):
    project.sources[2].write_text(COMPLAINTS[complaint])
    looked_at, failed, text = project.lint()
    assert (looked_at, failed) == (4, 1), text
    assert f"[{complaint}" in text
    assert re.search(r"src/room/c\.cpp:\d+:\d+: error: ", text)
    assert project.lint()[:2] == (1, 1)


def test_who_includes_a_header_that_changed_is_looked_at_again(project):
    rule = "rule cxx\n  command = c++ -I{} -std=c++20 -MD -MF $out.d -o $out -c $in\n  depfile = $out.d\n  deps = gcc\n"
    builds = "".join(f"build {source.stem}.o: cxx {source}\n" for source in project.sources)
    (project.build / "build.ninja").write_text(rule.format(project.root / "src") + builds)
    subprocess.run(["ninja", "-C", project.build], check=True, capture_output=True)
    assert [project.lint()[:2], project.lint()[:2]] == [(4, 0), (0, 0)]
    project.header.write_text(project.header.read_text() + "// more\n")
    assert project.lint()[:2] == (4, 0)


def test_a_complaint_of_a_header_is_found(project):
    project.header.write_text(project.header.read_text().replace("int unused();", "int unused();\nint BadName();"))
    _, failed, text = project.lint()
    assert failed > 0
    assert re.search(r"src/room/value\.hpp:6:5: error: .*\[readability-identifier-naming", text)


def test_sources_that_use_one_name_for_different_things_pass(project):
    for source in project.sources[:2]:
        source.write_text(CLEAN.replace("twice_of_NAME", "twice").replace("NAME", source.stem))
    assert project.lint()[:2] == (4, 0)


def test_a_use_elsewhere_hides_no_using_declaration_that_is_not_needed(project):
    text = COMPLAINTS["misc-unused-using-decls"]
    project.sources[0].write_text(text)
    project.sources[2].write_text(text + "int used() { return h5dcp::unused(); }\n")
    looked_at, failed, text = project.lint()
    assert (looked_at, failed) == (4, 1)
    assert "src/room/a.cpp:4:13: error: using decl 'unused' is unused" in text
