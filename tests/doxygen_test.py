"""The reference of the public headers: it builds without a warning, and our plain comments are in it."""

import html
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(os.environ["H5DCP_ROOT"])
sys.path.insert(0, str(ROOT / "docs"))
from doxygen_filter import filtered  # noqa: E402

if shutil.which("doxygen") is None:
    pytest.skip("doxygen is not installed (scripts/install-deps.sh)", allow_module_level=True)


def doxygen(*settings):
    """Runs Doxygen with the project's settings and these."""
    text = "\n".join([(ROOT / "docs/Doxyfile").read_text(), *settings])
    return subprocess.run(["doxygen", "-"], cwd=ROOT, input=text, text=True, capture_output=True)


def text_of(page):
    """The words of a page, each line of the reference as people see it."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page.read_text())).split())


@pytest.fixture(scope="module")
def pages():
    folder = Path("reference").resolve()
    done = doxygen(f"OUTPUT_DIRECTORY = {folder}")
    assert done.returncode == 0 and done.stdout + done.stderr == "", done.stdout + done.stderr
    return folder / "html"


def test_comments_are_with_what_they_are_about(pages):
    box = text_of(pages / "structh5dcp_1_1Box.html")
    assert "first element in each dimension; never negative" in box, "behind a member"
    names = text_of(pages / "namespaceh5dcp.html")
    assert "The elements both boxes cover, in the coordinates they share" in names, "before a function"
    assert "a smaller piece whole, by a rank that the name decides" in names, "behind an enumerator, on two lines"
    assert '{"state": {"<fqn>.<name>": tensor or number' in names, "nothing of a comment is taken for a command"
    head = text_of(pages / "box_8hpp.html")
    assert "An axis-aligned region of an N-dimensional tensor." in head, "at the top of a file"


def test_a_warning_is_an_error(tmp_path):
    (tmp_path / "bad.hpp").write_text("#pragma once\n/** \\nosuchcommand */\nint f();\n")
    done = doxygen(f"INPUT = {tmp_path}", f"OUTPUT_DIRECTORY = {tmp_path}")
    assert done.returncode != 0 and "nosuchcommand" in done.stderr


def test_what_the_filter_makes_of_comments():
    assert filtered([
        "// A head.",
        "// Of two lines.",
        "",
        "#pragma once  // not about a declaration",
        "",
        "// Of no declaration.",
        "",
        "// Before <one>, and `a<b>`.",
        "int f();  // behind it,",
        "          // and below",
        '// "http://x" is no comment in',
        'const char* url = "http://x";',
        "}  // namespace",
    ]) == [
        "/// \\file",
        "/// A head.",
        "/// Of two lines.",
        "",
        "#pragma once  // not about a declaration",
        "",
        "// Of no declaration.",
        "",
        "/// Before \\<one\\>, and `a<b>`.",
        "int f();  ///< behind it,",
        "          ///< and below",
        '/// \\"http://x\\" is no comment in',
        'const char* url = "http://x";',
        "}  // namespace",
    ]
