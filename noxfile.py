"""One-word tasks, the same on every system: ``python -m nox -l`` lists them. ``.ci/run`` and the workflows call them.

All but ``pythons`` run in the environment that nox was started from, and install nothing.
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

import nox

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "imports", "workflows"]

GITHUB = Path(__file__).parent / ".github"
SCHEMAS = {
    "vendor.github-workflows": "workflows/*.yml",
    "custom.github-workflows-require-timeout": "workflows/*.yml",
    "vendor.dependabot": "dependabot.yml",
    "vendor.github-issue-forms": "ISSUE_TEMPLATE/[!c]*.yml",
    "vendor.github-issue-config": "ISSUE_TEMPLATE/config.yml",
}
"""Schema inside check-jsonschema, and the files that it describes."""


def run(session: nox.Session, tool: str, *words: str) -> None:
    """A tool of the environment that nox itself is installed in, whatever PATH says."""
    session.run(str(Path(sysconfig.get_path("scripts")) / tool), *words)


def pytest(session: nox.Session, *words: str) -> None:
    session.run(sys.executable, "-m", "pytest", *words, *session.posargs)


@nox.session
def test(session: nox.Session) -> None:
    """The tests; what follows ``--`` goes to pytest."""
    pytest(session)


@nox.session
def package(session: nox.Session) -> None:
    """Build the wheel, install it into a new environment, run it from another folder."""
    pytest(session, "-n", "0", "tests/e2e/test_wheel.py")


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff: rules and format."""
    run(session, "ruff", "check", ".")
    run(session, "ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Mypy, strict."""
    run(session, "mypy")


@nox.session
def imports(session: nox.Session) -> None:
    """The layers of the package, as pyproject.toml states them."""
    run(session, "lint-imports")


@nox.session
def workflows(session: nox.Session) -> None:
    """The files under .github, the action, the templates: their schemas, and what could be abused. Uses no network."""
    for schema, pattern in SCHEMAS.items():
        files = [str(path) for path in sorted(GITHUB.glob(pattern))]
        run(session, "check-jsonschema", "--builtin-schema", schema, *files)
    root = GITHUB.parent
    run(session, "check-jsonschema", "--builtin-schema", "vendor.github-actions", str(root / "action.yml"))
    templates = [str(path) for path in sorted((root / "integrations" / "gitlab").glob("*.yml"))]
    run(session, "check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", *templates)
    run(session, "zizmor", "--offline", "--persona", "pedantic", str(GITHUB), str(root / "action.yml"))


@nox.session
def fix(session: nox.Session) -> None:
    """Ruff: mend and format what it can."""
    run(session, "ruff", "check", "--fix", ".")
    run(session, "ruff", "format", ".")


@nox.session(python=["3.11", "3.12", "3.13", "3.14"], venv_backend="venv")
def pythons(session: nox.Session) -> None:
    """The tests under each Python that is there, in an environment of its own (installs from the package index)."""
    session.install("--editable", ".[dev]")
    session.run("python", "-m", "pytest", *session.posargs)
