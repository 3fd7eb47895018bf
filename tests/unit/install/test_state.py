"""Which libraries an environment has, and in which state."""

from __future__ import annotations

from msgspec.structs import replace

from llmcheck import catalog
from llmcheck.install.state import library_check
from llmcheck.schema.machine import Machine, Software
from llmcheck.schema.responses import LibraryState
from tests.machines_builder import machine, packages

LIBRARIES = catalog.libraries()


def states(where: Machine, *names: str) -> dict[str, LibraryState]:
    found = library_check([LIBRARIES[name] for name in names], where, named=True)
    return {each.id: each for each in found.libraries}


def code(where: Machine, *names: str, named: bool = True) -> int:
    return library_check([LIBRARIES[name] for name in names], where, named=named).exit_code


def machine_with(importable: tuple[str, ...] | None = None, **versions: str) -> Machine:
    where = machine(software=packages(**versions))
    return replace(where, software=replace(where.software, importable=importable))


def test_installed_outdated_and_missing_are_distinguished() -> None:
    newest = LIBRARIES["transformers"].version or ""
    found = states(machine_with(transformers=newest, peft="0.1.0"), "transformers", "peft", "wandb")
    assert [each.state for each in found.values()] == ["installed", "outdated", "missing"]
    assert found["peft"].version == "0.1.0"
    assert found["peft"].newest == LIBRARIES["peft"].version


def test_a_local_build_is_not_older_than_its_release() -> None:
    newest = LIBRARIES["torch"].version or ""
    assert states(machine_with(torch=f"{newest}+cu132"), "torch")["torch"].state == "installed"


def test_a_listed_package_that_would_not_import_is_broken() -> None:
    newest = LIBRARIES["transformers"].version or ""
    found = states(machine_with(("peft",), transformers=newest, peft="99"), "transformers", "peft")
    assert (found["transformers"].state, found["transformers"].importable) == ("broken", False)
    assert (found["peft"].state, found["peft"].importable) == ("installed", True)


def test_files_that_were_not_checked_are_not_called_broken() -> None:
    assert states(machine_with(peft="99"), "peft")["peft"].importable is None


def test_an_invalid_version_is_not_called_outdated() -> None:
    assert states(machine_with(peft="weird"), "peft")["peft"].state == "installed"


def test_a_program_on_path_is_installed() -> None:
    assert states(machine(present=["llama-server"]), "llama-cpp")["llama-cpp"].state == "installed"


def test_an_environment_that_could_not_be_read_is_unknown() -> None:
    where = Machine(software=Software())
    assert states(where, "peft")["peft"].state == "unknown"
    assert code(where, "peft") == 3


def test_the_named_libraries_decide_the_exit_code() -> None:
    where = machine_with(peft="0.1.0")
    assert code(where, "peft") == 0
    assert code(where, "peft", "wandb") == 1
    assert code(where, "peft", "wandb", named=False) == 0
