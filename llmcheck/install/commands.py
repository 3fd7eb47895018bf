"""Requirements as commands of an environment's installer, with what they replace and how to undo it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from llmcheck import shell
from llmcheck.install.incompatibility import tool
from llmcheck.install.installed_packages import Change, InstalledPackages
from llmcheck.install.specifiers import name_of
from llmcheck.install.target import PlanOptions, Target
from llmcheck.schema.advice import Installer, Step
from llmcheck.schema.machine import Machine
from llmcheck.tables.library import Library

FORCE = "--force-reinstall"


class InstallRequest(NamedTuple):
    """What one command installs."""

    requirements: Sequence[str]
    """PEP 508."""
    reason: str
    index_url: str | None = None
    """The index instead of PyPI."""
    extra_index_url: str | None = None
    """An index beside PyPI."""
    options: Sequence[str] = ()
    """Further options of pip; uv's own spelling is made of them."""
    variables: Mapping[str, str] = {}
    requires: Sequence[str] = ()
    """Commands that have to be on PATH."""
    changes: Sequence[Change] = ()
    """Installed packages that it replaces, beyond those that the requirements exclude."""
    upgrades: Mapping[str, Sequence[Change]] = {}
    """Installed packages that it may replace for the sake of a library, by that library's name."""
    warnings: Sequence[str] = ()
    """What stays and may stop working."""


class InstallerCommands(NamedTuple):
    """The installer of one environment, and what that has already."""

    installer: Installer
    python: str
    options: PlanOptions
    installed: InstalledPackages = InstalledPackages()
    uv_is_inside: bool = False
    """uv is itself installed in that environment."""

    def step(self, request: InstallRequest) -> Step:
        """No installed package is replaced without a word: what the requirements exclude is among the changes."""
        argv = [*self._install(), *self._spelled(request.options, request.requirements), *request.requirements]
        argv += ["--index-url", request.index_url] if request.index_url else []
        argv += ["--extra-index-url", request.extra_index_url] if request.extra_index_url else []
        replaced = {each.name: each for each in (*self.installed.replaced_by(request.requirements), *request.changes)}
        upgrades = {
            library: [each for each in changes if each.name not in replaced]
            for library, changes in request.upgrades.items()
        }
        names = [*replaced, *(each.name for changes in upgrades.values() for each in changes)]
        upgraded = (_upgrades_in_words(*each) for each in upgrades.items() if each[1])
        return command_step(
            argv,
            request.reason,
            self.options,
            variables=request.variables,
            kind="install",
            requirements=tuple(request.requirements),
            index_url=request.index_url,
            extra_index_url=request.extra_index_url,
            options=tuple(request.options),
            requires=(*request.requires, *(["uv"] if self.installer == "uv" and not self.uv_is_inside else [])),
            changes=(*map(str, replaced.values()), *upgraded, *request.warnings),
            undo=self._undo(names, forced=FORCE in request.options) if names else None,
        )

    def _undo(self, names: Sequence[str], *, forced: bool) -> str:
        """The command that restores these packages."""
        pins = self.installed.rollback_requirements(names)
        options = [FORCE] if forced else []
        if self.installer == "uv" and "--extra-index-url" in pins:
            options += ["--index-strategy", "unsafe-best-match"]  # else uv takes every package that PyTorch's index has
        return shell.line([*self._install(), *self._spelled(options, names), *pins], self.options.shell)

    def _install(self) -> list[str]:
        if self.installer == "pip":
            return [self.python, "-m", "pip", "install"]
        uv = [self.python, "-m", "uv"] if self.uv_is_inside else ["uv"]
        return [*uv, "pip", "install", "--python", self.python]

    def _spelled(self, options: Sequence[str], requirements: Sequence[str]) -> list[str]:
        if self.installer == "pip" or FORCE not in options:
            return list(options)
        again = [f"--reinstall-package={name_of(each)}" for each in requirements]
        return [*again, *(option for option in options if option != FORCE)]


def command_step(
    argv: Sequence[str],
    reason: str,
    plan_options: PlanOptions,
    *,
    variables: Mapping[str, str] | None = None,
    **facts: Any,
) -> Step:
    """Raises DataError for an argument that no command line can carry."""
    line = shell.line(argv, plan_options.shell, variables)
    return Step(command=line, argv=tuple(argv), variables=dict(variables or {}), reason=reason, **facts)


def installer_commands(
    target: Target,
    members: Sequence[Library],
    machine: Machine,
    options: PlanOptions,
    installed: InstalledPackages,
) -> tuple[InstallerCommands, list[Step]]:
    """The installer of an environment, and the steps that bring it there."""
    needs_uv = any(library.installer == "uv" for library in members)
    has_uv = tool(machine, "uv") is True
    by_choice = options.installer == "uv" or (options.installer == "auto" and has_uv and not target.conda)
    if by_choice or (needs_uv and (has_uv or "uv" in target.requires)):
        return InstallerCommands("uv", target.python, options, installed), []
    steps = []
    pip = InstallerCommands("pip", target.python, options, installed)
    exists = target.folder is None and not target.conda
    if exists and machine.software.packages is not None and "pip" not in installed.packages:
        argv = [target.python, "-m", "ensurepip", "--upgrade"]
        steps.append(command_step(argv, "this environment has no pip", options, kind="environment"))
    if not needs_uv:
        return pip, steps
    reason = "pip needs more than an hour to resolve what comes next, uv half a minute"
    steps.append(pip.step(InstallRequest(["uv>=0.9"], reason)))
    return InstallerCommands("uv", target.python, options, installed, uv_is_inside=True), steps


def _upgrades_in_words(library: str, changes: Sequence[Change]) -> str:
    listed = ", ".join(f"{each.name} {each.version} ({each.reason})" for each in changes)
    return f"may be replaced, for {library} was last resolved with other releases: {listed}"
