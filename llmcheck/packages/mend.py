"""The one command that mends a conflict, in the judged environment."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmcheck import shell
from llmcheck.packages.conflict import Conflict
from llmcheck.packages.environment import Environment, series
from llmcheck.packages.known import name_in
from llmcheck.schema.machine import version_numbers
from llmcheck.tables.torch_wheel import TorchWheel

_TORCH_FAMILY = ("torch", "torchvision", "torchaudio")
_INDEX = "https://download.pytorch.org/whl/"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[A-Za-z0-9,._-]+\])?[A-Za-z0-9.,<>=!~*+ -]*")
_PIP_OPTIONS = {"--force-reinstall": "--reinstall", "--ignore-installed": "--reinstall", "--no-cache-dir": "--no-cache"}
"""How uv names them."""


def command(conflict: Conflict, environment: Environment, wheels: Sequence[TorchWheel]) -> str | None:
    """A shell line; None where nothing has to be installed, or the environment is not known."""
    machine = environment.machine
    python = machine.software.python
    wants = [each.replace(" ", "") for each in conflict.wants if _PLAIN.fullmatch(each)]
    if not wants or python is None:
        return None
    if python.externally_managed:
        return None
    windows = machine.os is not None and machine.os.system == "windows"
    kind = "powershell" if windows else "bash"
    options = [*conflict.options, *_index(wants, environment, wheels)]
    has_pip = "pip" in environment.versions
    has_uv = any(each.name == "uv" and each.path for each in machine.software.tools or ())
    if not has_pip and has_uv:
        renamed = [_PIP_OPTIONS.get(each, each) for each in options]
        return shell.line(["uv", "pip", "install", "--python", python.executable, *renamed, *wants], kind)
    install = shell.line([python.executable, "-m", "pip", "install", *options, *wants], kind)
    if has_pip:
        return install
    first = shell.line([python.executable, "-m", "ensurepip", "--upgrade"], kind)
    return f"{first}{';' if windows else ' &&'} {install}"


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
