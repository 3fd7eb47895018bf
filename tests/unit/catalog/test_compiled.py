"""The compiled tables, in copies of the package: as a wheel installs it, and as a checkout with such a file has it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from llmcheck.catalog import compiled, places, sources

COMPILED = sources.compile_all()
TABLES = """\
import sys
from llmcheck import catalog
from llmcheck.catalog import profiles
names = ("libraries", "aliases", "system_steps", "resolutions", "torch_wheels", "cuda_drivers", "models", "corrections",
         "offers", "gpu_specs", "listed_models", "evaluations", "quantisation_losses", "datasets", "resources",
         "duties", "grid_intensities", "pues", "table_dates")
for name in names:
    value = getattr(catalog, name)()
    print(name, dict(value) if isinstance(value, dict) else value)
print("profiles", profiles.shipped())
print("read from text:", sorted({"csv", "tomllib", "llmcheck.catalog.sources"} & set(sys.modules)))
"""


class Copy:
    """A copy of the package with the compiled file, run by its own interpreter process."""

    def __init__(self, folder: Path, *, with_sources: bool) -> None:
        self.folder = folder
        left_out = () if with_sources else ("*.toml", "*.csv", "*.json")
        shutil.copytree(places.PACKAGE, folder / "llmcheck", ignore=shutil.ignore_patterns("__pycache__", *left_out))
        shutil.copytree(places.profile_folder(), folder / "llmcheck" / "profiles")
        self.compiled = folder / "llmcheck" / "data" / "tables.msgpack"
        self.compiled.write_bytes(COMPILED)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        env = {"PYTHONPATH": str(self.folder), "PATH": os.defpath, "LANG": "C.UTF-8", "HOME": str(self.folder)}
        return subprocess.run(
            [sys.executable, *words], capture_output=True, text=True, env=env, cwd=self.folder, timeout=120, check=False
        )

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.folder / "llmcheck" / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def installed(tmp_path: Path) -> Copy:
    return Copy(tmp_path, with_sources=False)


@pytest.fixture
def checkout(tmp_path: Path) -> Copy:
    return Copy(tmp_path, with_sources=True)


def test_the_compiled_tables_are_those_of_the_sources(installed: Copy) -> None:
    from_file = installed.run("-c", TABLES).stdout.splitlines()
    from_sources = subprocess.run(
        [sys.executable, "-c", TABLES], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert from_file[:-1] == from_sources[:-1]
    assert len(from_file) == 21
    assert from_file[-1] == "read from text: []"
    assert from_sources[-1] == "read from text: ['csv', 'llmcheck.catalog.sources', 'tomllib']"


def test_the_same_sources_compile_to_the_same_bytes() -> None:
    assert sources.compile_all() == COMPILED


def test_an_edited_table_of_a_checkout_counts_at_once(checkout: Copy) -> None:
    words = ("-m", "llmcheck", "libraries", "show", "peft")
    before = checkout.run(*words).stdout
    checkout.edit("data/libraries.toml", 'name = "PEFT"', 'name = "Edited"')
    after = checkout.run(*words).stdout
    assert ("PEFT" in before, "Edited" in before) == (True, False)
    assert "Edited" in after


def test_an_edited_profile_counts_at_once(installed: Copy) -> None:
    words = ("-m", "llmcheck", "profiles", "show", "minimum")
    assert "Edited" not in installed.run(*words).stdout
    installed.edit("profiles/minimum.toml", 'title = "', 'title = "Edited ')
    assert "Edited" in installed.run(*words).stdout


def test_a_profile_beside_the_compiled_ones_is_read(installed: Copy) -> None:
    profiles = installed.folder / "llmcheck" / "profiles"
    text = (profiles / "minimum.toml").read_text(encoding="utf-8").replace('id = "minimum"', 'id = "our-own"', 1)
    (profiles / "our-own.toml").write_text(text, encoding="utf-8")
    assert installed.run("-m", "llmcheck", "profiles", "show", "our-own").returncode == 0


def _truncated(path: Path) -> None:
    path.write_bytes(COMPILED[: len(COMPILED) // 2])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _noise(path: Path) -> None:
    path.write_bytes(b"\xc1\xff\x00" * 100)


def _other_version(path: Path) -> None:
    path.write_bytes(msgspec.msgpack.encode({**msgspec.msgpack.decode(COMPILED), "llmcheck": "0.0.1"}))


def _other_rows(path: Path) -> None:
    path.write_bytes(compiled.compiled({"libraries": ((), [{"id": "torch"}])}))


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = [_truncated, _empty, _noise, _other_version, _other_rows, _folder]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_compiled_file_is_one_line_where_nothing_else_can_be_read(
    installed: Copy, damage: Callable[[Path], None]
) -> None:
    damage(installed.compiled)
    done = installed.run("-m", "llmcheck", "libraries", "list")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert f"{installed.compiled}: not usable, install llmcheck again" in line


@pytest.mark.parametrize("damage", DAMAGES)
def test_with_a_damaged_compiled_file_a_checkout_reads_its_sources(
    checkout: Copy, damage: Callable[[Path], None]
) -> None:
    expected = checkout.run("-m", "llmcheck", "libraries", "list").stdout
    damage(checkout.compiled)
    done = checkout.run("-m", "llmcheck", "libraries", "list")
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")


def test_a_missing_compiled_file_without_sources_is_one_line(installed: Copy) -> None:
    installed.compiled.unlink()
    done = installed.run("-m", "llmcheck", "libraries", "list")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
