"""The tables of docs/dcp.md, and what can be wrong with them.

A row has the names of DCP, the names of h5dcp, the header of those, words, and entries of ctest. In the place of h5dcp's
names may be "not yet" or "none".
"""

import dataclasses
import enum
import importlib
import inspect
import pkgutil
import re
import subprocess
from pathlib import Path

PACKAGE = "torch.distributed.checkpoint"
HEAD = ["DCP", "h5dcp", "header", "differences, and why", "test"]


@dataclasses.dataclass
class Row:
    line: int           # in the document
    names: list[str]    # of DCP
    ours: list[str]     # without "h5dcp::"; empty if `status` says why
    status: str         # "", "not yet" or "none"
    header: str
    words: str
    tests: list[str]


def cells(line):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def code_in(cell):
    return re.findall(r"`([^`]+)`", cell)


def tables(text):
    """Every table: its head, and its rows with the numbers of their lines."""
    found = []
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if not line.startswith("|"):
            continue
        if number == 1 or not lines[number - 2].startswith("|"):
            found.append((cells(line), []))
        elif not set(line) <= set("|-: "):
            found[-1][1].append((number, cells(line)))
    return found


def rows(text):
    """The rows that map names."""
    made = []
    for head, body in tables(text):
        if head != HEAD:
            continue
        for number, row in body:
            names, ours, header, words, tests = row
            made.append(Row(number, code_in(names), code_in(ours), "" if code_in(ours) else ours or "nothing",
                            "".join(code_in(header)), words, code_in(tests)))
    return made


def cited_tests(text):
    """Every entry in a column "test", with its line."""
    return [(number, entry) for head, body in tables(text) if head[-1] == "test"
            for number, row in body for entry in code_in(row[-1])]


# What real PyTorch has.

def owner(cls, member):
    """The public class of DCP at which one looks for a member that `cls` has; None if it is no member of DCP's."""
    def has(one):
        return member in vars(one) or member in vars(one).get("__annotations__", {})
    first = next((one for one in reversed(cls.__mro__) if one.__module__.startswith(PACKAGE) and has(one)), None)
    if first is None:
        return None
    return next(one.__name__ for one in reversed(cls.__mro__) if first in one.__mro__ and not one.__name__.startswith("_"))


def options(function):
    """Its arguments that may be left out."""
    return [name for name, argument in inspect.signature(function).parameters.items()
            if argument.default is not argument.empty and not name.startswith("_")]


def class_names(name, cls):
    if issubclass(cls, enum.Enum):
        return {f"{name}.{member}" for member in cls.__members__}
    members = {member for member in dir(cls) if not member.startswith("_")}
    for one in cls.__mro__:
        members |= {field for field in vars(one).get("__annotations__", {}) if not field.startswith("_")}
    found = {f"{owner(cls, member)}.{member}" for member in members if owner(cls, member)}
    if not dataclasses.is_dataclass(cls) and "__init__" in vars(cls):
        inherited = {option for base in cls.__mro__[1:] if "__init__" in vars(base) and base.__module__.startswith(PACKAGE)
                     and not base.__name__.startswith("_") for option in options(base)}
        found |= {f"{name}({option})" for option in options(cls) if option not in inherited}
    return found


def torch_names():
    """The package's public names, its public modules with theirs, their classes' members, and what may be chosen."""
    package = importlib.import_module(PACKAGE)
    found = {name: getattr(package, name) for name in dir(package) if not name.startswith("_")}
    exported = set(found)
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith("_"):
            continue
        found[module.name] = importlib.import_module(f"{PACKAGE}.{module.name}")
        found.update({name: getattr(found[module.name], name) for name in getattr(found[module.name], "__all__", [])})
    names = set(found)
    for name, value in found.items():
        if inspect.isclass(value) and value.__module__.startswith(PACKAGE):
            names |= class_names(name, value)
        elif inspect.isfunction(value) and name in exported:
            names |= {f"{name}({option})" for option in options(value)}
    return names


# What can be wrong. Each returns sentences, none if all is well.

def missing(table, wanted):
    there = {name for row in table for name in row.names}
    return [f"no row for {name}" for name in sorted(set(wanted) - there)]


def ill_formed(table):
    wrong = []
    seen = {}
    for row in table:
        for name in row.names:
            if name in seen:
                wrong.append(f"line {row.line}: {name} has a row in line {seen[name]}")
            seen[name] = row.line
        if not row.names:
            wrong.append(f"line {row.line}: names nothing of DCP")
        if row.status not in ("", "not yet", "none"):
            wrong.append(f"line {row.line}: '{row.status}' is no name, nor 'not yet' or 'none'")
        if row.status and len(row.words.split()) < 2:
            wrong.append(f"line {row.line}: '{row.status}' without a word of what to do, or why")
        if not row.status and not row.tests:
            wrong.append(f"line {row.line}: no test")
    return wrong


def probes(table, include):
    """A source for each header, in which every name of h5dcp is used. Errors are at the lines of the document."""
    enums = set()
    for header in include.glob("h5dcp/*.hpp"):
        enums.update(re.findall(r"\benum class (\w+)", header.read_text()))
    sources = {}
    for row in table:
        for name in row.ours:
            scope, _, member = name.rpartition("::")
            if scope and scope not in enums:
                probe = f"struct Probe : h5dcp::{scope} {{ using h5dcp::{scope}::{member}; }};"
            else:
                probe = f"using h5dcp::{name};"
            lines = sources.setdefault(row.header, [f'#include "h5dcp/{row.header}"'])
            lines.append(f'#line {row.line} "dcp.md"\nnamespace probe_{len(lines)} {{ {probe} }}')
    return {header: "\n".join(lines) + "\n" for header, lines in sources.items()}


def uncompiled(table, include, compile_header):
    """`compile_header(header, source)` returns what the compiler says."""
    wrong = []
    for row in table:
        path = include / "h5dcp" / row.header
        if row.ours and not (row.header and path.is_file()):
            wrong.append(f"line {row.line}: there is no header '{row.header}'")
            continue
        for name in row.ours:
            if not re.search(rf"\b{name.split('::')[-1]}\b", path.read_text()):
                wrong.append(f"line {row.line}: {row.header} does not declare {name}")
    sound = [row for row in table if row.header and (include / "h5dcp" / row.header).is_file()]
    for header, source in sorted(probes(sound, include).items()):
        errors = re.findall(r"dcp\.md:(\d+):\d+: (?:fatal )?error: (.*)", output := compile_header(header, source))
        wrong += [f"line {line}: {header}: {error}" for line, error in errors]
        if not errors and "error:" in output:
            wrong.append(f"{header}: {output}")
    return wrong


def unknown_tests(cited, entries):
    known = entries | {re.sub(r"(\.romio)?\.np\d+$", "", entry) for entry in entries}
    return [f"line {number}: ctest has no entry {entry}" for number, entry in cited if entry not in known]


def ctest_entries(ctest, build):
    listing = subprocess.run([ctest, "-N", "--test-dir", build], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"Test +#\d+: (\S+)", listing))


def blocks(text, language):
    """What the document has in that language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
