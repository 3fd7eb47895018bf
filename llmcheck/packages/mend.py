"""The one command that mends a conflict, in the judged environment."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence

from llmcheck import shell
from llmcheck.packages.conflict import Conflict
from llmcheck.packages.environment import Environment, series
from llmcheck.packages.known import name_in
from llmcheck.packages.versions import holds, parts, surroundings
from llmcheck.schema.machine import version_numbers
from llmcheck.tables.torch_wheel import TorchWheel

_TORCH_FAMILY = ("torch", "torchvision", "torchaudio")
_INDEX = "https://download.pytorch.org/whl/"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[A-Za-z0-9,._-]+\])?[A-Za-z0-9.,<>=!~*+ -]*")
_PIP_OPTIONS = {"--force-reinstall": "--reinstall", "--ignore-installed": "--reinstall", "--no-cache-dir": "--no-cache"}
"""How uv names them."""


def command(
    conflict: Conflict, environment: Environment, wheels: Sequence[TorchWheel], changing: Container[str]
) -> str | None:
    """A shell line; None where nothing has to be installed, the environment is not known or must not be changed, or
    other installed packages exclude what would mend it. ``changing``: packages that other mends replace, so that what
    they need now does not count.
    """
    machine = environment.machine
    python = machine.software.python
    wants = [each.replace(" ", "") for each in conflict.wants if _PLAIN.fullmatch(each)]
    if python is None or python.externally_managed:
        return None
    windows = machine.os is not None and machine.os.system == "windows"
    kind = "powershell" if windows else "bash"
    removed = conflict.kind == "extension" and not _is_required(conflict.package, environment)
    if not removed and (not wants or any(_excluded(each, conflict.package, environment, changing) for each in wants)):
        return None
    arguments = [conflict.package] if removed else [*conflict.options, *_index(wants, environment, wheels), *wants]
    has_pip = "pip" in environment.versions
    if not has_pip and any(each.name == "uv" and each.path for each in machine.software.tools or ()):
        verb = ["uninstall"] if removed else ["install"]
        renamed = [_PIP_OPTIONS.get(each, each) for each in arguments]
        return shell.line(["uv", "pip", *verb, "--python", python.executable, *renamed], kind)
    verb = ["uninstall", "-y"] if removed else ["install"]
    line = shell.line([python.executable, "-m", "pip", *verb, *arguments], kind)
    if has_pip:
        return line
    first = shell.line([python.executable, "-m", "ensurepip", "--upgrade"], kind)
    return f"{first}{';' if windows else ' &&'} {line}"


def _is_required(package: str, environment: Environment) -> bool:
    return package in environment.needed_by


def _excluded(requirement: str, package: str, environment: Environment, changing: Container[str]) -> bool:
    """Whether another installed package accepts no version that this requirement allows."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # only a broken environment needs it

    name = name_in(requirement)
    wanted = requirement[len(name) :]
    variables = surroundings(environment.machine)
    for owner, line in environment.needed_by.get(name, ()):
        split = parts(line) if owner not in (package, name) and owner not in changing else None
        if split is None or not holds(split[3], variables, frozenset()):
            continue
        try:
            if SpecifierSet(f"{wanted},{split[2]}".strip(",")).is_unsatisfiable():
                return True
        except InvalidSpecifier:
            continue
    return False


def _index(wants: Sequence[str], environment: Environment, wheels: Sequence[TorchWheel]) -> list[str]:
    """The index of the build that is here, where the release that is wanted has that build and PyPI has it not."""
    build = environment.torch_build
    system = environment.machine.os.system if environment.machine.os is not None else "linux"
    if build is None or not any(name_in(each) in _TORCH_FAMILY for each in wants):
        return []
    torch = next((each for each in wants if name_in(each) == "torch"), None)
    wanted = series(re.sub(r"^[^0-9]*", "", torch)) if torch else series(environment.versions.get("torch", ""))
    rows = [each for each in wheels if version_numbers(each.torch) == wanted and system in each.systems]
    row = next((each for each in rows if each.tag == build), None)
    # A build for the same major release of CUDA runs with the same driver.
    if row is None or any(system in each.on_pypi and each.tag[:4] == build[:4] for each in rows):
        return []
    option = "--index-url" if all(name_in(each) in _TORCH_FAMILY for each in wants) else "--extra-index-url"
    return [option, row.index_url or f"{_INDEX}{build}"]
