"""What lies in the prefix, and what find_package and pkg-config make of it."""
import re

import pytest
from outside import LIBRARIES, PREFIX, SHARED, SOURCE, TORCH, configure, fine, pkg_config


def files_below(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_everything_is_where_it_belongs():
    headers = {path.name for path in (SOURCE / "include/h5dcp").iterdir()}
    if not TORCH:
        headers.remove("torch.hpp")
    assert files_below(PREFIX / "include/h5dcp") == headers
    assert {"h5dcp"} | ({"h5dcp-trainer"} if TORCH else set()) <= files_below(PREFIX / "bin")
    document = files_below(PREFIX / "share/doc/h5dcp")
    assert {"LICENSE", "README.md", "CHANGELOG.md", "docs/format.md", "examples/heat/heat.cpp"} <= document


def test_the_programs_run():
    assert fine(PREFIX / "bin/h5dcp", "--version").split() == ["h5dcp", *pkg_config("--modversion")]
    if TORCH:
        assert "Usage" in fine(PREFIX / "bin/h5dcp-trainer", "--help")


def test_there_is_one_library():
    libraries = sorted(path.name for path in LIBRARIES.glob("libh5dcp.*"))
    version = pkg_config("--modversion")[0]
    series = version.rpartition(".")[0]  # what has the same is compatible
    if not SHARED:
        assert libraries == ["libh5dcp.a"]
        return
    assert libraries == ["libh5dcp.so", f"libh5dcp.so.{series}", f"libh5dcp.so.{version}"]
    dynamic = fine("readelf", "-d", LIBRARIES / "libh5dcp.so")
    assert f"soname: [libh5dcp.so.{series}]" in dynamic


def test_pkg_config_says_what_to_link():
    libraries = pkg_config("--libs")
    assert "-lh5dcp" in libraries
    # What h5dcp itself needs is the affair of its user only if h5dcp becomes a part of his program.
    assert any("hdf5" in word for word in libraries) == (not SHARED)
    assert ("-lfmt" in libraries) == (not SHARED)
    assert set(libraries) <= set(pkg_config("--static", "--libs"))


class Asked:
    """What CMake says to a project that asks for h5dcp."""

    def __init__(self, build, **variables):
        names = ("VERSION", "COMPONENTS", "OPTIONAL_COMPONENTS", "Libtorch_ROOT", "Python3_EXECUTABLE", "CMAKE_MODULE_PATH")
        assert set(variables) <= set(names)
        done = configure(SOURCE / "tests/outside/asks", build, *(f"-D{name}={variables.get(name, '')}" for name in names))
        self.failed = done.returncode != 0
        self.got = re.findall(r"^-- got (.*)$", done.stdout, re.MULTILINE)
        self.text = " ".join((done.stdout + done.stderr).split())  # CMake wraps lines

    def refused(self, *sentences):
        assert self.failed, self.text
        for sentence in sentences:
            assert sentence in self.text


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    build = tmp_path_factory.mktemp("asks")  # one for all: what CMake found out about the compiler stays
    return lambda **variables: Asked(build, **variables)


def libtorch(folder, version, flags=""):
    """What tells a libtorch."""
    place = folder / "share/cmake/Torch"
    place.mkdir(parents=True)
    (place / "TorchConfigVersion.cmake").write_text(f'set(PACKAGE_VERSION "{version}")\n')
    (place / "TorchConfig.cmake").write_text(f'set(TORCH_CXX_FLAGS "{flags}")\n')
    return folder


def test_no_component_is_the_core(ask):
    asked = ask()
    assert not asked.failed, asked.text
    assert asked.got == ["h5dcp::h5dcp"]


def test_versions_of_one_series_are_compatible(ask):
    assert not ask(VERSION="0.1").failed
    ask(VERSION="0.2").refused('compatible with requested version "0.2"')


def test_a_component_that_does_not_exist(ask):
    ask(COMPONENTS="tensorflow").refused("h5dcp has no component tensorflow; it has torch")
    asked = ask(OPTIONAL_COMPONENTS="tensorflow")
    assert not asked.failed
    assert "h5dcp has no component tensorflow; it has torch" in asked.text


@pytest.mark.skipif(bool(TORCH), reason="h5dcp was built with torch")
def test_a_build_without_torch(ask):
    ask(COMPONENTS="torch").refused(f"the h5dcp of {LIBRARIES}/cmake/h5dcp was built without torch: build it with -DH5DCP_TORCH=ON")
    assert ask(OPTIONAL_COMPONENTS="torch").got == ["h5dcp::h5dcp"]


@pytest.mark.skipif(not TORCH, reason="h5dcp was built without torch")
class TestTorch:
    def test_of_the_same_version(self, ask, tmp_path):
        same = libtorch(tmp_path, TORCH)
        assert ask(COMPONENTS="torch", Libtorch_ROOT=same).got == ["h5dcp::h5dcp", "h5dcp::torch"]
        assert ask(OPTIONAL_COMPONENTS="torch", Libtorch_ROOT=same).got == ["h5dcp::h5dcp", "h5dcp::torch"]

    @pytest.mark.parametrize(("version", "flags", "abi"), [("1.13.1", "", 1), (TORCH, "-D_GLIBCXX_USE_CXX11_ABI=0", 0)])
    def test_of_another_version_or_abi(self, ask, tmp_path, version, flags, abi):
        other = libtorch(tmp_path, version, flags)
        ask(COMPONENTS="torch", Libtorch_ROOT=other).refused(
            f"h5dcp::torch was built with torch {TORCH} (_GLIBCXX_USE_CXX11_ABI=1),",
            f"{other} has torch {version} (_GLIBCXX_USE_CXX11_ABI={abi}):",
            "set Python3_EXECUTABLE to a Python with that torch, or Libtorch_ROOT; or build h5dcp with this one")
        asked = ask(OPTIONAL_COMPONENTS="torch", Libtorch_ROOT=other)
        assert not asked.failed
        assert asked.got == ["h5dcp::h5dcp"]
        assert f"has torch {version}" in asked.text

    def test_that_is_not_there(self, ask, tmp_path):
        python = tmp_path / "python3"
        python.write_text("#!/bin/sh\nexit 1\n")
        python.chmod(0o755)
        ask(COMPONENTS="torch", Python3_EXECUTABLE=python).refused(
            f"{python} has no package torch: set Python3_EXECUTABLE to one that has, or Libtorch_ROOT")
        ask(COMPONENTS="torch", Libtorch_ROOT=tmp_path).refused(f"Libtorch_ROOT={tmp_path} has no share/cmake/Torch")


@pytest.mark.skipif(SHARED, reason="the user of a shared h5dcp needs no HDF5")
def test_another_hdf5(ask, tmp_path):
    (tmp_path / "FindHDF5.cmake").write_text(
        "set(HDF5_FOUND TRUE)\nset(HDF5_VERSION 1.99.0)\nset(HDF5_IS_PARALLEL FALSE)\nset(HDF5_C_INCLUDE_DIRS /there)\n")
    ask(CMAKE_MODULE_PATH=tmp_path).refused("h5dcp was built with parallel HDF5", "but /there is serial HDF5 1.99.0:",
                                            "set HDF5_ROOT")
