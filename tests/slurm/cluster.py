"""A Slurm of one node, for the tests of one file and for as long as they run."""
import contextlib
import ctypes
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time

PROGRAMS = ["munged", "slurmctld", "slurmd", "sbatch", "srun", "scancel", "scontrol", "sinfo", "unshare"]
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"

# cred_expire is also how long a requeued job is held back, by default 120 s.
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=10
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
TmpFS={folder}/tmp
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1
NodeName={host} NodeAddr=127.0.0.1 CPUs={slots}
PartitionName=all Nodes=ALL Default=YES
"""

# The first process of a namespace of its own. When it ends, the kernel ends all others there.
DAEMONS = """\
munged --foreground --force --socket={folder}/munge.socket --key-file={folder}/munge.key \
  --pid-file={folder}/munged.pid --seed-file={folder}/munge.seed --log-file={folder}/munged.log &
slurmctld -D &
slurmd -D &
wait
"""


class CannotRun(Exception):
    """What this machine lacks."""


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def wait_until(what, condition, seconds, describe):
    """Looks every 50 ms."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}\n{describe()}"
        time.sleep(0.05)


class Cluster:
    """Its daemons and all of their jobs end with this process, however that ends."""

    def __init__(self, folder, slots):
        """`slots` ranks run at a time, whatever the machine has."""
        missing = [program for program in PROGRAMS if not shutil.which(program, path=PATH)]
        if missing:
            raise CannotRun(f"{', '.join(missing)} not found")
        if os.geteuid() != 0:
            raise CannotRun("jobs can only be started by root")
        namespace = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
        tried = subprocess.run([*namespace, "true"], capture_output=True, text=True)
        if tried.returncode != 0:
            raise CannotRun(f"no namespace for its processes: {tried.stderr.strip()}")

        self.folder = folder
        for name in ["state", "spool", "tmp"]:
            (folder / name).mkdir()
        (folder / "munge.key").write_bytes(secrets.token_bytes(128))
        (folder / "munge.key").chmod(0o400)
        controller_port, node_port = free_ports(2)
        (folder / "slurm.conf").write_text(CONFIGURATION.format(
            folder=folder, slots=slots, controller_port=controller_port, node_port=node_port,
            host=socket.gethostname().split(".")[0]))
        inherited = {name: value for name, value in os.environ.items()
                     if not name.startswith(("SLURM_", "SBATCH_", "SRUN_", "H5DCP_"))}
        self.environment = inherited | {"PATH": PATH, "SLURM_CONF": str(folder / "slurm.conf")}
        with open(folder / "daemons.out", "wb") as output:
            self.daemons = subprocess.Popen([*namespace, "sh", "-c", DAEMONS.format(folder=folder)],
                                            env=self.environment, stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=output, preexec_fn=die_with_parent)
        try:
            wait_until("a node that takes jobs", lambda: self.call("sinfo", "-h", "-o", "%T").stdout == "idle\n", 30,
                       self.logs)
        except AssertionError as error:
            self.stop()
            raise CannotRun(f"the daemons do not start: {error}") from None

    def call(self, *command, **environment):
        return subprocess.run(command, capture_output=True, text=True, timeout=60,
                              env=self.environment | environment)

    def submit(self, script, *arguments, options, folder, **environment):
        """Submits `script` as it is, from `folder`, with options for sbatch."""
        done = self.call("sbatch", "--parsable", f"--chdir={folder}", *options, script, *arguments, **environment)
        assert done.returncode == 0, done.stderr
        return Job(self, done.stdout.strip())

    def logs(self):
        paths = [*self.folder.glob("*.log"), self.folder / "daemons.out"]
        return "\n".join(f"{path.name}:\n{path.read_text(errors='replace')[-2000:]}" for path in paths)

    def stop(self):
        self.daemons.kill()
        self.daemons.wait()


class Job:
    def __init__(self, cluster, number):
        self.cluster, self.number = cluster, number

    def fields(self):
        """As `scontrol show job` has them in one look, e.g. "JobState"; spaces in values end them."""
        shown = self.cluster.call("scontrol", "--oneliner", "show", "job", self.number)
        found = dict(re.findall(r"\b(\w+)=(\S+)", shown.stdout))
        assert "JobState" in found, shown.stdout + shown.stderr
        return found

    def field(self, name):
        return self.fields()[name]

    def output(self):
        path = pathlib.Path(self.field("StdOut"))
        return path.read_text() if path.exists() else ""

    def wait_for_output(self, pattern, seconds=60):
        wait_until(pattern, lambda: re.search(pattern, self.output(), re.MULTILINE), seconds, self.describe)

    def wait_for_end(self, seconds=120):
        """The state in which it ends and its exit status, in one look: on its way it passes many, as SIGNALING."""
        ends = ["BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED",
                "TIMEOUT"]
        seen = {}

        def has_ended():
            seen.update(self.fields())
            return seen["JobState"] in ends

        wait_until(f"the end of job {self.number}", has_ended, seconds, self.describe)
        return seen["JobState"], int(seen["ExitCode"].split(":")[0])

    def signal(self, name):
        """Sends it as Slurm does for --signal=B:..., to the shell of the job's script."""
        done = self.cluster.call("scancel", "--batch", f"--signal={name}", self.number)
        assert done.returncode == 0, done.stderr

    def describe(self):
        shown = self.cluster.call("scontrol", "show", "job", self.number).stdout
        return f"{shown}\noutput:\n{self.output()}\n{self.cluster.logs()}"
