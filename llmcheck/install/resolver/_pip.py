"""pip as the resolver."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

from llmcheck.install.commands import NO_CACHE
from llmcheck.install.resolver._text import (
    ESCAPE,
    MESSAGE_LIMIT,
    is_wheel,
    one_line,
    read,
    series,
    without_credentials,
    write,
)
from llmcheck.install.resolver._types import ProcessResult, Resolution, ResolverError, ResolverQuery, TargetPython
from llmcheck.install.resolver._unreachable import PIP_UNREACHABLE, offline_message, unreachable_index
from llmcheck.install.resolver._workspace import Workspace, program_title
from llmcheck.schema.advice import Resolved, Step
from llmcheck.schema.machine import normalized_name, version_numbers

_PIP_MIN = (22, 2)
_EXCEPTION = re.compile(r"^[\s│]*(\w+(?:Error|Exception|NotFound): .+)$", re.MULTILINE)


class PipResolver:
    """The pip of the target's interpreter; if it has none, as on Debian, the pip of a temporary virtual environment."""

    def __init__(self, target: TargetPython, work: Workspace) -> None:
        path = target.path
        if path is None or not target.matches:
            path = work.which(f"python{series(target.requested)}") if target.requested and target.fresh else None
        if path is None:
            raise ResolverError(
                "failed", " ".join(["Python", *([target.requested] if target.requested else []), "was not found"])
            )
        self.target, self.work, self.python = target, work, path
        result = self._pip("--version")
        if result.exit_code and target.fresh:
            folder = os.path.join(work.folder, "environment")
            if work.run([path, "-m", "venv", folder]).exit_code == 0:
                inside = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
                self.python = os.path.join(folder, *inside)
                result = self._pip("--version")
        if result.exit_code:
            raise ResolverError("failed", f"{path} has no pip")
        self.title = program_title("pip", result)
        if (0,) < version_numbers(self.title)[:2] < _PIP_MIN:
            raise ResolverError(
                "failed", f"{self.title} of {path} cannot resolve without installing, 22.2 and newer can"
            )

    def installed(self) -> Mapping[str, str]:
        """The versions in the environment, by normalised name; empty if pip cannot list them."""
        result = self._pip("list", "--format", "json", "--disable-pip-version-check")
        found = re.search(r"^\[.*\]$", result.output, re.MULTILINE)
        try:
            return {
                normalized_name(each["name"]): str(each["version"]) for each in json.loads(found[0] if found else "[]")
            }
        except (ValueError, KeyError, TypeError, AttributeError):
            return {}

    def resolve(self, query: ResolverQuery) -> Resolution:
        """Raises ResolverError."""
        step = query.step
        names = ("constraints.txt", "report.json", "log.txt")
        constraints, report, log = (os.path.join(query.folder, name) for name in names)
        write(constraints, (f"{each.package.name}=={each.package.version}" for each in query.pinned.values()))
        argv = [
            "install",
            "--dry-run",
            "--report",
            report,
            "--log",
            log,
            "--no-input",
            "--no-color",
            "--progress-bar",
            "off",
        ]
        argv += ["--disable-pip-version-check", "--cache-dir", self.work.cache, "--constraint", constraints]
        argv += ["--ignore-installed"] if self.target.fresh else []
        argv += ["--index-url", step.index_url] if step.index_url else []
        # A pinned CUDA build exists on no other index: it has PyPI's name and a local version of its own.
        own = (step.index_url, step.extra_index_url)
        needs_earlier = any(each.from_other_index for each in query.pinned.values())
        extra = [step.extra_index_url] if step.extra_index_url else []
        for url in (*extra, *(url for url in query.earlier_indexes if needs_earlier and url not in own)):
            argv += ["--extra-index-url", url]
        result = self._pip(*argv, *(each for each in step.options if each != NO_CACHE), *query.requirements)
        text = ESCAPE.sub("", result.output)
        if result.exit_code:  # with few retries, only pip's log mentions the index that did not answer
            logged = "" if PIP_UNREACHABLE.search(text) else read(log)
            if "connection error" in logged:
                raise ResolverError("offline", offline_message(text + logged, step))
            raise _pip_error(text, step, result.exit_code)
        skipped = unreachable_index(text, step) if PIP_UNREACHABLE.search(text) else None
        return Resolution(_reported_packages(read(report)), skipped)

    def _pip(self, *arguments: str) -> ProcessResult:
        return self.work.run([self.python, "-m", "pip", *arguments])


def _pip_error(text: str, step: Step, exit_code: int) -> ResolverError:
    nothing = re.search(r"ERROR: (No matching distribution found for [^\n]+)", text)
    impossible = re.search(r"ERROR: (Cannot install [^\n]+)", text) if "ResolutionImpossible" in text else None
    if not impossible and PIP_UNREACHABLE.search(text):
        return ResolverError("offline", offline_message(text, step))
    caused = re.search(r"The conflict is caused by:\n((?:[ \t]+\S[^\n]*\n)+)", text)
    if caused:
        return ResolverError("conflict", "; ".join(line.strip() for line in caused[1].splitlines()))
    conflict = impossible or nothing
    if conflict:
        return ResolverError("conflict", conflict[1])
    words = re.findall(r"^(?:ERROR|error): (?!subprocess-)(.+)$", text, re.MULTILINE)
    message = ": ".join([*words[-1:], *_EXCEPTION.findall(text)[-1:]]) or one_line(text[-MESSAGE_LIMIT:])
    return ResolverError("failed", f"pip: {message or f'it ended with code {exit_code}'}")


def _reported_packages(text: str) -> tuple[Resolved, ...]:
    """The packages of pip's installation report, version 1."""
    try:
        return tuple(_reported_package(each) for each in json.loads(text)["install"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ResolverError("failed", "pip wrote a report that cannot be read") from None


def _reported_package(entry: dict[str, Any]) -> Resolved:
    source, metadata = entry["download_info"], entry["metadata"]
    archive = source.get("archive_info") or {}
    url = str(source["url"])
    old = str(archive.get("hash") or "").partition("sha256=")[2]  # pip before 23
    return Resolved(
        name=normalized_name(str(metadata["name"])),
        version=str(metadata["version"]),
        url=without_credentials(url),
        sha256=(archive.get("hashes") or {}).get("sha256") or old or None,
        source_build=not is_wheel(url),
    )
