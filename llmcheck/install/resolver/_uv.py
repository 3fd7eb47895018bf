"""uv as the resolver."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llmcheck.install.resolver._offline import UV_UNREACHABLE, offline_words
from llmcheck.install.resolver._values import Answer, Chosen, ResolverQuery, Said, TargetPython, Trouble
from llmcheck.install.resolver._words import (
    ESCAPE,
    is_wheel,
    read,
    shortened,
    without_credentials,
    write,
)
from llmcheck.install.resolver._work import QUESTION_SECONDS, Work, title
from llmcheck.schema.advice import Resolved, Step
from llmcheck.schema.machine import normalized_name

_CHANGE = re.compile(r"^ ([-+~]) (\S+?)==(\S+)", re.MULTILINE)


class Uv:
    """uv; for an empty environment it compiles a lock file, for another it also says what would change."""

    def __init__(self, program: str, target: TargetPython, work: Work, *, stands_in: bool) -> None:
        """``stands_in``: pip installs in the end, which takes the best of all indexes, not what the first has."""
        self.program, self.target, self.work, self.stands_in = program, target, work, stands_in
        self.title = title("uv", work.run([program, "--version"], seconds=QUESTION_SECONDS))
        self._replaced: dict[str, str] = {}

    def installed(self) -> Mapping[str, str]:
        """What would be replaced."""
        return self._replaced

    def resolve(self, asked: ResolverQuery) -> Answer:
        constraints = os.path.join(asked.folder, "held.txt")
        write(constraints, (_by_address(each) for each in asked.held.values()))
        if self.target.fresh:
            return Answer(self._compile(asked, asked.requirements, ["--constraints", constraints]))
        argv = [self.program, "pip", "install", "--dry-run", "--python", self.target.path or "python3"]
        argv += [*self._options(asked.step), *_uv_options(asked.step.options, installing=True)]
        said = self.work.run([*argv, "--constraints", constraints, *asked.requirements], here=True)
        self._check(said, asked)
        changes = _CHANGE.findall(ESCAPE.sub("", said.text))
        self._replaced = {normalized_name(name): version for sign, name, version in changes if sign == "-"}
        added = [(name, version) for sign, name, version in changes if sign in "+~"]
        if not added:
            return Answer(())
        held = {normalized_name(name): each for name, each in asked.held.items()}
        pins = [
            _by_address(held[normalized_name(name)])
            if normalized_name(name) in held and held[normalized_name(name)].package.version == version
            else f"{name}=={version}"
            for name, version in added
        ]
        return Answer(self._compile(asked, pins, ["--no-deps"]))

    def _compile(self, asked: ResolverQuery, requirements: Iterable[str], more: Sequence[str]) -> tuple[Resolved, ...]:
        source, lock = os.path.join(asked.folder, "asked.txt"), os.path.join(asked.folder, "pylock.toml")
        write(source, requirements)
        argv = [self.program, "pip", "compile", source, "--output-file", lock, "--format", "pylock.toml", "--no-header"]
        if self.target.path is not None and self.target.fits:
            argv += ["--python", self.target.path]
        elif self.target.wanted is not None:
            argv += ["--python-version", self.target.wanted]
        argv += [*self._options(asked.step), *_uv_options(asked.step.options, installing=False), *more]
        self._check(self.work.run(argv, here=True), asked)
        return _locked(read(lock))

    def _options(self, step: Step) -> list[str]:
        options = ["--color", "never", "--no-progress", "--no-python-downloads", "--cache-dir", self.work.cache]
        options += ["--index-url", step.index_url] if step.index_url else []
        options += ["--extra-index-url", step.extra_index_url] if step.extra_index_url else []
        return [*options, "--index-strategy", "unsafe-best-match"] if self.stands_in else options

    def _check(self, said: Said, asked: ResolverQuery) -> None:
        """Raises Trouble for what went wrong."""
        if said.code == 0:
            return
        text = ESCAPE.sub("", said.text)
        if UV_UNREACHABLE.search(text):
            raise Trouble("offline", offline_words(text, asked.step))
        unsolved = re.search(r"No solution found when resolving [^\n]*(.*)", text, re.DOTALL)
        if unsolved:
            cause = re.split(r"\n\s*hint:", unsolved[1])[0]
            cause = re.sub(r"^[\s×╰─▶│]*(?:cause:)?|[│╰─▶×]", " ", cause)
            raise Trouble("conflict", cause.strip() or "there is no solution")
        words = shortened(re.split(r"^(?:error: |  × )", text, maxsplit=1, flags=re.MULTILINE)[-1])
        raise Trouble("failed", f"uv: {words or f'it ended with code {said.code}'}")


def _uv_options(options: Sequence[str], *, installing: bool) -> list[str]:
    """pip's options as uv calls them."""
    spelled = []
    for option in options:
        if option == "--force-reinstall":
            spelled += ["--reinstall-package=torch"] if installing else []
        else:
            spelled.append("--prerelease=allow" if option == "--pre" else option)
    return spelled


def _locked(text: str) -> tuple[Resolved, ...]:
    """The packages of a lock file (PEP 751)."""
    import tomllib  # 5 ms

    try:
        return tuple(_locked_package(each) for each in tomllib.loads(text).get("packages", []))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Trouble("failed", "uv wrote a lock file that cannot be read") from None


def _locked_package(entry: dict[str, Any]) -> Resolved:
    wheel = _best(entry.get("wheels") or [])
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


def _best(wheels: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Of several wheels that all fit, the most particular one, which an installer takes."""

    def particular(wheel: dict[str, Any]) -> int:
        name = str(wheel.get("name") or wheel.get("url") or wheel.get("path")).removesuffix(".whl")
        python, abi, platform = ["py3", "none", "any", *name.split("-")][-3:]
        return 4 * (python.startswith("cp") and abi.startswith("cp")) + 2 * (abi == "abi3") + (platform != "any")

    return max(wheels, key=particular, default=None)


def _by_address(chosen: Chosen) -> str:
    """How uv is told to keep a package; only by its address where a later step does not ask the index that has it."""
    package = chosen.package
    if chosen.elsewhere and package.url and "://" in package.url and not package.source_build:
        return f"{package.name} @ {package.url}"
    return f"{package.name}=={package.version}"
