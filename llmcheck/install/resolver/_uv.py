"""uv as the resolver."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llmcheck.install.commands import NO_CACHE
from llmcheck.install.resolver._text import (
    ESCAPE,
    is_wheel,
    one_line,
    read,
    without_credentials,
    write,
)
from llmcheck.install.resolver._types import (
    ChosenPackage,
    ProcessResult,
    Resolution,
    ResolverError,
    ResolverQuery,
    TargetPython,
)
from llmcheck.install.resolver._unreachable import UV_UNREACHABLE, offline_message
from llmcheck.install.resolver._workspace import VERSION_SECONDS, Workspace, program_title
from llmcheck.schema.advice import Resolved, Step
from llmcheck.schema.machine import normalized_name

_CHANGE = re.compile(r"^ ([-+~]) (\S+?)==(\S+)", re.MULTILINE)


class Uv:
    """uv. It compiles a lock file for an empty environment; for an existing one it first reports what would change."""

    def __init__(self, program: str, target: TargetPython, work: Workspace, *, for_pip: bool) -> None:
        """``for_pip``: pip will install. It takes the best release of all indexes, uv by default that of the first."""
        self.program, self.target, self.work, self.for_pip = program, target, work, for_pip
        self.title = program_title("uv", work.run([program, "--version"], seconds=VERSION_SECONDS))
        self._replaced: dict[str, str] = {}

    def installed(self) -> Mapping[str, str]:
        """The versions that the last resolution would replace, by normalised name."""
        return self._replaced

    def resolve(self, query: ResolverQuery) -> Resolution:
        """Raises ResolverError."""
        constraints = os.path.join(query.folder, "constraints.txt")
        write(constraints, (_constraint(each) for each in query.pinned.values()))
        if self.target.fresh:
            return Resolution(self._compile(query, query.requirements, ["--constraints", constraints]))
        argv = [self.program, "pip", "install", "--dry-run", "--python", self.target.path or "python3"]
        argv += [*self._options(query.step), *_uv_options(query.step.options, installing=True)]
        result = self.work.run([*argv, "--constraints", constraints, *query.requirements], here=True)
        self._check(result, query.step)
        changes = _CHANGE.findall(ESCAPE.sub("", result.output))
        self._replaced = {normalized_name(name): version for sign, name, version in changes if sign == "-"}
        added = [(name, version) for sign, name, version in changes if sign in "+~"]
        if not added:
            return Resolution(())
        pinned = {normalized_name(name): each for name, each in query.pinned.items()}
        pins = [
            _constraint(pinned[normalized_name(name)])
            if normalized_name(name) in pinned and pinned[normalized_name(name)].package.version == version
            else f"{name}=={version}"
            for name, version in added
        ]
        return Resolution(self._compile(query, pins, ["--no-deps"]))

    def _compile(self, query: ResolverQuery, requirements: Iterable[str], more: Sequence[str]) -> tuple[Resolved, ...]:
        source, lock = (os.path.join(query.folder, name) for name in ("requirements.txt", "pylock.toml"))
        write(source, requirements)
        argv = [self.program, "pip", "compile", source, "--output-file", lock, "--format", "pylock.toml", "--no-header"]
        if self.target.path is not None and self.target.matches:
            argv += ["--python", self.target.path]
        elif self.target.requested is not None:
            argv += ["--python-version", self.target.requested]
        argv += [*self._options(query.step), *_uv_options(query.step.options, installing=False), *more]
        self._check(self.work.run(argv, here=True), query.step)
        return _locked_packages(read(lock))

    def _options(self, step: Step) -> list[str]:
        options = ["--color", "never", "--no-progress", "--no-python-downloads", "--cache-dir", self.work.cache]
        options += ["--index-url", step.index_url] if step.index_url else []
        options += ["--extra-index-url", step.extra_index_url] if step.extra_index_url else []
        return [*options, "--index-strategy", "unsafe-best-match"] if self.for_pip else options

    def _check(self, result: ProcessResult, step: Step) -> None:
        """Raises ResolverError if uv failed."""
        if result.exit_code == 0:
            return
        text = ESCAPE.sub("", result.output)
        if UV_UNREACHABLE.search(text):
            raise ResolverError("offline", offline_message(text, step))
        unsolved = re.search(r"No solution found when resolving [^\n]*(.*)", text, re.DOTALL)
        if unsolved:
            cause = re.split(r"\n\s*hint:", unsolved[1])[0]
            cause = re.sub(r"^[\s×╰─▶│]*(?:cause:)?|[│╰─▶×]", " ", cause)
            raise ResolverError("conflict", cause.strip() or "there is no solution")
        words = one_line(re.split(r"^(?:error: |  × )", text, maxsplit=1, flags=re.MULTILINE)[-1])
        raise ResolverError("failed", f"uv: {words or f'it ended with code {result.exit_code}'}")


def _uv_options(options: Sequence[str], *, installing: bool) -> list[str]:
    """pip's options in uv's spelling."""
    spelled = []
    for option in options:
        if option == NO_CACHE:  # the cache here is of this run alone
            continue
        if option == "--force-reinstall":
            spelled += ["--reinstall-package=torch"] if installing else []
        else:
            spelled.append("--prerelease=allow" if option == "--pre" else option)
    return spelled


def _locked_packages(text: str) -> tuple[Resolved, ...]:
    """The packages of a lock file (PEP 751)."""
    import tomllib  # 5 ms

    try:
        return tuple(_locked_package(each) for each in tomllib.loads(text).get("packages", []))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ResolverError("failed", "uv wrote a lock file that cannot be read") from None


def _locked_package(entry: dict[str, Any]) -> Resolved:
    wheel = _best_wheel(entry.get("wheels") or [])
    file = wheel or entry.get("archive") or entry.get("sdist") or {}
    url = file.get("url") or file.get("path")
    size = file.get("size")
    return Resolved(
        name=str(entry["name"]),
        version=str(entry["version"]) if "version" in entry else "unknown",
        url=None if url is None else without_credentials(str(url)),
        sha256=(file.get("hashes") or {}).get("sha256"),
        size=size if isinstance(size, int) else None,
        source_build=wheel is None and not is_wheel(str(url or "")),
    )


def _best_wheel(wheels: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Of several compatible wheels the one with the most specific tags, as an installer chooses."""

    def specificity(wheel: dict[str, Any]) -> int:
        name = str(wheel.get("name") or wheel.get("url") or wheel.get("path")).removesuffix(".whl")
        python, abi, platform = ["py3", "none", "any", *name.split("-")][-3:]
        return 4 * (python.startswith("cp") and abi.startswith("cp")) + 2 * (abi == "abi3") + (platform != "any")

    return max(wheels, key=specificity, default=None)


def _constraint(chosen: ChosenPackage) -> str:
    """Keeps a package at its version; by its URL if a later step does not search the index that has it."""
    package = chosen.package
    if chosen.from_other_index and package.url and "://" in package.url and not package.source_build:
        return f"{package.name} @ {package.url}"
    return f"{package.name}=={package.version}"
