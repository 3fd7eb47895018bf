"""The wheel, built from this tree and installed into a new environment, run from another folder. Uses no network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from llmcheck.catalog import compiled

from .command import Command
from .conftest import ROOT

# One worker builds the wheel and runs all of these.
pytestmark = pytest.mark.xdist_group("wheel")

_NOT_INHERITED = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PIP_REQUIRE_VIRTUALENV", "PIP_USER", "PIP_TARGET")


@dataclass(frozen=True)
class Installed:
    wheel: Path
    python: Path
    script: Path

    @property
    def files(self) -> set[str]:
        with zipfile.ZipFile(self.wheel) as archive:
            return set(archive.namelist())


def dependencies(name: str) -> Iterator[metadata.Distribution]:
    """The distributions of this environment that one needs at run time, its own dependencies and theirs."""
    for line in metadata.requires(name) or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield metadata.distribution(requirement.name)
            yield from dependencies(requirement.name)


def copy_files(distribution: metadata.Distribution, packages: Path) -> None:
    """What pip recorded of a distribution, except its scripts."""
    for file in distribution.files or ():
        if ".." not in file.parts and file.suffix != ".pyc":
            (packages / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.locate(), packages / file)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Dependencies are copied from the environment of the tests; pip installs the wheel and checks what it requires."""
    folder = tmp_path_factory.mktemp("wheel")
    venv.create(folder / "venv", with_pip=False)
    scripts = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    env = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}

    def run(program: str | Path, *words: str | Path) -> str:
        done = subprocess.run(
            [str(program), *map(str, words)],
            capture_output=True,
            text=True,
            env={**env, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
            cwd=folder,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-build-isolation", "--no-deps", "--wheel-dir", folder, ROOT)
    (wheel,) = folder.glob("*.whl")
    packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"))
    for distribution in dependencies("llmcheck"):
        copy_files(distribution, packages)
    run(*pip, "install", "-q", "--no-deps", wheel)
    return Installed(wheel, python, scripts / "llmcheck")


PROFILES = ("profiles/*.toml", "profiles/nodes/*.toml")


def in_tree(*patterns: str) -> set[str]:
    return {path.relative_to(ROOT).as_posix() for pattern in patterns for path in ROOT.glob(pattern)}


def test_wheel_holds_the_package_its_data_and_nothing_else(installed: Installed) -> None:
    info = f"{'-'.join(installed.wheel.name.split('-')[:2])}.dist-info/"
    package = {name for name in installed.files if not name.startswith(info)}
    code = in_tree("llmcheck/**/*.py", "llmcheck/py.typed")
    profiles = {f"llmcheck/{name}" for name in in_tree(*PROFILES)}
    assert len(profiles) >= 9
    assert package == code | profiles | {"llmcheck/data/tables.msgpack"}
    assert {f"{info}METADATA", f"{info}entry_points.txt", f"{info}licenses/LICENSE", f"{info}licenses/NOTICE"} <= (
        installed.files
    )


def test_wheel_is_for_every_platform(installed: Installed) -> None:
    assert installed.wheel.name.endswith("-py3-none-any.whl")


def test_metadata_agrees_with_the_program(installed: Installed, command: Command) -> None:
    query = "from importlib.metadata import version; print(version('llmcheck'))"
    version = command("-c", query, program=(installed.python,)).out.strip()
    assert command("--version", program=(installed.script,)).out == f"llmcheck {version}\n"
    assert command("-m", "llmcheck", "--version", program=(installed.python,)).out == f"llmcheck {version}\n"


def test_installed_code_is_the_wheels(installed: Installed, command: Command) -> None:
    where = command("-c", "import llmcheck; print(llmcheck.__file__)", program=(installed.python,)).out
    assert where.startswith(str(installed.python.parents[1]))


def test_profiles_and_libraries_are_those_of_the_tree(installed: Installed, command: Command) -> None:
    for words in ("profiles list --format json", "libraries list --format json", "profiles schema"):
        wheel = command(*words.split(), program=(installed.script,))
        assert (wheel.code, wheel.err) == (0, "")
        assert wheel.document == command(*words.split()).document
    listed = command("profiles", "list", "--format", "json", program=(installed.script,)).document["profiles"]
    assert {each["id"] for each in listed} == {Path(name).stem for name in in_tree(*PROFILES)}
    assert command("profiles", "show", listed[-1]["id"], program=(installed.script,)).code == 0


def test_its_tables_are_compiled_from_the_files_of_the_tree(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as archive:
        checksums = compiled.sources_of(archive.read("llmcheck/data/tables.msgpack"))
    assert checksums == {
        **{
            path.relative_to(ROOT / "llmcheck").as_posix(): zlib.crc32(path.read_bytes())
            for path in ROOT.glob("llmcheck/data/**/*.*")
        },
        **{name: zlib.crc32((ROOT / name).read_bytes()) for name in in_tree(*PROFILES)},
    }


@pytest.mark.parametrize(
    "words", [(), ("check", "toolkit"), ("install", "vllm"), ("libraries", "list"), ("models", "list")]
)
def test_an_installed_command_reads_no_toml_and_no_csv(
    installed: Installed, command: Command, words: tuple[str, ...]
) -> None:
    done = command("-X", "importtime", "-m", "llmcheck", *words, program=(installed.python,))
    imported = {line.rpartition("|")[2].strip() for line in done.err.splitlines()}
    assert "llmcheck.catalog.compiled" in imported
    assert not {"tomllib", "csv", "llmcheck.catalog.sources"} & imported


def test_a_wheel_from_the_source_distribution_is_the_same(installed: Installed, tmp_path: Path) -> None:
    words = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--outdir",
        str(tmp_path),
        str(ROOT),
    ]  # the wheel is built from the sdist
    env = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    done = subprocess.run(words, capture_output=True, text=True, env=env, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as ours, zipfile.ZipFile(installed.wheel) as other:
        assert set(ours.namelist()) == set(other.namelist())
        assert ours.read("llmcheck/data/tables.msgpack") == other.read("llmcheck/data/tables.msgpack")


def test_check_from_another_folder(installed: Installed, command: Command) -> None:
    done = command("check", "inference-7b", "--format", "json", program=(installed.script,))
    assert (done.code, done.err) == (done.document["exit_code"], "")
    python = done.document["machine"]["software"]["python"]
    assert python["executable"] == str(installed.python)
    assert python["environment"] == "venv"
    packages = {each["name"] for each in done.document["machine"]["software"]["packages"]}
    assert {"llmcheck", "click", "rich", "msgspec"} <= packages
    assert "pytest" not in packages


def test_overview_and_gate_run(installed: Installed, command: Command) -> None:
    bare = command(program=(installed.script,))
    assert (bare.code, bare.err) == (0, "")
    assert "inference-7b" in bare.out
    words = ("check", "inference-7b", "--only", "ram", "--format", "json")
    wheel, tree = command(*words, program=(installed.script,)), command(*words)
    assert wheel.document["profiles"] == tree.document["profiles"]


def test_no_dependency_is_missing_or_in_conflict(installed: Installed, command: Command) -> None:
    done = command("-m", "pip", "--python", installed.python, "check", program=(sys.executable,))
    assert done.code == 0, done.out + done.err


def test_typed_and_importable(installed: Installed, command: Command) -> None:
    program = "from llmcheck import api; print(len(api.profiles().profiles), type(api.start_inspection()()).__name__)"
    done = command("-c", program, program=(installed.python,))
    assert (done.code, done.err) == (0, "")
    assert done.out.split() == [str(len(in_tree(*PROFILES))), "Machine"]
    assert sys.version_info >= (3, 11)
