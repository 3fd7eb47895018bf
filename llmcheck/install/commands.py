"""Writes requirements as pip or uv commands, with the packages that they replace and the command that undoes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from llmcheck import shell
from llmcheck.install.incompatibility import tool
from llmcheck.install.installed_packages import Change, InstalledPackages
from llmcheck.install.kept import Break, breaks
from llmcheck.install.specifiers import name_of, specifier_of
from llmcheck.install.target import PlanOptions, Target
from llmcheck.schema.advice import Installer, Step
from llmcheck.schema.machine import Machine, normalized_name
from llmcheck.tables.library import Library

FORCE = "--force-reinstall"
NO_CACHE = "--no-cache-dir"
"""pip stores a wheel that it compiled under the name and version alone, whatever flags it was compiled with."""


class InstallRequest(Struct, frozen=True):
    """The input of one install command."""

    requirements: Sequence[str]
    """PEP 508."""
    reason: str
    index_url: str | None = None
    """A package index that replaces PyPI."""
    extra_index_url: str | None = None
    """A package index in addition to PyPI."""
    options: Sequence[str] = ()
    """Further options in pip's spelling; they are translated for uv."""
    variables: Mapping[str, str] = {}
    requires: Sequence[str] = ()
    """Programs that have to be on PATH."""
    changes: Sequence[Change] = ()
    """Installed packages that it replaces, in addition to those that the requirements exclude."""
    upgrades: Mapping[str, Sequence[Change]] = {}
    """Installed packages that a library may replace, by the name of the library."""
    newest: Mapping[str, str] = {}
    """The version that an installer takes of a package, by name, where it is not the newest of all."""
    warnings: Sequence[str] = ()
    """Notes on packages that stay but may stop working."""


class InstallerCommands(Struct, frozen=True):
    """The installer of one environment, and the packages that are installed there."""

    installer: Installer
    python: str
    options: PlanOptions
    installed: InstalledPackages = InstalledPackages()
    uv_is_inside: bool = False
    """uv is installed in that environment, not on PATH."""

    def step(self, request: InstallRequest) -> Step:
        """The install step. Its changes name every installed package that it replaces."""
        argv = [*self._install(), *self._translated(request.options, request.requirements), *request.requirements]
        argv += ["--index-url", request.index_url] if request.index_url else []
        argv += ["--extra-index-url", request.extra_index_url] if request.extra_index_url else []
        replaced = {each.name: each for each in (*self.installed.replaced_by(request.requirements), *request.changes)}
        upgrades = {
            library: [each for each in changes if each.name not in replaced]
            for library, changes in request.upgrades.items()
        }
        possible = {each.name: f"=={each.reason}" for changes in upgrades.values() for each in changes}
        broken = list(self._breaks(request, replaced, possible))
        names = [*replaced, *(each.name for changes in upgrades.values() for each in changes)]
        lost = [
            f"{each} is on no package index: no command restores it" for each in self.installed.not_restorable(names)
        ]
        upgraded = (_upgrade_note(*each) for each in upgrades.items() if each[1])
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
            changes=(
                *map(str, replaced.values()),
                *map(str, broken),
                *upgraded,
                *self._warnings(request, broken),
                *lost,
            ),
            replaces=tuple(names),
            breaks=tuple(f"{each.package} {each.version}" for each in broken),
            undo=self._undo(names, forced=FORCE in request.options) if names and not lost else None,
        )

    def _breaks(
        self, request: InstallRequest, replaced: Mapping[str, Change], possible: Mapping[str, str]
    ) -> Iterator[Break]:
        """Installed packages that stay and need another version than a replaced package gets.

        ``possible``: versions by name that packages may get.
        """
        named = {normalized_name(name_of(each)): specifier_of(each) for each in request.requirements}
        changed = {name: named.get(name) or each.gets for name, each in replaced.items()}
        named |= dict.fromkeys(possible, "")
        newest = {**self.installed.newest, **request.newest}
        return breaks({**possible, **changed}, self.installed.needs, named, newest, possible)

    def _warnings(self, request: InstallRequest, broken: Sequence[Break]) -> list[str]:
        """Without those on packages that are known to stop working."""
        names = tuple(f"{each.package} " for each in broken)
        return [each for each in request.warnings if not each.startswith(names or ("\n",))]

    def already_there(self, requirements: Sequence[str]) -> list[str]:
        """The command that fails unless these are installed; it changes nothing and asks no index."""
        offline = ["--offline"] if self.installer == "uv" else []
        return [*self._install(), "--dry-run", "--no-index", "--no-deps", *offline, *requirements]

    def uninstall(self, name: str) -> list[str]:
        """The command that removes one copy of a package."""
        if self.installer == "pip":
            return [self.python, "-m", "pip", "uninstall", "--yes", name]
        uv = [self.python, "-m", "uv"] if self.uv_is_inside else ["uv"]
        return [*uv, "pip", "uninstall", "--python", self.python, name]

    def _undo(self, names: Sequence[str], *, forced: bool) -> str:
        """The command that restores these packages."""
        pins = self.installed.rollback_requirements(names)
        options = [FORCE] if forced else []
        if self.installer == "uv" and "--extra-index-url" in pins:
            options += [
                "--index-strategy",
                "unsafe-best-match",
            ]  # otherwise uv installs any package that PyTorch's index has from there
        return shell.line([*self._install(), *self._translated(options, names), *pins], self.options.shell)

    def _install(self) -> list[str]:
        if self.installer == "pip":
            return [self.python, "-m", "pip", "install"]
        uv = [self.python, "-m", "uv"] if self.uv_is_inside else ["uv"]
        return [*uv, "pip", "install", "--python", self.python]

    def _translated(self, options: Sequence[str], requirements: Sequence[str]) -> list[str]:
        if self.installer == "pip":
            return list(options)
        again = [f"--reinstall-package={name_of(each)}" for each in requirements] if FORCE in options else []
        kept = ["--no-cache" if option == NO_CACHE else option for option in options if option != FORCE]
        return [*again, *kept]


def command_step(
    argv: Sequence[str],
    reason: str,
    plan_options: PlanOptions,
    *,
    variables: Mapping[str, str] | None = None,
    **facts: Any,
) -> Step:
    """A step with its shell command. Raises DataError for an argument that cannot be quoted."""
    line = shell.line(argv, plan_options.shell, variables)
    return Step(command=line, argv=tuple(argv), variables=dict(variables or {}), reason=reason, **facts)


def installer_commands(
    target: Target,
    members: Sequence[Library],
    machine: Machine,
    options: PlanOptions,
    installed: InstalledPackages,
) -> tuple[InstallerCommands, list[Step]]:
    """The installer of an environment, and the steps that install it first."""
    needs_uv = any(library.installer == "uv" for library in members)
    has_uv = tool(machine, "uv") is True
    uses_uv = options.installer == "uv" or (options.installer == "auto" and has_uv and not target.conda)
    if uses_uv or (needs_uv and (has_uv or "uv" in target.requires)):
        return InstallerCommands("uv", target.python, options, installed), []
    steps = []
    pip = InstallerCommands("pip", target.python, options, installed)
    exists = target.folder is None and not target.conda
    if exists and machine.software.packages is not None and "pip" not in installed.packages:
        argv = [target.python, "-m", "ensurepip", "--upgrade"]
        steps.append(command_step(argv, "this environment has no pip", options, kind="environment"))
    if not needs_uv:
        return pip, steps
    reason = "pip needs more than an hour to resolve the next step, uv half a minute"
    steps.append(pip.step(InstallRequest(["uv>=0.9"], reason)))
    return InstallerCommands("uv", target.python, options, installed, uv_is_inside=True), steps


def _upgrade_note(library: str, changes: Sequence[Change]) -> str:
    listed = ", ".join(f"{each.name} {each.version} ({each.reason})" for each in changes)
    return f"may be replaced, because {library} was last resolved with other releases: {listed}"
