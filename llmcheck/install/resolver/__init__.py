"""Resolves the install steps of an environment with uv or pip. Uses the network and installs nothing.

The steps are resolved in the order in which they would be installed. While a step is resolved, the packages that
earlier steps chose are pinned, because an installer keeps an installed package that satisfies the requirements. If that
has no solution, only the packages that the steps name are pinned, because an installer may replace their dependencies.
If that has no solution either, the plan conflicts: one of its steps would replace what another has just installed.

A new environment is resolved as an empty one. An existing environment is resolved with its packages, and only changes
are reported. All files, the caches of the resolvers included, go to a temporary folder that is removed at the end.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from llmcheck import units
from llmcheck.install.resolver._pip import PipResolver
from llmcheck.install.resolver._text import plain
from llmcheck.install.resolver._types import (
    ChosenPackage,
    Resolution,
    ResolverError,
    ResolverQuery,
    Status,
    TargetPython,
)
from llmcheck.install.resolver._uv import Uv
from llmcheck.install.resolver._workspace import VERSION_SECONDS, Workspace, temporary_folder
from llmcheck.install.specifiers import name_of
from llmcheck.printable import is_printable
from llmcheck.schema.advice import Environment, Resolved, Step, Verification
from llmcheck.schema.machine import normalized_name


def verify(
    environment: Environment,
    python: str | None,
    deadline_seconds: float = 300,
    environ: Mapping[str, str] | None = None,
    measured: Mapping[str, int] | None = None,
) -> Verification:
    """Resolves one environment of a plan. Uses the network.

    ``python``: an existing interpreter, used for an environment that the plan creates. ``environ``: the environment
    variables of the resolver, which may hold the user's settings; None: those of this process. ``measured``: download
    sizes in bytes by ``name==version``, for a resolver that reports none, such as pip. They were measured on one
    platform, so on another they are approximate.
    """
    with temporary_folder() as folder:
        return _verify(environment, python, Workspace(folder, deadline_seconds, environ), measured or {})


def _verify(environment: Environment, python: str | None, work: Workspace, measured: Mapping[str, int]) -> Verification:
    resolver = "none"
    status: Status = "resolved"
    target: TargetPython | None = None
    packages: tuple[Resolved, ...] = ()
    try:
        steps = [_checked(step) for step in environment.steps if step.requirements]
        target = _target(environment, python, work)
        chosen = _resolver_for(environment, target, work)
        resolver = chosen.title
        resolution = _with_measured_sizes(_resolve_steps(chosen, steps, work), measured)
        packages = resolution.packages
        message = _summary(resolution, {} if target.fresh else chosen.installed())
    except ResolverError as error:
        status, message = error.status, error.message
    sizes = [package.size for package in packages if package.size is not None]
    return Verification(
        environment=environment.name,
        status=status,
        resolver=resolver,
        message=plain(message),
        packages=packages,
        download=sum(sizes) if status == "resolved" and len(sizes) == len(packages) else None,
        requires_python=target and (target.requested or target.version),
    )


def _with_measured_sizes(resolution: Resolution, measured: Mapping[str, int]) -> Resolution:
    """Adds measured sizes to packages whose size the resolver did not report."""
    known = {each.name: measured.get(f"{normalized_name(each.name)}=={each.version}") for each in resolution.packages}
    packages = (
        each if each.size is not None or known[each.name] is None else replace(each, size=known[each.name])
        for each in resolution.packages
    )
    return resolution._replace(packages=tuple(packages))


def _resolve_steps(resolver: Uv | PipResolver, steps: Sequence[Step], work: Workspace) -> Resolution:
    """Resolves each step together with those before it. The last resolution has the packages of all steps."""
    chosen: dict[str, ChosenPackage] = {}
    named: dict[str, list[str]] = {}
    earlier: list[str] = []
    resolution = Resolution(())
    for number, step in enumerate(steps):
        before = [requirement for requirements in named.values() for requirement in requirements]
        requirements = tuple(dict.fromkeys([*before, *step.requirements]))
        folder = work.subfolder(f"step-{number}")
        query = ResolverQuery(step, requirements, chosen, tuple(earlier), folder)
        try:
            resolution = resolver.resolve(query)
        except ResolverError as error:
            if error.status != "conflict" or not chosen:
                raise _with_cause(error, step) from None
            kept = {name: each for name, each in chosen.items() if name in named}
            resolution = resolver.resolve(query._replace(pinned=kept, folder=work.subfolder(f"step-{number}-again")))
        from_other_index = bool(step.index_url or step.extra_index_url)
        for package in resolution.packages:
            known = chosen.get(normalized_name(package.name))
            if known is None or known.package.version != package.version:
                chosen[normalized_name(package.name)] = ChosenPackage(package, from_other_index)
        for requirement in step.requirements:
            named.setdefault(normalized_name(name_of(requirement)), []).append(requirement)
        earlier += [url for url in (step.index_url, step.extra_index_url) if url and url not in earlier]
        # A package that is pinned by its URL comes back without its size, so take the first result for it.
        resolution = resolution._replace(
            packages=tuple(chosen[normalized_name(package.name)].package for package in resolution.packages)
        )
    return resolution


def _with_cause(error: ResolverError, step: Step) -> ResolverError:
    if error.status != "failed" or "--no-build-isolation" not in step.options:
        return error
    names = ", ".join(step.requirements)
    return ResolverError(
        "failed", f"{names} can only be resolved once its build requirements are installed: {error.message}"
    )


def _summary(resolution: Resolution, before: Mapping[str, str]) -> str:
    """``before``: versions that the environment has now, by normalised name."""
    packages = resolution.packages
    if not packages:
        return "nothing to install: every requirement is already satisfied"
    words = [f"{len(packages)} packages" if len(packages) > 1 else "1 package"]
    sizes = [package.size for package in packages if package.size is not None]
    if not sizes:
        words.append("size unknown")
    elif len(sizes) < len(packages):
        words.append(f"{units.format_gb(sum(sizes))} and {len(packages) - len(sizes)} of unknown size to download")
    built = [package.name for package in packages if package.source_build]
    if built:
        words.append(f"built here: {_first_names(built)}")
    replaced = [
        f"{package.name} {before[normalized_name(package.name)]} by {package.version}"
        for package in packages
        if before.get(normalized_name(package.name), package.version) != package.version
    ]
    if replaced:
        words.append(f"replaces {_first_names(replaced)}")
    if resolution.skipped_index:
        words.append(f"{resolution.skipped_index} could not be reached and was left out")
    return "; ".join(words)


def _first_names(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _target(environment: Environment, python: str | None, work: Workspace) -> TargetPython:
    """The interpreter of an environment; for a new one, the interpreter that creates it."""
    fresh = environment.folder is not None
    path = python if fresh else environment.python or python
    if path is not None:
        path = os.path.abspath(path) if os.path.dirname(path) else work.which(path) or path
    version = _version(path, work)
    if not fresh and version is None:
        raise ResolverError("failed", f"{path or 'the interpreter of the environment'} cannot be run")
    target = TargetPython(path, version, environment.python_version if fresh else version, fresh)
    return target._replace(requested=version) if target.matches else target


def _version(path: str | None, work: Workspace) -> str | None:
    if path is None:
        return None
    with contextlib.suppress(ResolverError):
        program = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
        result = work.run([path, "-I", "-S", "-c", program], seconds=VERSION_SECONDS)
        if result.exit_code == 0 and re.fullmatch(r"\d+\.\d+\.\d+", result.output.strip()):
            return result.output.strip()
    return None


def _resolver_for(environment: Environment, target: TargetPython, work: Workspace) -> Uv | PipResolver:
    """The installer that the plan uses; the other one where that is not available."""
    program = work.which("uv")
    if program is not None and environment.installer == "uv":
        return Uv(program, target, work, for_pip=False)
    try:
        return PipResolver(target, work)
    except ResolverError as error:
        if program is None:
            raise ResolverError(error.status, f"{error.message}, and uv is not on PATH") from None
        return Uv(program, target, work, for_pip=True)


def _checked(step: Step) -> Step:
    """Raises ResolverError for text that a resolver would read as an option, a second line or a variable."""
    from packaging.requirements import InvalidRequirement, Requirement  # 10 ms

    for text in step.requirements:
        try:
            Requirement(text)
        except InvalidRequirement:
            raise ResolverError("failed", f"'{text}' is not a requirement") from None
        if "$" in text or not is_printable(text):
            raise ResolverError("failed", f"'{text}' is not a plain requirement")
    return step
