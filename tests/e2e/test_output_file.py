"""Where --output and --save write: as a careful program does, whole or not at all."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from .command import Command, complaint

MACHINE = ("--machine", "RTX 4090, 64 GB RAM")
LIST = ("profiles", "list", "--format", "json")
SOMEBODY = 54321
posix = pytest.mark.skipif(os.name != "posix", reason="modes, links and owners of files")
as_root = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give files away")


def entries(command: Command) -> list[str]:
    return sorted(each.name for each in command.cwd.iterdir())


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o755])
def test_the_mode_of_a_file_stays(command: Command, mode: int) -> None:
    path = command.cwd / "out.json"
    path.write_text("old", encoding="utf-8")
    path.chmod(mode)
    assert command(*LIST, "--output", path).code == 0
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert path.read_bytes() == command(*LIST).raw


@posix
@pytest.mark.parametrize(("mask", "mode"), [("022", 0o644), ("077", 0o600), ("002", 0o664)])
def test_a_new_file_has_the_mode_of_the_users_mask(command: Command, mask: str, mode: int) -> None:
    done = command.shell(f'umask {mask}; exec "$@"', *LIST, "--output", "out.json")
    assert (done.code, done.raw, done.err) == (0, b"", "llmcheck: wrote out.json (json)\n")
    assert stat.S_IMODE((command.cwd / "out.json").stat().st_mode) == mode


@as_root
def test_a_file_stays_its_owners(command: Command) -> None:
    path = command.cwd / "out.json"
    path.write_text("old", encoding="utf-8")
    os.chown(path, SOMEBODY, SOMEBODY)
    assert command(*LIST, "--output", path).code == 0
    assert (path.stat().st_uid, path.stat().st_gid) == (SOMEBODY, SOMEBODY)


@posix
@pytest.mark.parametrize("there", [True, False])
def test_what_a_link_leads_to_is_written(command: Command, there: bool) -> None:
    target, link = command.home / "target.json", command.cwd / "link.json"
    if there:
        target.write_text("old", encoding="utf-8")
    link.symlink_to(target)
    assert command(*LIST, "--output", "link.json").code == 0
    assert os.readlink(link) == str(target)
    assert target.read_bytes() == command(*LIST).raw
    assert entries(command) == ["link.json"]


@posix
def test_a_link_to_itself_stays(command: Command) -> None:
    (command.cwd / "link.json").symlink_to("link.json")
    done = command(*LIST, "--output", "link.json")
    assert done.code == 2
    assert complaint(done).startswith("--output link.json: ")
    assert (command.cwd / "link.json").is_symlink()
    assert entries(command) == ["link.json"]


def _protected() -> bool:
    try:
        return Path("/proc/sys/fs/protected_symlinks").read_text(encoding="utf-8").strip() == "1"
    except OSError:
        return False


@as_root
@pytest.mark.skipif(not _protected(), reason="this kernel follows every link")
def test_a_link_that_another_user_left_in_a_shared_folder_is_not_followed(command: Command) -> None:
    target, link = command.home / "target.json", command.cwd / "link.json"
    target.write_text("mine", encoding="utf-8")
    link.symlink_to(target)
    os.lchown(link, SOMEBODY, SOMEBODY)
    command.cwd.chmod(0o1777)
    done = command(*LIST, "--output", "link.json")
    assert done.code == 2
    assert complaint(done) == "--output link.json: Permission denied; nothing was written"
    assert target.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("name", ["new/", "new.json/"])
def test_a_name_that_ends_as_a_folder_does_is_no_file(command: Command, name: str) -> None:
    done = command(*LIST, "--output", name)
    assert done.code == 2
    assert complaint(done) == f"--output {name}: this is the name of a folder; nothing was written"
    assert entries(command) == []


@posix
def test_what_does_not_fit_leaves_the_old_file(command: Command) -> None:
    (command.cwd / "out.json").write_text("old", encoding="utf-8")
    done = command.shell('ulimit -f 1; exec "$@"', *LIST, "--output", "out.json")
    assert done.code == 2
    assert complaint(done) == "--output out.json: File too large; nothing was written"
    assert (command.cwd / "out.json").read_text(encoding="utf-8") == "old"
    assert entries(command) == ["out.json"]


@pytest.mark.skipif(shutil.which("setpriv") is None or os.geteuid() != 0, reason="nothing is read-only to root")
def test_a_folder_that_may_not_be_written(command: Command) -> None:
    (command.cwd / "out.json").write_text("old", encoding="utf-8")
    (command.cwd / "out.json").chmod(0o666)
    script = 'exec setpriv --reuid 0 --regid 0 --clear-groups --inh-caps=-all --bounding-set=-all "$@"'
    os.chown(command.cwd, SOMEBODY, SOMEBODY)
    done = command.shell(script, *LIST, "--output", "out.json")
    assert done.code == 2
    assert complaint(done) == "--output out.json: Permission denied; nothing was written"
    assert (command.cwd / "out.json").read_text(encoding="utf-8") == "old"


def test_an_input_is_not_replaced(command: Command, profile: Callable[[str], Path]) -> None:
    saved = command.cwd / "m.json"
    assert command("machine", *MACHINE, "--save", "m.json").code == 0
    before = saved.read_bytes()
    for name in ("m.json", "./m.json", str(saved)):
        done = command("check", "minimum", "--machine", "m.json", "--output", name, "--format", "json")
        assert done.code == 2
        assert complaint(done) == f"--output {name}: this command reads that file; nothing was written"
    done = command("machine", "--machine", "m.json", "--save", saved)
    assert complaint(done) == f"--save {saved}: this command reads that file; nothing was written"
    assert saved.read_bytes() == before
    given = profile("ready")
    before = given.read_bytes()
    (command.cwd / "link.txt").symlink_to(given)
    done = command("check", given, *MACHINE, "--output", "link.txt")
    assert (done.code, given.read_bytes()) == (2, before)


@posix
@pytest.mark.parametrize("option", ["--output", "--save"])
def test_an_input_is_refused_before_anything_is_done(command: Command, option: str) -> None:
    """A file that cannot be read as what it is named for is not even opened: the line is about the two options."""
    (command.cwd / "m.json").write_text("no machine", encoding="utf-8")
    done = command("machine", "--machine", "m.json", option, "./m.json")
    assert done.code == 2
    assert complaint(done) == f"{option} ./m.json: this command reads that file; nothing was written"


def test_the_name_of_a_profile_is_a_fine_name_for_a_file(command: Command) -> None:
    for _ in range(2):
        assert command("check", "minimum", *MACHINE, "--output", "minimum").code == 0


def test_a_snapshot_and_the_answer_are_two_files(command: Command) -> None:
    done = command("machine", *MACHINE, "--save", "m.json", "--output", "./m.json")
    assert done.code == 2
    assert complaint(done).startswith("--save and --output both name m.json")
    assert entries(command) == []
