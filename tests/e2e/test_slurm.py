"""The prolog and the health check under a real slurmctld and slurmd, on one node of this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.command import HANG_GUARD
from tests.e2e.test_integrations import FAILS, PASSES, installed, profile

PROGRAMS = ("slurmctld", "slurmd", "srun", "sinfo", "scontrol", "munged", "mungekey")
MISSING = [each for each in PROGRAMS if shutil.which(each, path=f"{os.environ.get('PATH')}:/usr/sbin") is None]
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"Slurm is not installed: {', '.join(MISSING)}"),
    pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="slurmd has to be root's"),
    pytest.mark.xdist_group("slurm"),
]
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Cluster:
    """One node, whose profile can be changed while it runs."""

    def __init__(self, folder: Path, ends: ExitStack) -> None:
        self.folder, self._ends = folder, ends
        self.config = folder / "slurm.conf"
        self.environment = {"PATH": PATH, "SLURM_CONF": str(self.config), "HOME": str(folder)}
        prolog = installed("slurm/prolog.sh", folder, folder / "node.toml")
        self.health_check = installed("slurm/health_check.sh", folder, folder / "node.toml")
        host, ports = socket.gethostname(), [_free_port(), _free_port()]
        (folder / "state").mkdir()
        (folder / "spool").mkdir()
        self.config.write_text(
            f"""ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
Prolog={prolog}
PrologFlags=Alloc
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP
""",
            encoding="utf-8",
        )
        key = folder / "munge.key"
        self.run("mungekey", f"--keyfile={key}")
        munge = ("socket", "pid-file", "seed-file", "log-file")
        files = [f"--{each}={folder}/munge.{each.split('-')[0]}" for each in munge]
        self._start("munged", "--foreground", "--force", f"--key-file={key}", *files)
        self.until(lambda: (folder / "munge.socket").exists())
        self._start("slurmctld", "-c", "-D", "-f", str(self.config))
        self._start("slurmd", "-D", "-N", "n1", "-f", str(self.config))
        self.until(lambda: self.state() == "idle")

    def _start(self, *words: str) -> None:
        log = self._ends.enter_context((self.folder / f"{words[0]}.out").open("wb"))
        process = subprocess.Popen(words, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self._ends.callback(process.wait)
        self._ends.callback(process.kill)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, env=self.environment, capture_output=True, text=True, timeout=HANG_GUARD, check=False
        )

    def until(self, true: Callable[[], bool]) -> None:
        end = time.monotonic() + 30
        while not true():
            logs = {
                each.name: each.read_text(encoding="utf-8", errors="replace")[-800:]
                for each in self.folder.glob("*.log")
            }
            assert time.monotonic() < end, logs
            time.sleep(0.1)

    def state(self) -> str:
        return self.run("sinfo", "--noheader", "--format=%T").stdout.strip()

    def reason(self) -> str:
        return self.run("sinfo", "--noheader", "--format=%E").stdout.strip()

    def job(self) -> subprocess.CompletedProcess[str]:
        return self.run("srun", "--immediate=20", "--time=1", "echo", "the job ran")

    def check_health(self) -> None:
        done = subprocess.run(
            [str(self.health_check)],
            env={"SLURM_CONF": str(self.config), "SLURMD_NODENAME": "n1"},
            cwd="/",
            capture_output=True,
            timeout=HANG_GUARD,
            check=False,
        )
        assert done.returncode == 0

    def resume(self) -> None:
        self.run("scancel", "--user=root")
        self.run("scontrol", "update", "NodeName=n1", "State=RESUME")
        self.until(lambda: self.state() == "idle")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with ExitStack() as ends:
        folder = tmp_path_factory.mktemp("slurm")
        profile(folder, PASSES)
        yield Cluster(folder, ends)


def test_a_job_starts_on_a_node_that_is_ready(cluster: Cluster) -> None:
    profile(cluster.folder, PASSES)
    done = cluster.job()
    assert (done.returncode, done.stdout) == (0, "the job ran\n"), done.stderr


def test_a_job_starts_where_the_profile_cannot_be_read(cluster: Cluster) -> None:
    (cluster.folder / "node.toml").write_text("nonsense", encoding="utf-8")
    assert cluster.job().returncode == 0


def test_the_health_check_drains_with_its_reason_and_resumes(cluster: Cluster) -> None:
    profile(cluster.folder, FAILS)
    cluster.check_health()
    assert cluster.state() in ("drained", "draining")
    assert cluster.reason().startswith("llmcheck: not ready: node/ram")
    profile(cluster.folder, PASSES)
    cluster.check_health()
    cluster.until(lambda: cluster.state() == "idle")


def test_the_reason_of_somebody_else_stays(cluster: Cluster) -> None:
    cluster.run("scontrol", "update", "NodeName=n1", "State=DRAIN", "Reason=fan broken")
    for requirement in (FAILS, PASSES):
        profile(cluster.folder, requirement)
        cluster.check_health()
        assert (cluster.state(), cluster.reason()) == ("drained", "fan broken")
    cluster.resume()


def test_a_job_does_not_start_on_a_node_that_is_not_ready(cluster: Cluster) -> None:
    profile(cluster.folder, FAILS)
    done = cluster.job()
    assert done.returncode != 0
    assert "the job ran" not in done.stdout
    cluster.until(lambda: cluster.state() in ("drained", "draining"))
    profile(cluster.folder, PASSES)
    cluster.resume()
