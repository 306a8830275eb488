"""A Slurm cluster of one node, on the loopback address, in a temporary folder."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psutil

ON_SLURM = ["--on", "slurm", "--latency-wait", "5"]  # arguments of the workflow
ON_SLURM += ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "8"]  # no accounting here
DAEMONS = ("munged", "slurmctld", "slurmd")
SECONDS_TO_START = 30
CONFIGURATION = """
ClusterName=study
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=500
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
MinJobAge=300
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} Sockets=1 CoresPerSocket={cores} ThreadsPerCore=1 RealMemory={memory}
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
# The step that runs a job on its node clears SLURM_CONF, which names the configuration if it is not in /etc.
SRUN = """#!/bin/sh
SLURM_CONF={folder}/slurm.conf exec {srun} "$@"
"""


def problem():
    """Return why no cluster can start here; "" if one can."""
    missing = [name for name in (*DAEMONS, "srun", "sbatch") if _find(name) is None]
    if missing:
        return f"Slurm is not installed ({', '.join(missing)}): apt-get install slurm-wlm munge"
    if find_spec("snakemake_executor_plugin_slurm") is None:
        return 'the plugin of Snakemake is not installed: .venv/bin/pip install -e ".[slurm]"'
    return "" if os.geteuid() == 0 else "the daemons of Slurm start only as root here"


@contextmanager
def cluster():
    """Run a cluster until the block ends; give the environment in which Slurm's commands talk to it."""
    with tempfile.TemporaryDirectory(prefix="slurm-") as name:  # pytest's own folders are closed to others
        folder = Path(name)
        folder.chmod(0o755)
        for part in ("munge", "state", "spool", "bin"):
            (folder / part).mkdir(mode=0o755)
        host = socket.gethostname().split(".")[0]
        about = {"folder": folder, "host": host, "ports": _free_ports(2), "user": pwd.getpwuid(0).pw_name}
        about |= {"cores": os.cpu_count(), "memory": psutil.virtual_memory().total // 2**20 - 500}
        (folder / "slurm.conf").write_text(CONFIGURATION.format(**about))
        srun = folder / "bin" / "srun"
        srun.write_text(SRUN.format(folder=folder, srun=_find("srun")))
        srun.chmod(0o755)
        path = os.pathsep.join([str(folder / "bin"), os.environ["PATH"], "/usr/sbin", "/usr/local/sbin"])
        environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf"), "PATH": path}
        with (
            _munged(folder / "munge"),
            _daemon(folder, environment, "slurmctld", "-D"),
            _daemon(folder, environment, "slurmd", "-D", "-N", host),
        ):
            _wait_for(lambda: "idle" in call(environment, "sinfo", "--noheader", "--format=%T"), folder)
            yield environment
            call(environment, "scancel", "--full", f"--user={about['user']}")


def _find(program):
    return shutil.which(program, path=os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/usr/local/sbin"]))


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def call(environment, *command):
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout


@contextmanager
def _munged(folder):
    key = folder / "key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    options = ["--foreground", f"--key-file={key}", f"--socket={folder}/socket", f"--pid-file={folder}/pid"]
    options += [f"--log-file={folder}/log", f"--seed-file={folder}/seed"]
    with _process(folder / "output", dict(os.environ), _find("munged"), *options):
        _wait_for((folder / "socket").exists, folder)
        yield


@contextmanager
def _daemon(folder, environment, name, *options):
    with _process(folder / f"{name}.output", environment, _find(name), *options):
        yield


@contextmanager
def _process(output, environment, *command):
    """Run a program until the block ends."""
    with output.open("w") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(is_ready, folder):
    end = time.monotonic() + SECONDS_TO_START
    while not is_ready():
        if time.monotonic() > end:
            logs = "\n".join(path.read_text()[-1500:] for path in sorted(Path(folder).glob("*log")))
            raise TimeoutError(f"the cluster did not start in {SECONDS_TO_START} seconds:\n{logs}")
        time.sleep(0.3)
