"""Mounts that do not answer, and the measured speed of a disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llmcheck.probe import Request, disk
from llmcheck.system.host import Host
from llmcheck.system.storage import Stat
from tests.probe.host_trees import ask
from tests.probe.test_storage import at, on, tree


class Mounted(Host):
    """A tree whose mounts answer as the kernel would."""

    def __init__(self, root: str, errors: dict[str, str], sizes: dict[str, Stat]) -> None:
        super().__init__(root, cwd="/")
        self.errors, self.sizes = errors, sizes

    def error_at(self, path: str) -> str | None:
        for prefix, error in self.errors.items():
            if path.startswith(prefix):
                return error
        return super().error_at(path)

    def statvfs(self, path: str) -> Stat | None:
        return next((stat for prefix, stat in self.sizes.items() if path.startswith(prefix)), None)


class TestMountsThatDoNotAnswer:
    def mounted(self, root: Path, error: str | None = None, stat: Stat | None = None) -> Host:
        tree(root, on("0:50", "nfs4", "nas:/models"))
        return Mounted(str(root), {"/data": error} if error else {}, {"/data": stat} if stat else {})

    @pytest.mark.parametrize("error", ["ESTALE", "ENOTCONN", "EIO"])
    def test_dead_mount_is_not_taken_for_its_parents_disk(self, tmp_path: Path, error: str) -> None:
        found, reading = at(self.mounted(tmp_path, error))
        assert (found.mount_point, found.kind, found.size, found.free) == ("/data", "network", None, None)
        (problem,) = reading.problems
        assert problem.code == "dead-mount"
        assert "/data (nas:/models), which contains /data/models" in problem.message

    def test_denied_is_another_problem(self, tmp_path: Path) -> None:
        found, reading = at(self.mounted(tmp_path, "EACCES"))
        assert (found.mount_point, found.free) == ("/data", None)
        assert [problem.code for problem in reading.problems] == ["unreadable-path"]
        assert "permission denied" in reading.problems[0].message

    def test_sizes_are_told_with_their_source(self, tmp_path: Path) -> None:
        found, reading = at(self.mounted(tmp_path, stat=Stat(1000, 400, True)))
        assert (found.size, found.free, found.read_only) == (1000, 400, True)
        assert "quotas" in reading.sources["disks.2.free"]

    @pytest.mark.parametrize(("size", "free"), [(0, 0), (1000, 2**63)])
    def test_nonsense_is_unknown_and_never_zero(self, tmp_path: Path, size: int, free: int) -> None:
        found, _ = at(self.mounted(tmp_path, stat=Stat(size, free, False)))
        assert (found.size, found.free) == (size or None, None)

    def test_full_disk_has_no_byte_free(self, tmp_path: Path) -> None:
        assert at(self.mounted(tmp_path, stat=Stat(1000, 0, False)))[0].free == 0

    def test_what_is_known_is_told_before_a_network_mount_is_asked(self, tmp_path: Path) -> None:
        where = self.mounted(tmp_path)
        first = next(iter(disk.probe(where, Request(path="/data/models"))))
        assert first.disks is not None
        assert [each.mount_point for each in first.disks] == ["/", "/", "/data"]
        assert first.disks[2].kind == "network"


class TestMeasuring:
    @pytest.fixture
    def large(self, tmp_path: Path) -> Path:
        path = tmp_path / "hub" / "models--a" / "blobs" / "0123"
        path.parent.mkdir(parents=True)
        path.write_bytes(os.urandom(2**20) * 65)
        return path

    def test_file_of_the_model_cache(self, large: Path, tmp_path: Path) -> None:
        before = large.stat()
        where = Host(environ={"HF_HOME": str(tmp_path)}, cwd="/")
        reading = ask(disk, where, Request(measure=("disk",)))
        assert reading.disks is not None
        if reading.disks[0].read_bytes_per_second is None:
            assert [problem.code for problem in reading.problems] == ["not-measured"]
            pytest.skip(f"cannot be measured here: {reading.problems[0].message}")
        assert reading.disks[0].read_bytes_per_second > 1e6
        assert "page cache bypassed" in reading.sources["disks.0.read_bytes_per_second"]
        assert (before.st_mtime_ns, before.st_size) == (large.stat().st_mtime_ns, large.stat().st_size)

    def test_named_file(self, large: Path, tmp_path: Path) -> None:
        where = Host(environ={"HF_HOME": str(tmp_path / "none")}, cwd="/")
        found, reading = at(where, str(large), ("disk",))
        assert found.read_bytes_per_second or reading.problems[0].code == "not-measured"

    def test_nothing_is_measured_unasked(self, large: Path, tmp_path: Path) -> None:
        assert at(Host(environ={"HF_HOME": str(tmp_path)}, cwd="/"), str(large))[0].read_bytes_per_second is None

    def test_no_large_file_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "small").write_bytes(b"x")
        where = Host(environ={"HF_HOME": str(tmp_path)}, cwd="/")
        found, reading = at(where, str(tmp_path / "small"), ("disk",))
        assert found.read_bytes_per_second is None
        assert [problem.code for problem in reading.problems] == ["not-measured"]

    def test_memory_is_not_measured(self) -> None:
        shm = Path("/dev/shm")
        if not any(line.split()[4] == str(shm) for line in Path("/proc/self/mountinfo").read_text().splitlines()):
            pytest.skip("/dev/shm is not mounted here")
        file = shm / f"llmcheck-test-{os.getpid()}"
        file.write_bytes(bytes(65 * 2**20))
        try:
            found, reading = at(Host(environ={"HF_HOME": "/nowhere"}, cwd="/"), str(file), ("disk",))
        finally:
            file.unlink()
        assert found.read_bytes_per_second is None
        assert any("it is in memory" in problem.message for problem in reading.problems)
