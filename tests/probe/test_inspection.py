"""A probe that raises, dies or hangs becomes a problem, and the others are reported."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from llmcheck import codec
from llmcheck.gpus import vendors
from llmcheck.probe import Inspection, Request, names
from llmcheck.schema.machine import Machine
from llmcheck.system.host import Host
from llmcheck.system.interpreter import BEGIN, END, InterpreterChoice
from llmcheck.system.storage import Stat
from llmcheck.system.worker import ThreadChild, start
from tests.probe.host_trees import tree

FILES = {
    "/proc/meminfo": "MemTotal: 1000 kB\nMemAvailable: 500 kB\n",
    "/proc/cpuinfo": "processor : 0\n",
    "/proc/self/mountinfo": "23 1 8:2 / / rw - ext4 /dev/sda2 rw\n",
    "/etc/hostname": "node17\n",
    "/sys/class/net/lo/mtu": "1",
    "/bin/git": "",
    "/sys/bus/pci/devices/0000:00:00.0/vendor": "0x8086\n",
}


class Faulty(Host):
    """A host over a tree on which some questions go wrong."""

    def __init__(self, root: Path, fault: Callable[[], object], *questions: str) -> None:
        plain = tree(root, FILES, environ={"PATH": "/bin", "HOME": "/home/me"})
        super().__init__(plain.root, plain.environ, "/project")
        self._fault, self._questions = fault, questions

    def _ask(self, question: str) -> None:
        if question in self._questions:
            self._fault()

    def memory(self) -> tuple[int | None, int | None]:
        self._ask("memory")
        return super().memory()

    def processors(self) -> tuple[int | None, int | None]:
        self._ask("processors")
        return super().processors()

    def statvfs(self, path: str) -> Stat | None:
        self._ask("statvfs")
        return super().statvfs(path)

    def hostname(self) -> str | None:
        self._ask("hostname")
        return super().hostname()

    def which(self, name: str) -> str | None:
        self._ask("which")
        return super().which(name)

    def list(self, path: str) -> list[str] | None:
        self._ask("list" if path == "/sys/bus/pci/devices" else "")
        return super().list(path)


def raises() -> None:
    raise RuntimeError("the machine bites")


def dies() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hangs() -> None:
    time.sleep(600)


def inspected(where: Host, seconds: float = 30.0, total: float = 60.0) -> Machine:
    return Inspection(where, Request(), seconds, total).machine()


def problems(found: Machine, probe: str) -> list[str]:
    return [problem.code for problem in found.problems if problem.probe == probe]


def test_a_whole_machine_is_put_together_from_all_probes(tmp_path: Path) -> None:
    found = inspected(Faulty(tmp_path, raises))
    assert (found.ram.total, found.cpu.threads, found.identity.hostname) == (1024000, 1, "node17")
    assert found.gpus == ()
    assert found.fabric.ports == ()
    assert [disk.role for disk in found.disks or ()] == ["models", "work"]
    assert found.os is not None
    assert found.collected_at


@pytest.mark.parametrize(
    ("fault", "code", "seconds"), [(raises, "failed", 30.0), (dies, "crashed", 30.0), (hangs, "deadline", 1.0)]
)
@pytest.mark.parametrize(
    ("question", "probe"),
    [("memory", "memory"), ("processors", "cpu"), ("statvfs", "disk"), ("hostname", "system"), ("which", "software")],
)
def test_one_bad_probe_is_one_problem_and_all_others_answer(
    tmp_path: Path, fault: Callable[[], object], code: str, seconds: float, question: str, probe: str
) -> None:
    found = inspected(Faulty(tmp_path, fault, question), seconds)
    assert problems(found, probe) == [code]
    facts = {
        "memory": found.ram.total,
        "cpu": found.cpu.threads,
        "disk": found.disks,
        "system": found.os,
        "software": found.software.tools,
    }
    assert [name for name, fact in facts.items() if fact is None] == [probe]
    assert found.gpus == ()


def test_the_words_of_an_error_reach_the_report(tmp_path: Path) -> None:
    found = inspected(Faulty(tmp_path, raises, "memory"))
    assert any("the machine bites" in problem.message for problem in found.problems)


def test_several_bad_probes_are_several_problems(tmp_path: Path) -> None:
    found = inspected(Faulty(tmp_path, dies, "memory", "statvfs", "processors"))
    bad = sorted(problem.probe for problem in found.problems if problem.code == "crashed")
    assert bad == ["cpu", "disk", "memory"]
    assert found.os is not None


@pytest.mark.parametrize(("fault", "seconds"), [(raises, 30.0), (dies, 30.0), (hangs, 0.5)])
def test_gpus_that_could_not_be_asked_are_unknown_and_never_none(
    tmp_path: Path, fault: Callable[[], object], seconds: float
) -> None:
    found = inspected(Faulty(tmp_path, fault, "list"), seconds)
    assert found.gpus is None
    assert found.drivers["nvidia"].fault in ("failed", "crashed", "deadline")
    assert found.drivers["habana"].fault in ("failed", "crashed", "deadline")
    assert set(found.drivers) <= set(vendors.ids())
    assert found.identity.hostname == "node17"


def test_the_total_deadline_ends_everything(tmp_path: Path) -> None:
    found = inspected(Faulty(tmp_path, hangs, "memory", "statvfs", "list"), seconds=600.0, total=1.0)
    assert "deadline" in {problem.code for problem in found.problems}
    assert found.ram.total is None


@pytest.mark.parametrize("place", ["/home/caf\udce9", "/home/\udcff\udcfe"])
def test_a_folder_whose_name_is_no_utf8_does_not_take_the_disk_away(tmp_path: Path, place: str) -> None:
    where = tree(tmp_path, FILES, environ={"PATH": "/bin", "HF_HOME": place}, cwd=place)
    found = inspected(where)
    assert problems(found, "disk") == []
    assert [disk.role for disk in found.disks or ()] == ["models", "work"]
    assert codec.encode_json(found)


def test_an_interpreter_in_a_folder_whose_name_is_no_utf8_is_read_all_the_same(tmp_path: Path) -> None:
    said = BEGIN + b"3.12.4\ncpython\n/srv/\xff\n/usr\n/usr/lib/python3.12\n/srv/\xff/site-packages\n" + END
    request = Request(python=InterpreterChoice("/srv/\udcff/bin/python", "named", explicit=True), python_answer=said)
    found = Inspection(tree(tmp_path, FILES), request).machine()
    assert problems(found, "software") == []
    assert found.software.python is not None
    assert found.software.python.version == "3.12.4"


def test_a_file_that_is_no_utf8_does_not_break_a_probe(tmp_path: Path) -> None:
    where = tree(tmp_path, FILES)
    (tmp_path / "etc" / "os-release").write_bytes(b'PRETTY_NAME="\xff\xfe"\n')
    (tmp_path / "etc" / "hostname").write_bytes(b"n\xe9\n")
    found = inspected(where)
    assert problems(found, "system") == []
    assert codec.encode_json(found)


def test_every_probe_has_a_name_that_a_problem_can_carry() -> None:
    assert {"gpu.nvidia", "disk", "memory", "software"} <= set(names())


# --- the children themselves ---


def later(seconds: float) -> float:
    return time.monotonic() + seconds


@pytest.mark.parametrize("kind", [start, ThreadChild])
def test_frames_arrive_whole_and_in_order(kind: Callable[..., ThreadChild]) -> None:
    frames = [b"", b"a", b"x" * 3_000_000, bytes(range(256))]

    def work(send: Callable[[bytes], None]) -> None:
        for frame in frames:
            send(frame)

    child = kind(work)
    assert [child.frame(later(30)) for _ in frames] == frames
    assert child.frame(later(30)) is None
    assert child.leave() is None


@pytest.mark.parametrize("kind", [start, ThreadChild])
def test_what_was_said_before_hanging_is_kept(kind: Callable[..., ThreadChild]) -> None:
    def work(send: Callable[[bytes], None]) -> None:
        send(b"first")
        time.sleep(600)

    child = kind(work)
    assert child.frame(later(30)) == b"first"
    with pytest.raises(TimeoutError):
        child.frame(later(0.1))
    assert child.leave() is None


def test_a_child_that_dies_tells_the_signal() -> None:
    def work(send: Callable[[bytes], None]) -> None:
        send(b"first")
        os.kill(os.getpid(), signal.SIGKILL)

    child = start(work)
    assert child.frame(later(30)) == b"first"
    assert child.frame(later(30)) is None
    assert child.leave() == signal.SIGKILL


def test_a_child_neither_reads_nor_writes_our_streams(capfd: pytest.CaptureFixture[str]) -> None:
    def work(send: Callable[[bytes], None]) -> None:
        os.write(1, b"noise")
        os.write(2, b"noise")
        send(os.read(0, 10))

    child = start(work)
    assert child.frame(later(30)) == b""
    assert child.leave() is None
    assert capfd.readouterr() == ("", "")


def test_a_child_that_was_left_is_ended() -> None:
    def work(send: Callable[[bytes], None]) -> None:
        send(str(os.getpid()).encode())
        time.sleep(600)

    child = start(work)
    pid = int(child.frame(later(30)) or b"0")
    child.leave()
    end = later(30)
    state = ""
    while time.monotonic() < end:
        try:
            with open(f"/proc/{pid}/stat") as file:
                state = file.read().rpartition(")")[2].split()[0]
        except OSError:
            state = "gone"
        if state in ("Z", "gone"):
            break
        time.sleep(0.01)
    assert state in ("Z", "gone")


def test_an_error_in_a_child_is_not_printed_over_our_output(capfd: pytest.CaptureFixture[str]) -> None:
    def work(send: Callable[[bytes], None]) -> None:
        raise RuntimeError("loud")

    child = start(work)
    assert child.frame(later(30)) is None
    assert child.leave() is None
    assert capfd.readouterr() == ("", "")
