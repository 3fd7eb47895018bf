"""Runs the real command with nothing of the caller's environment, and keeps what it said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HANG_GUARD = 120
"""Seconds after which a run is given up: it says that something hangs, never that it is fast."""

LLMCHECK = (sys.executable, "-m", "llmcheck")


@dataclass(frozen=True)
class Done:
    """A run that has ended."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw.decode("utf-8")

    @property
    def document(self) -> Any:
        return json.loads(self.raw)


@dataclass(frozen=True)
class Command:
    """``command("check", "inference-7b", env={"TERM": "dumb"})``: a value of None takes a variable away."""

    home: Path
    cwd: Path
    base: Mapping[str, str | None] = field(default_factory=dict)

    def environment(self, env: Mapping[str, str | None] | None = None) -> dict[str, str]:
        wanted: dict[str, str | None] = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH"),
            "COVERAGE_PROCESS_CONFIG": os.environ.get("COVERAGE_PROCESS_CONFIG"),  # set where coverage is measured
            **({"USERPROFILE": str(self.home), "SYSTEMROOT": os.environ.get("SYSTEMROOT")} if os.name == "nt" else {}),
            **self.base,
            **(env or {}),
        }
        return {name: value for name, value in wanted.items() if value is not None}

    def under(self, env: Mapping[str, str | None]) -> Command:
        """The same command with more in its environment."""
        return Command(self.home, self.cwd, {**self.base, **env})

    def __call__(
        self,
        *arguments: str | Path,
        env: Mapping[str, str | None] | None = None,
        stdin: bytes = b"",
        cwd: Path | None = None,
        program: Sequence[str | Path] = LLMCHECK,
    ) -> Done:
        done = subprocess.run(
            [*map(str, program), *map(str, arguments)],
            input=stdin,
            capture_output=True,
            env=self.environment(env),
            cwd=cwd or self.cwd,
            timeout=HANG_GUARD,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr.decode("utf-8", "backslashreplace"))

    def shell(self, script: str, *arguments: str | Path, env: Mapping[str, str | None] | None = None) -> Done:
        """A POSIX shell script in which ``"$@"`` is llmcheck with the arguments."""
        return self(*LLMCHECK, *arguments, env=env, program=("/bin/sh", "-c", script, "sh"))


def complaint(done: Done) -> str:
    """The one line that a run complains with; it never comes with a traceback or on standard output."""
    assert "Traceback" not in done.err
    lines = done.err.splitlines()
    assert len(lines) == 1, done.err
    assert lines[0].startswith("llmcheck: ")
    assert "this is a bug" not in lines[0], lines[0]
    assert done.raw == b""
    return lines[0].removeprefix("llmcheck: ")


def findings(done: Done) -> dict[str, dict[str, Any]]:
    """By id, of the first profile of a JSON report."""
    return {finding["id"]: finding for finding in done.document["profiles"][0]["findings"]}
