"""A resolved installation plan as a lock file (PEP 751)."""

from __future__ import annotations

import json
import re

from llmcheck.errors import UsageError
from llmcheck.printable import json_printable
from llmcheck.render import Options
from llmcheck.render.views.environments import header, only_environment
from llmcheck.schema.advice import Plan, Resolved

FILE_NAMES = ("pylock*.toml",)


def render(value: object, _options: Options) -> str:
    """One environment, with every release that the resolver chose.

    Raises TypeError for anything but a plan, and UsageError for a plan that was not resolved, that has several
    environments, or whose files have no known URL or hash.
    """
    if not isinstance(value, Plan):
        raise TypeError("only an installation plan is a lock file")
    environment = only_environment(value, "a lock file")
    answers = {each.environment: each for each in value.verification or ()}
    answer = answers.get(environment.name) if environment else None
    if environment is not None and answer is None:
        raise UsageError("a lock file contains resolved versions: add --verify")
    if answer is not None and answer.status != "resolved":
        raise UsageError(f"the plan was not resolved, so there is nothing to lock: {answer.message}")
    lines = [*header(value), 'lock-version = "1.0"', 'created-by = "llmcheck"']
    packages = sorted(answer.packages, key=lambda each: each.name) if answer else []
    if answer is not None and answer.requires_python:
        minor = ".".join(answer.requires_python.split(".")[:2])
        lines.append(f"requires-python = {_text(f'=={minor}.*')}")
    if not packages:
        lines.append("packages = []")
    for package in packages:
        lines += ["", *_package(package)]
    return "\n".join(lines) + "\n"


def _package(package: Resolved) -> list[str]:
    if not package.url or not package.sha256:
        raise UsageError(
            f"the resolver reported no file and hash for {package.name} {package.version}: it cannot be locked"
        )
    name = re.sub(r"[?#].*", "", package.url).rpartition("/")[2]
    facts = [f"name = {_text(name)}", f"url = {_text(package.url)}"]
    facts += [f"size = {package.size}"] if package.size is not None else []
    facts.append(f"hashes = {{ sha256 = {_text(package.sha256)} }}")
    file = "{ " + ", ".join(facts) + " }"
    lines = ["[[packages]]", f"name = {_text(package.name)}", f"version = {_text(package.version)}"]
    return [*lines, f"sdist = {file}" if not name.endswith(".whl") else f"wheels = [{file}]"]


def _text(text: str) -> str:
    """A basic string of TOML: its escapes are those of JSON."""
    return json_printable(json.dumps(text, ensure_ascii=False))
