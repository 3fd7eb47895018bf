"""Asks the real resolver, uv or pip, what an environment's install steps come to; needs the network, installs nothing.

The steps are resolved as they would be installed, one after another. What an earlier step chose is held while a later
one is resolved, as an installer keeps what is there and satisfies. Where that has no solution, only what was asked for
by name is held, for an installer does replace dependencies; where that has none either, the plan conflicts: it would
replace what it has just installed, and leave behind what was installed to go with it.

An environment that the plan makes is resolved as an empty one; an existing one with what is in it, so that only what
would change is told. Everything is written to a folder that is removed in the end, the resolvers' caches included.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from llmcheck import units
from llmcheck.install.resolver._pip import PipResolver
from llmcheck.install.resolver._uv import Uv
from llmcheck.install.resolver._values import Answer, Chosen, ResolverQuery, Status, TargetPython, Trouble
from llmcheck.install.resolver._words import plain
from llmcheck.install.resolver._work import QUESTION_SECONDS, Work
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
    """What the real resolver answers for one environment of a plan. Uses the network.

    ``python``: the interpreter that is there, for an environment that the plan makes. ``environ``: the variables of
    the resolver, where the user's own settings are; None takes this process's. ``measured``: bytes to download by
    ``name==version``, for a resolver that tells no sizes, as pip does not; of another platform perhaps, so about right.
    """
    with tempfile.TemporaryDirectory(prefix="llmcheck-", ignore_cleanup_errors=True) as folder:
        return _verify(environment, python, Work(folder, deadline_seconds, environ), measured or {})


def _verify(environment: Environment, python: str | None, work: Work, measured: Mapping[str, int]) -> Verification:
    resolver = "none"
    status: Status = "resolved"
    target: TargetPython | None = None
    packages: tuple[Resolved, ...] = ()
    try:
        steps = [_checked(step) for step in environment.steps if step.requirements]
        target = _target(environment, python, work)
        asked = _asker(environment, target, work)
        resolver = asked.title
        answer = _sized(_sequence(asked, steps, work), measured)
        packages = answer.packages
        message = _summary(answer, {} if target.fresh else asked.installed())
    except Trouble as trouble:
        status, message = trouble.status, trouble.message
    sizes = [package.size for package in packages if package.size is not None]
    return Verification(
        environment=environment.name,
        status=status,
        resolver=resolver,
        message=plain(message),
        packages=packages,
        download=sum(sizes) if status == "resolved" and len(sizes) == len(packages) else None,
        requires_python=target and (target.wanted or target.version),
    )


def _sized(answer: Answer, measured: Mapping[str, int]) -> Answer:
    """With the sizes that the resolver did not tell, as far as that very release was measured."""
    known = {each.name: measured.get(f"{normalized_name(each.name)}=={each.version}") for each in answer.packages}
    packages = (
        each if each.size is not None or known[each.name] is None else replace(each, size=known[each.name])
        for each in answer.packages
    )
    return answer._replace(packages=tuple(packages))


def _sequence(asked: Uv | PipResolver, steps: Sequence[Step], work: Work) -> Answer:
    """Every step on top of those before it; the last answer holds them all."""
    chosen: dict[str, Chosen] = {}
    named: dict[str, list[str]] = {}
    earlier: list[str] = []
    answer = Answer(())
    for number, step in enumerate(steps):
        before = [requirement for requirements in named.values() for requirement in requirements]
        requirements = tuple(dict.fromkeys([*before, *step.requirements]))
        folder = work.subfolder(f"step-{number}")
        question = ResolverQuery(step, requirements, chosen, tuple(earlier), folder)
        try:
            answer = asked.resolve(question)
        except Trouble as trouble:
            if trouble.status != "conflict" or not chosen:
                raise _explained(trouble, step) from None
            kept = {name: each for name, each in chosen.items() if name in named}
            answer = asked.resolve(question._replace(held=kept, folder=work.subfolder(f"step-{number}-again")))
        elsewhere = bool(step.index_url or step.extra_index_url)
        for package in answer.packages:
            known = chosen.get(normalized_name(package.name))
            if known is None or known.package.version != package.version:
                chosen[normalized_name(package.name)] = Chosen(package, elsewhere)
        for requirement in step.requirements:
            named.setdefault(normalized_name(name_of(requirement)), []).append(requirement)
        earlier += [url for url in (step.index_url, step.extra_index_url) if url and url not in earlier]
        # A package that is held by its address comes back without its size, which was told before.
        answer = answer._replace(
            packages=tuple(chosen[normalized_name(package.name)].package for package in answer.packages)
        )
    return answer


def _explained(trouble: Trouble, step: Step) -> Trouble:
    if trouble.status != "failed" or "--no-build-isolation" not in step.options:
        return trouble
    wanted = ", ".join(step.requirements)
    return Trouble("failed", f"{wanted} can only be resolved where what it builds with is installed: {trouble.message}")


def _summary(answer: Answer, before: Mapping[str, str]) -> str:
    packages = answer.packages
    if not packages:
        return "nothing is to be installed: what is asked for is there already"
    words = [f"{len(packages)} packages" if len(packages) > 1 else "1 package"]
    sizes = [package.size for package in packages if package.size is not None]
    if not sizes:
        words.append("size unknown")
    elif len(sizes) < len(packages):
        words.append(f"{units.format_gb(sum(sizes))} and {len(packages) - len(sizes)} of unknown size to download")
    built = [package.name for package in packages if package.source_build]
    if built:
        words.append(f"built here: {_few(built)}")
    replaced = [
        f"{package.name} {before[normalized_name(package.name)]} by {package.version}"
        for package in packages
        if before.get(normalized_name(package.name), package.version) != package.version
    ]
    if replaced:
        words.append(f"replaces {_few(replaced)}")
    if answer.unreachable:
        words.append(f"{answer.unreachable} could not be reached and was left out")
    return "; ".join(words)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _target(environment: Environment, python: str | None, work: Work) -> TargetPython:
    """The interpreter of an environment; for one that is not there yet, the one that it is made with."""
    fresh = environment.folder is not None
    path = python if fresh else environment.python or python
    if path is not None:
        path = os.path.abspath(path) if os.path.dirname(path) else work.which(path) or path
    version = _version(path, work)
    if not fresh and version is None:
        raise Trouble("failed", f"{path or 'the interpreter of the environment'} cannot be run")
    target = TargetPython(path, version, environment.python_version if fresh else version, fresh)
    return target._replace(wanted=version) if target.fits else target


def _version(path: str | None, work: Work) -> str | None:
    if path is None:
        return None
    with contextlib.suppress(Trouble):
        program = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
        said = work.run([path, "-I", "-S", "-c", program], seconds=QUESTION_SECONDS)
        if said.code == 0 and re.fullmatch(r"\d+\.\d+\.\d+", said.text.strip()):
            return said.text.strip()
    return None


def _asker(environment: Environment, target: TargetPython, work: Work) -> Uv | PipResolver:
    """The installer that the plan uses, whose settings and rules decide; the other where that one is not there."""
    program = work.which("uv")
    if program is not None and environment.installer == "uv":
        return Uv(program, target, work, stands_in=False)
    try:
        return PipResolver(target, work)
    except Trouble as trouble:
        if program is None:
            raise Trouble(trouble.status, f"{trouble.message}, and uv is not on PATH") from None
        return Uv(program, target, work, stands_in=True)


def _checked(step: Step) -> Step:
    """Raises Trouble for what is no requirement: it would be taken for an option, a second line or a variable."""
    from packaging.requirements import InvalidRequirement, Requirement  # 10 ms

    for text in step.requirements:
        try:
            Requirement(text)
        except InvalidRequirement:
            raise Trouble("failed", f"'{text}' is not a requirement") from None
        if "$" in text or not is_printable(text):
            raise Trouble("failed", f"'{text}' is not a plain requirement")
    return step
