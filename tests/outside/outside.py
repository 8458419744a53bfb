"""What a user of an installed h5dcp does: configures a project of his own, builds and runs it."""
import os
import subprocess
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent.parent
EXAMPLES = SOURCE / "examples"
PREFIX = Path(os.environ["H5DCP_PREFIX"])
LIBRARIES = PREFIX / os.environ["H5DCP_LIBDIR"]
SHARED = os.environ["H5DCP_SHARED"] == "ON"
TORCH = os.environ["H5DCP_TORCH_VERSION"]  # empty if built without


def run(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300, **options)


def fine(*command, **options):
    """The output of a command that must succeed."""
    done = run(*command, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def configure(source, build, *options):
    # The compiler and its flags are those of the build: an address sanitizer is all or nothing.
    return run("cmake", "-S", source, "-B", build, "-C", os.environ["H5DCP_CACHE"], f"-DCMAKE_PREFIX_PATH={PREFIX}",
               *options)


def build(source, folder, *options):
    configured = configure(source, folder, *options)
    assert configured.returncode == 0, configured.stdout + configured.stderr
    fine("cmake", "--build", folder)


def with_pkg_config():
    """An environment in which pkg-config knows h5dcp."""
    return os.environ | {"PKG_CONFIG_PATH": f"{LIBRARIES}/pkgconfig"}


def pkg_config(*words):
    return fine("pkg-config", *words, "h5dcp", env=with_pkg_config()).split()


def make(target, folder):
    """Makes it as the example does, with the compiler and the flags of the build."""
    fine("make", "-C", folder, "-f", EXAMPLES / "heat/Makefile", target, f"CXX={os.environ['H5DCP_MPICXX']}",
         f"CXXFLAGS=-std=c++20 {os.environ['H5DCP_CXX_FLAGS']}", env=with_pkg_config())


def mpiexec(ranks, *command, **options):
    return fine(os.environ["H5DCP_MPIEXEC"], "-n", ranks, *command, **options)
