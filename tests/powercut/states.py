"""What a disk may hold after a power cut, by this model:

What was synced before the cut is there. Everything else may be there or not, independently and in any order: each write
to a file, whole or in part (in sectors of 512 bytes or pages of 4 KiB); the size of a file, as it was synced or as it
was at the cut; each change of the names in a folder. One rename is one change, in both folders. A file's bytes have
nothing to do with its names: fsync of a file keeps no name of it, and fsync of a folder nothing of the files in it.
fsync covers what its own node wrote.
"""

import dataclasses
import itertools
import os.path
import random

SECTOR = 512
PAGE = 4096


@dataclasses.dataclass(eq=False)
class Change:
    """A change of a file, or of the names in folders."""

    text: str
    node: int = 0
    offset: int = 0
    data: bytes = b""
    size: int | None = None  # of the file afterwards; else it is as long as its bytes
    grows: bool = False  # the size is the least, not the size
    names: tuple = ()  # (folder, name, inode or None)
    synced: bool = False


class File:
    """An inode of a file: its bytes as they are synced, and what came after, some of which may be synced, too."""

    def __init__(self):
        self.base = bytearray()
        self.changes = []

    def sync(self, node):
        for change in self.changes:
            change.synced |= change.node == node
        while self.changes and self.changes[0].synced:
            apply(self.base, self.changes.pop(0), ((0, None),))

    def pending(self):
        return [change for change in self.changes if not change.synced]

    def content(self, kept, size):
        """Its bytes if of each change that is not synced those ranges are there that `kept` (a function) says.

        `size` is "old" (what was synced), "new" (as at the cut) or "kept" (as what is there asks for)."""
        found = bytearray(self.base)
        for change in self.changes:
            apply(found, change, ((0, None),) if change.synced else kept(change))
        if size == "kept":
            return bytes(found)
        length = bytearray(self.base)
        for change in self.changes:
            if size == "new" or change.synced:
                apply(length, change, ((0, None),))
        return bytes(found[: len(length)].ljust(len(length), b"\0"))


def apply(content, change, ranges):
    if not ranges:
        return
    if change.size is not None:
        if len(content) > change.size and not change.grows:
            del content[change.size :]
        content.extend(bytes(max(0, change.size - len(content))))
    for first, last in ranges:
        part = change.data[first:last]
        if not part:
            continue
        begin = change.offset + first
        content.extend(bytes(max(0, begin + len(part) - len(content))))
        content[begin : begin + len(part)] = part


ALL = ((0, None),)


def lost(_change):
    return ()


def kept(_change):
    return ALL


def torn(seed):
    """Of each write some sectors or pages, of the others all or nothing."""

    def ranges(change):
        choose = random.Random(f"{seed} {change.text} {change.offset}")
        grain = choose.choice([SECTOR, PAGE, None, None])
        if grain is None or not change.data:
            return choose.choice([(), ALL])
        # By where they are in the file.
        cuts = [0, *range(-change.offset % grain or grain, len(change.data), grain), len(change.data)]
        return tuple(cut for cut in itertools.pairwise(cuts) if choose.random() < 0.5)

    return ranges


@dataclasses.dataclass(frozen=True)
class State:
    """What is below the folder: bytes of files, None of folders, by their paths."""

    tree: tuple
    why: str

    @property
    def key(self):
        return hash(self.tree)


class Disk:
    """The folder as it is while effects happen, and what of it would be there after a power cut."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.inodes = {0: None}  # by our numbers, of which 0 is the folder; None of folders
        self.number_of = {}  # by the file system's, which may be used again
        self.live = {}  # (folder, name) -> number
        self.names = {}  # the same, as synced
        self.changes = []  # of names, some of which may be synced

    def _place(self, path):
        """(number of the folder, name)"""
        parts = os.path.relpath(path, self.folder).split("/")
        number = 0
        for part in parts[:-1]:
            number = self.live[number, part]
        return number, parts[-1]

    def _rename(self, text, *names):
        change = Change(text, names=names)
        self.changes.append(change)
        assign(self.live, change)

    def _new(self, inode, path, content):
        number = len(self.inodes)
        self.inodes[number] = content
        self.number_of[inode] = number
        self._rename(f"name of {os.path.basename(path)}", (*self._place(path), number))

    def _file(self, inode):
        return self.inodes[self.number_of[inode]]

    def happen(self, effect):
        getattr(self, "_on_" + effect.what)(effect.node, effect.data, *effect.fields)

    def _on_mark(self, *_):
        pass

    def _on_create(self, _node, _data, inode, path):
        self._new(inode, path, File())

    def _on_mkdir(self, _node, _data, inode, path):
        self._new(inode, path, None)

    def _on_write(self, node, data, inode, offset, nbytes):
        self._file(inode).changes.append(Change(f"write of {nbytes} at {offset}", node, offset, data))

    def _on_truncate(self, node, _data, inode, size):
        self._file(inode).changes.append(Change(f"size {size}", node, size=size))

    def _on_allocate(self, node, _data, inode, size):
        self._file(inode).changes.append(Change(f"room for {size}", node, size=size, grows=True))

    def _on_rename(self, _node, _data, source, target):
        old, new = self._place(source), self._place(target)
        self._rename(f"rename to {new[1]}", (*new, self.live[old]), (*old, None))

    def _on_link(self, _node, _data, source, target):
        self._rename(f"link to {target}", (*self._place(target), self.live[self._place(source)]))

    def _on_unlink(self, _node, _data, path):
        self._rename(f"removal of {os.path.basename(path)}", (*self._place(path), None))

    def _on_sync(self, node, _data, inode):
        self._file(inode).sync(node)

    def _sync_names(self, folder):
        for change in self.changes:
            change.synced |= folder is None or any(name[0] == folder for name in change.names)
        while self.changes and self.changes[0].synced:
            assign(self.names, self.changes.pop(0))

    def _on_syncdir(self, _node, _data, inode):
        self._sync_names(self.number_of.get(inode, 0))

    def _on_syncfs(self, node, _data):
        self._sync_names(None)
        for file in self.inodes.values():
            if file is not None:
                file.sync(node)

    def _state(self, gone, kept_of, size, why):
        """`gone`: changes of names that are lost. `kept_of`: of a file, which ranges of a change are there."""
        names = dict(self.names)
        for change in self.changes:
            if change.synced or change not in gone:
                assign(names, change)
        tree = []

        def walk(folder, path):
            for (parent, name), number in names.items():
                if parent != folder:
                    continue
                file = self.inodes[number]
                below = f"{path}{name}"
                if file is None:
                    tree.append((below, None))
                    walk(number, below + "/")
                else:
                    tree.append((below, file.content(kept_of(file), size)))

        walk(0, "")
        return State(tuple(sorted(tree)), why)

    def sharp_states(self):
        """All names, none, or all but one or only one; with all bytes or none, and zeros in their places."""
        pending = [change for change in self.changes if not change.synced]
        losses = [("no name", []), ("all names", pending)]
        if len(pending) > 1:
            losses += [(f"the {change.text}", [change]) for change in pending]
            losses += [(f"names but the {change.text}", [other for other in pending if other is not change]) for change in pending]
        for text, gone in losses:
            yield self._state(gone, lambda _: kept, "new", f"lost: {text}, no bytes")
            yield self._state(gone, lambda _: lost, "old", f"lost: {text}, all bytes")
            yield self._state(gone, lambda _: lost, "new", f"lost: {text}, all bytes but not the sizes")

    def other_states(self, seed, count):
        """The bytes of one file lost, one write lost, and `count` states at random."""
        files = [file for file in self.inodes.values() if file is not None and file.pending()]
        for file in files:
            yield self._state([], lambda other, file=file: lost if other is file else kept, "new", "lost: one file's bytes")
            change = random.Random(seed).choice(file.pending())
            one = lambda other, change=change: () if other is change else ALL
            yield self._state([], lambda _, one=one: one, "new", f"lost: the {change.text}")
        pending = [change for change in self.changes if not change.synced]
        for i in range(count if files or pending else 0):
            choose = random.Random(f"{seed} {i}")
            gone = [change for change in pending if choose.random() < 0.5]
            size = choose.choice(["old", "new", "kept"])
            why = f"lost at random: {', '.join(change.text for change in gone) or 'no name'}, sizes {size}, seed {seed} {i}"
            yield self._state(gone, lambda _, ranges=torn(f"{seed} {i}"): ranges, size, why)


def assign(names, change):
    for folder, name, number in change.names:
        if number is None:
            names.pop((folder, name), None)
        else:
            names[folder, name] = number
