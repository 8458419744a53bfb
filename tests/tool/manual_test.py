"""The man page and the completion, as the build makes them and as the tool prints them."""

import re
import shutil
import subprocess

import pytest
from support import BIN, fine

VERBS = ["ls", "show", "cat", "diff", "cp", "mv", "verify", "doctor", "bench", "tune"]
MANUAL = BIN.parent / "apps" / "tool" / "h5dcp.1"
COMPLETION = BIN.parent / "apps" / "tool" / "h5dcp.bash"


def options(verb):
    """Those that --help has, without the commas."""
    text = fine(*([verb] if verb else []), "--help")
    return set(re.findall(r"(?<![\w-])(--?[a-z]+(?:-[a-z]+)*)", "\n".join(
        line for line in text[text.index("Options:"):].split("\n\n")[0].splitlines()[1:])))


def completed(line):
    """What bash offers for the last word of `line`."""
    words = line.split(" ")
    script = f"""
source {COMPLETION}
COMP_WORDS=({" ".join(repr(word) for word in words)}) COMP_CWORD={len(words) - 1}
_h5dcp
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return set(done.stdout.split())


def test_the_build_makes_what_the_tool_says():
    assert MANUAL.read_text() == fine("--print-manual")
    assert COMPLETION.read_text() == fine("--print-bash-completion")
    assert "--print" not in fine("--help")


def test_bash_completes_verbs_and_options():
    assert completed("h5dcp ") == set(VERBS)
    assert completed("h5dcp d") == {"diff", "doctor"}
    assert completed("h5dcp verify FILE ") == set(), "a file: bash itself completes it"
    assert completed("h5dcp cat FILE NAME --s") == {"--slice"}
    assert completed("h5dcp --v") == {"--version"}
    assert completed("h5dcp -") == options("")
    for verb in VERBS:
        assert completed(f"h5dcp {verb} -") == options(verb), verb
    registered = subprocess.run(["bash", "--norc", "-c", f"source {COMPLETION}; complete -p h5dcp"],
                                capture_output=True, text=True, check=True).stdout
    assert registered.split() == ["complete", "-o", "default", "-F", "_h5dcp", "h5dcp"]


def test_zsh_takes_the_same_script():
    if shutil.which("zsh") is None:
        pytest.skip("no zsh")
    script = f"autoload -U +X compinit bashcompinit; compinit -u -D; bashcompinit; source {COMPLETION}"
    assert subprocess.run(["zsh", "-f", "-c", script], capture_output=True, text=True).stderr == ""


@pytest.mark.parametrize("command", [["groff", "-man", "-ww", "-Tutf8"], ["man", "--warnings", "-l"],
                                     ["mandoc", "-Tlint", "-W", "warning"]], ids=lambda each: each[0])
def test_the_manual_is_clean(command):
    if shutil.which(command[0]) is None:
        pytest.skip(f"no {command[0]}")
    done = subprocess.run([*command, MANUAL], capture_output=True, text=True,
                          env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "100"})
    assert (done.returncode, done.stderr) == (0, "")
    assert command[0] != "mandoc" or done.stdout == ""


def test_the_manual_has_all(tmp_path):
    if shutil.which("groff") is None:
        pytest.skip("no groff")
    page = subprocess.run(["groff", "-man", "-Tascii", "-P-cbou", MANUAL], capture_output=True, text=True,
                          check=True).stdout
    for part in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "EXIT STATUS"]:
        assert re.search(rf"^{part}$", page, re.M)
    for verb in VERBS:
        section = re.search(rf"^ +{verb}\n(.*?)(?=^ {{1,4}}\w|^\w)", page, re.M | re.S).group(1)
        for option in options(verb):
            assert option in section, (verb, option)
    assert "h5dcp cat FILE NAME [--slice SLICE] [--json]" in page
    assert "h5dcp doctor [PATH]" in page
