#!/usr/bin/env python3
"""Runs clang-tidy on the sources of the library and the programs that changed since they last passed.

Usage: lint.py BUILD_FOLDER, which has been built: ninja knows there which headers each source reads.

Nearly all the time of clang-tidy goes into system headers, so that sources of a folder are looked at together, as one
source. If that has complaints, or does not compile (two of them use one name for different things), they are looked at
in halves, down to the single source, whose messages have true places.
"""
import collections
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOGETHER = 9  # sources at most; more are hardly faster, and leave cores idle at the end

Source = collections.namedtuple("Source", "path flags stamp")


def headers_of(build):
    """The project's own files that each object was made from."""
    deps, current = {}, None
    for line in subprocess.check_output(["ninja", "-C", build, "-t", "deps"], text=True).splitlines():
        if line.startswith("    "):
            path = pathlib.Path(build, line.strip()).resolve()
            if ROOT in path.parents and build not in path.parents and ".venv" not in path.parts:
                deps[current].append(path)
        elif ": #deps" in line:
            current = line.split(": #deps")[0]
            deps[current] = []
    return deps


def sources_of(build):
    """All that are linted, each once, with the flags of the first target that it is part of."""
    deps = headers_of(build)
    sources = {}
    for command in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(command["file"])
        relative = path.relative_to(ROOT) if ROOT in path.parents else None
        if relative is None or relative.parts[0] not in ("src", "apps") or path in sources:
            continue
        words = shlex.split(command["command"])  # [launcher] compiler flags -o object -c source
        made = words[words.index("-o") + 1]  # CMake 3.25 does not say it otherwise
        digest = hashlib.sha256((ROOT / ".clang-tidy").read_bytes() + command["command"].encode())
        for read in sorted(set(deps.get(made, [])) | {path}):
            digest.update(read.read_bytes())
        stamp = build / "lint" / (str(relative).replace(os.sep, "+") + "." + digest.hexdigest()[:24])
        first = next(i for i, word in enumerate(words) if word.startswith("-"))
        sources[path] = Source(path, tuple(words[first:words.index("-o")]), stamp)
    return list(sources.values())


def groups_of(sources):
    """Sources that compile with the same flags, and find the same headers by their bare names."""
    alike = collections.defaultdict(list)
    for source in sources:
        alike[source.path.parent, source.flags].append(source)
    for group in alike.values():
        parts = -(-len(group) // TOGETHER)
        for part in range(parts):
            yield group[part::parts]  # not neighbours, which are the likeliest to share names


def have_common_using(group):
    """Whether two of them begin `using a::b;`: a use in one would hide that the other needs none."""
    texts = (each.path.read_text() for each in group)
    names = [name for text in texts for name in set(re.findall(r"^using [\w:]+;", text, re.MULTILINE))]
    return len(names) > len(set(names))


def tidy(path, like, build):
    """Runs clang-tidy on a file as if it were in the place of the source `like`."""
    return subprocess.run(["clang-tidy", "--quiet", f"--config-file={ROOT / '.clang-tidy'}", path, "--", *like.flags,
                           "-I", like.path.parent], cwd=build, capture_output=True, text=True)


def pass_together(group, build):
    with tempfile.NamedTemporaryFile("w", suffix=".cpp", dir=build / "lint") as all_of_them:
        all_of_them.writelines(each.path.read_text() for each in group)
        all_of_them.flush()
        return tidy(all_of_them.name, group[0], build).returncode == 0


def complaints(group, build):
    """What clang-tidy says of them, as a text for each source that has complaints."""
    if len(group) == 1:
        run = tidy(group[0].path, group[0], build)
        if run.returncode != 0:
            return [f"{group[0].path.relative_to(ROOT)}:\n{run.stdout}"]
    elif have_common_using(group) or not pass_together(group, build):
        return complaints(group[::2], build) + complaints(group[1::2], build)
    for each in group:
        each.stamp.touch()
    return []


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    (build / "lint").mkdir(exist_ok=True)
    todo = [source for source in sources_of(build) if not source.stamp.exists()]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for texts in pool.map(lambda group: complaints(group, build), groups_of(todo)):
            failed += len(texts)
            print(*texts, sep="\n", end="", flush=True)
    print(f"lint: {len(todo)} files looked at, {failed} with complaints")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
