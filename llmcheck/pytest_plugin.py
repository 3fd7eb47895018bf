"""A pytest plug-in: ``@pytest.mark.llmcheck("inference-7b")`` skips a test, with the reason, where it cannot run.

The machine is inspected once, when the first such test is about to run; before that nothing of llmcheck is imported
but this module.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from llmcheck import Machine, ProfileReport

MARK = "llmcheck"
_HELP = (
    f"{MARK}(*profiles, only=(), skip=()): skip the test unless this machine is ready for the profiles (ids of "
    "'llmcheck profiles list', or paths of .toml files); only and skip: requirement ids or groups."
)


class Gate:
    """Judges marks on one machine, each combination once."""

    def __init__(self, machine: Callable[[], Machine]) -> None:
        """``machine`` is called when the first mark is judged, and not again."""
        self._inspect = machine
        self._machine: Machine | None = None
        self._reasons: dict[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]], str | None] = {}

    def reason(self, profiles: tuple[str, ...], only: tuple[str, ...] = (), skip: tuple[str, ...] = ()) -> str | None:
        """Why the machine is not ready; None where it is. Raises LlmcheckError for what is wrong with the mark."""
        key = (profiles, only, skip)
        if key not in self._reasons:
            self._reasons[key] = self._judged(*key)
        return self._reasons[key]

    def _judged(self, profiles: tuple[str, ...], only: tuple[str, ...], skip: tuple[str, ...]) -> str | None:
        import llmcheck

        if self._machine is None:
            try:
                self._machine = self._inspect()
            except llmcheck.InspectionError as error:
                return f"llmcheck: {error}"
        report = llmcheck.check(profiles, self._machine, skip, only)
        open_ones = [each for each in report.profiles if each.verdict != "ready"]
        return f"llmcheck: {'; '.join(map(_why, open_ones))}" if open_ones else None


def _why(report: ProfileReport) -> str:
    """The first thing that keeps a machine from ready, and how many more there are."""
    if report.verdict is None:
        return f"{report.id}: nothing of it was judged"
    required = [each for each in report.findings if each.level == "required"]
    failed = [each for each in required if each.status == "fail"]
    found = failed or [each for each in required if each.is_open] or [each for each in report.findings if each.is_open]
    more = f" (and {len(found) - 1} more: llmcheck check {report.path or report.id})" if len(found) > 1 else ""
    return f"{report.verdict} for {report.id}: {found[0].message}{more}"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("llmcheck", "tests that need a machine (llmcheck)")
    group.addoption(
        "--llmcheck",
        choices=("skip", "fail", "run"),
        default="skip",
        help="What becomes of a test for which this machine is not ready: skip it, let it fail (where a skipped test "
        "would hide that the GPU is gone), or run it unjudged. Default: skip.",
    )
    group.addoption(
        "--llmcheck-machine",
        metavar="FILE|WORDS",
        help="Judge a saved machine or one in words instead of this one.",
    )


_gate = pytest.StashKey[Gate]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _HELP)
    config.stash[_gate] = Gate(lambda: _machine(config.getoption("--llmcheck-machine")))


def _machine(given: str | None) -> Machine:
    import llmcheck

    if given is not None:
        return llmcheck.load_machine(given)
    with warnings.catch_warnings():
        # A worker of pytest-xdist has a second thread, and Python warns of a fork then. The probes do not need it.
        warnings.simplefilter("ignore", DeprecationWarning)
        return llmcheck.inspect()


@pytest.hookimpl(tryfirst=True)  # before pytest looks at the marks that skip
def pytest_runtest_setup(item: pytest.Item) -> None:
    marks = list(item.iter_markers(MARK))
    outcome = item.config.getoption("--llmcheck")
    if not marks or outcome == "run":
        return
    for mark in reversed(marks):  # that of the module first
        reason = _reason(item, mark)
        if reason is not None and outcome == "fail":
            pytest.fail(reason, pytrace=False)
        if reason is not None:
            item.add_marker(pytest.mark.skip(reason=reason))
            return


def _reason(item: pytest.Item, mark: pytest.Mark) -> str | None:
    """Of one mark. A mark that cannot be judged lets its test fail: it would never run, and nobody would know."""
    from llmcheck.errors import LlmcheckError

    wrong = [name for name in mark.kwargs if name not in ("only", "skip")]
    if wrong or not mark.args or not all(isinstance(each, str) for each in mark.args):
        problem = f"unknown argument '{wrong[0]}'" if wrong else "name one profile or several"
        pytest.fail(f"@pytest.mark.{MARK}: {problem}, as in @pytest.mark.{MARK}('inference-7b')", pytrace=False)
    try:
        return item.config.stash[_gate].reason(
            mark.args, *(_names(mark.kwargs.get(each, ())) for each in ("only", "skip"))
        )
    except LlmcheckError as error:
        pytest.fail(f"@pytest.mark.{MARK}: {error}", pytrace=False)


def _names(value: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
