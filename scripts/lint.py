#!/usr/bin/env python3
"""Runs clang-tidy on the sources of the library and the programs that changed since they last passed.

Usage: lint.py BUILD_FOLDER, which has been built: ninja knows there which headers each source reads.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


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


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    passed = build / "lint"
    passed.mkdir(exist_ok=True)
    deps = headers_of(build)
    todo = []
    for command in json.loads((build / "compile_commands.json").read_text()):
        source = pathlib.Path(command["file"])
        relative = source.relative_to(ROOT) if ROOT in source.parents else None
        if relative is None or relative.parts[0] not in ("src", "apps"):
            continue
        digest = hashlib.sha256((ROOT / ".clang-tidy").read_bytes() + command["command"].encode())
        for path in sorted(set(deps.get(command.get("output"), [])) | {source}):
            digest.update(path.read_bytes())
        stamp = passed / (str(relative).replace(os.sep, "+") + "." + digest.hexdigest()[:24])
        if not stamp.exists():
            todo.append((relative, stamp))

    def check(item):
        relative, stamp = item
        run = subprocess.run(["clang-tidy", "--quiet", "-p", build, relative], cwd=ROOT,
                             capture_output=True, text=True)
        if run.returncode == 0:
            stamp.touch()
        return relative, run

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for relative, run in pool.map(check, todo):
            if run.returncode != 0:
                failed += 1
                print(f"{relative}:\n{run.stdout}", flush=True)
    print(f"lint: {len(todo)} files looked at, {failed} with complaints")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
