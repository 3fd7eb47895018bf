"""pip as the resolver."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

from llmcheck.install.resolver._offline import PIP_UNREACHABLE, index, offline_words
from llmcheck.install.resolver._values import Answer, ResolverQuery, Said, TargetPython, Trouble
from llmcheck.install.resolver._words import (
    ESCAPE,
    MESSAGE_LIMIT,
    is_wheel,
    read,
    series,
    shortened,
    without_credentials,
    write,
)
from llmcheck.install.resolver._work import Work, title
from llmcheck.schema.advice import Resolved, Step
from llmcheck.schema.machine import normalized_name, version_numbers

_OLDEST_PIP = (22, 2)
_RAISED = re.compile(r"^[\s│]*(\w+(?:Error|Exception|NotFound): .+)$", re.MULTILINE)


class PipResolver:
    """The interpreter's own pip; for one that has none, as Debian's, that of a virtual environment made for this."""

    def __init__(self, target: TargetPython, work: Work) -> None:
        path = target.path
        if path is None or not target.fits:
            path = work.which(f"python{series(target.wanted)}") if target.wanted and target.fresh else None
        if path is None:
            raise Trouble("failed", " ".join(["Python", *([target.wanted] if target.wanted else []), "is not here"]))
        self.target, self.work, self.python = target, work, path
        said = self._ask("--version")
        if said.code and target.fresh:
            folder = os.path.join(work.folder, "environment")
            if work.run([path, "-m", "venv", folder]).code == 0:
                inside = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
                self.python = os.path.join(folder, *inside)
                said = self._ask("--version")
        if said.code:
            raise Trouble("failed", f"{path} has no pip")
        self.title = title("pip", said)
        if (0,) < version_numbers(self.title)[:2] < _OLDEST_PIP:
            raise Trouble("failed", f"{self.title} of {path} cannot resolve without installing, 22.2 and newer can")

    def installed(self) -> Mapping[str, str]:
        """All packages of the environment; empty where pip does not tell."""
        said = self._ask("list", "--format", "json", "--disable-pip-version-check")
        found = re.search(r"^\[.*\]$", said.text, re.MULTILINE)
        try:
            return {
                normalized_name(each["name"]): str(each["version"]) for each in json.loads(found[0] if found else "[]")
            }
        except (ValueError, KeyError, TypeError, AttributeError):
            return {}

    def resolve(self, asked: ResolverQuery) -> Answer:
        step = asked.step
        constraints, report, log = (os.path.join(asked.folder, name) for name in ("held.txt", "report.json", "log.txt"))
        write(constraints, (f"{each.package.name}=={each.package.version}" for each in asked.held.values()))
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
        # What is held may be nowhere else: a CUDA build has the name of PyPI's and a local version of its own.
        own = (step.index_url, step.extra_index_url)
        away = any(each.elsewhere for each in asked.held.values())
        extra = [step.extra_index_url] if step.extra_index_url else []
        for url in (*extra, *(url for url in asked.earlier if away and url not in own)):
            argv += ["--extra-index-url", url]
        said = self._ask(*argv, *step.options, *asked.requirements)
        text = ESCAPE.sub("", said.text)
        if said.code:  # with few retries pip says only in its log that an index was silent
            logged = "" if PIP_UNREACHABLE.search(text) else read(log)
            if "connection error" in logged:
                raise Trouble("offline", offline_words(text + logged, step))
            raise _pip_trouble(text, step, said.code)
        return Answer(_reported(read(report)), index(text, step) if PIP_UNREACHABLE.search(text) else None)

    def _ask(self, *arguments: str) -> Said:
        return self.work.run([self.python, "-m", "pip", *arguments])


def _pip_trouble(text: str, step: Step, code: int) -> Trouble:
    nothing = re.search(r"ERROR: (No matching distribution found for [^\n]+)", text)
    impossible = re.search(r"ERROR: (Cannot install [^\n]+)", text) if "ResolutionImpossible" in text else None
    if not impossible and PIP_UNREACHABLE.search(text):
        return Trouble("offline", offline_words(text, step))
    caused = re.search(r"The conflict is caused by:\n((?:[ \t]+\S[^\n]*\n)+)", text)
    if caused:
        return Trouble("conflict", "; ".join(line.strip() for line in caused[1].splitlines()))
    said = impossible or nothing
    if said:
        return Trouble("conflict", said[1])
    words = re.findall(r"^(?:ERROR|error): (?!subprocess-)(.+)$", text, re.MULTILINE)
    message = ": ".join([*words[-1:], *_RAISED.findall(text)[-1:]]) or shortened(text[-MESSAGE_LIMIT:])
    return Trouble("failed", f"pip: {message or f'it ended with code {code}'}")


def _reported(text: str) -> tuple[Resolved, ...]:
    """The packages of pip's installation report, version 1."""
    try:
        return tuple(_reported_package(each) for each in json.loads(text)["install"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Trouble("failed", "pip wrote a report that cannot be read") from None


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
