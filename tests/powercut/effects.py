"""The log of what programs did to files: shim/effects.h has its format."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Effect:
    what: str
    node: int
    fields: tuple  # of inodes and sizes, as int, and of paths and texts
    data: bytes = b""  # of a write

    def __str__(self):
        return " ".join([self.what, *map(str, self.fields), f"(node {self.node})"])


def read_effects(path):
    """All effects of the log, in their order."""
    log = memoryview(path.read_bytes())
    effects = []
    at = 0
    while at < len(log):
        end = at + bytes(log[at : at + 20000]).index(b"\n")
        what, node, *fields = bytes(log[at:end]).decode().split("\t")
        fields = tuple(int(field) if field.isdigit() else field for field in fields)
        at = end + 1
        data = b""
        if what == "write":
            data = bytes(log[at : at + fields[2]])
            at += fields[2] + 1
        effects.append(Effect(what, int(node), fields, data))
    return effects
