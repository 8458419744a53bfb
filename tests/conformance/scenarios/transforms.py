"""Values that go through extensions on their way to the checkpoint and back."""
import io

import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint._extension import ExtensionRegistry, StreamTransformExtension

from scenarios.outcome import of_call


class Bytewise(StreamTransformExtension):
    """Makes another byte of each. A subclass says which, and what undoes it."""

    name, to, back = "", None, None

    @classmethod
    def registry_name(cls):
        return cls.name

    @classmethod
    def from_descriptor(cls, version):
        cls.versions.append(version)
        return cls()

    def get_descriptor(self):
        return self.name + "/7"

    def transform_to(self, output):
        made = type(self).to

        class Stream(io.RawIOBase):
            def write(self, data):
                output.write(bytes(made(byte) for byte in bytes(data)))
                return len(data)

            def close(self):
                output.close()
        return Stream()

    def transform_from(self, stream):
        return io.BytesIO(bytes(type(self).back(byte) for byte in stream.read(-1)))


class Xor(Bytewise):
    name = "stream.xor"
    versions = []
    to = back = staticmethod(lambda byte: byte ^ 0x55)


class Add(Bytewise):
    name = "stream.add"
    versions = []
    to = staticmethod(lambda byte: (byte + 1) & 255)
    back = staticmethod(lambda byte: (byte - 1) & 255)


def saved_and_loaded(job, suffix, transforms, known):
    path = job.checkpoint(suffix)
    registry = ExtensionRegistry()
    for extension in known:
        registry.register(extension)
        extension.versions.clear()
    state = {"s": ""}
    dcp.save({"s": "text"}, storage_writer=dcp.FileSystemWriter(path, _extensions=[made() for made in transforms]))
    reader = dcp.FileSystemReader(path, _extension_registry=registry)
    how = of_call(lambda: dcp.load(state, storage_reader=reader))
    return [how, state["s"], [extension.versions for extension in known]]


def one_transform(job):
    return {"known": saved_and_loaded(job, "1", [Xor], [Xor]), "unknown": saved_and_loaded(job, "2", [Xor], [])}


def two_transforms(job):
    return saved_and_loaded(job, "", [Add, Xor], [Add, Xor])


SCENARIOS = [
    ("C41.one_transform", 1, one_transform),
    ("C43.two_transforms", 1, two_transforms),
]
