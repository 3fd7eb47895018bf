"""What the formats for programs share: what each finding means to a gate, and the line that says what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from llmcheck import shell
from llmcheck.judge import gap_summary
from llmcheck.judge.difference import badness
from llmcheck.printable import printable, shortened
from llmcheck.render.views.findings import NOTHING_CHECKED, WORDS, why_nothing
from llmcheck.render.views.overview import inventory_line
from llmcheck.schema.report import Counts, Finding, ProfileReport, Report, counts_of

Outcome = Literal["passed", "warned", "failed", "open", "skipped", "known"]
"""``open``: required, and could not be decided; ``known``: bad, and no worse than in the baseline. An unknown line that
is not required is ``skipped``: it decides nothing."""
_LONGEST = 2000
"""Characters of one text of a finding; some list all packages."""


class Line(Struct, frozen=True, kw_only=True):
    """One finding, or that of a profile nothing was checked, in words that are safe to show."""

    profile: ProfileReport
    finding: Finding | None
    """None: nothing of the profile was checked, which no finding says."""
    outcome: Outcome
    needed: str
    message: str
    """What is wrong, or why it was not judged."""
    to_do: str
    """What to do, as one sentence; ``message`` where nothing is known to help."""

    @property
    def id(self) -> str:
        return "verdict" if self.finding is None else self.finding.id

    @property
    def name(self) -> str:
        """``inference-7b/gpu``."""
        return f"{printable(self.profile.id)}/{printable(self.id)}"

    @property
    def headline(self) -> str:
        """What to do, and why, on one line."""
        return self.to_do if self.to_do == self.message else f"{self.to_do.rstrip('.')} ({self.message.rstrip('.')})"

    @property
    def details(self) -> list[str]:
        """What to do, what is wrong, and the facts, a line each."""
        lines = [self.to_do, *([self.message] if self.message != self.to_do else [])]
        if self.finding is not None:
            named = {
                "needed": self.finding.needed,
                "found": self.finding.found,
                "short by": self.finding.short_by,
                "why": self.finding.why,
                "source": self.finding.source,
            }
            lines += [f"{name}: {_safe(text)}" for name, text in named.items() if text]
        return lines


def judged(value: object) -> Report:
    """The report of a gate. Raises TypeError for anything else, also for the overview, which has no verdict."""
    if not isinstance(value, Report) or (value.verdict is None and value.exit_code == 0):
        raise TypeError("only a report of 'llmcheck check' has this format")
    return value


def lines(report: Report) -> list[Line]:
    """All lines of a report in its order; a profile of which nothing was checked has one more, which is ``failed``."""
    return [line for profile in report.profiles for line in lines_of(profile)]


def lines_of(profile: ProfileReport) -> list[Line]:
    """The same of one profile."""
    found = [_line(profile, finding) for finding in profile.findings]
    if profile.verdict is None:
        why = why_nothing(profile)
        nothing = Line(
            profile=profile,
            finding=None,
            outcome="failed",
            needed="something that can be checked",
            message=why,
            to_do=_sentence(f"{NOTHING_CHECKED}: {why}"),
        )
        return [*found, nothing]
    return found


def worst_first(report: Report) -> list[Line]:
    """What is not as it should be: what fails the gate first, then what is open, warned and known."""
    order: Sequence[Outcome] = ("failed", "open", "warned", "known")
    return sorted((each for each in lines(report) if each.outcome in order), key=lambda each: order.index(each.outcome))


def counts(report: Report) -> Counts:
    """Of all findings of all profiles."""
    return counts_of(finding for profile in report.profiles for finding in profile.findings)


def state(report: Report) -> str:
    """``ready``, ``not ready, no worse than the baseline``."""
    words = NOTHING_CHECKED if report.verdict is None else WORDS[report.verdict]
    warnings = counts(report).warn
    if report.verdict == "ready" and warnings:
        words += f" with {warnings} warning{'s' if warnings > 1 else ''}"
    baseline = report.gate.baseline
    if baseline is not None and baseline.known and not baseline.worse:
        words += ", no worse than the baseline"
    return words


def summary(report: Report) -> str:
    """One line: the verdict, the profiles, and the worst finding with what to do."""
    names = ", ".join(printable(each.id) for each in report.profiles)
    bad = worst_first(report)
    if report.verdict == "ready" or not bad:
        return f"{state(report)}: {names}"
    worst = bad[0]
    name = worst.name if worst.finding is not None else printable(worst.profile.id)
    advice = "" if worst.to_do == worst.message or worst.finding is None else f". {worst.to_do}"
    more = f" (+{len(bad) - 1} more)" if len(bad) > 1 else ""
    return f"{state(report)}: {name}: {worst.message.rstrip('.')}{advice}{more}"


def machine_line(report: Report) -> str:
    """The machine in one line: its name, cards and memory."""
    return printable(inventory_line(report.machine))


def outputs(report: Report) -> Iterator[tuple[str, str]]:
    """Names and values of one line each, for the variables of a pipeline."""
    found = counts(report)
    yield "verdict", report.verdict or "nothing-checked"
    yield "exit-code", str(report.exit_code)
    yield "profiles", ",".join(printable(each.id) for each in report.profiles)
    yield "passed", str(found.pass_)
    yield "warnings", str(found.warn)
    yield "failed", str(found.fail)
    yield "unknown", str(found.unknown)
    yield "skipped", str(found.skipped)
    yield "summary", shortened(summary(report), 500)


def _line(profile: ProfileReport, finding: Finding) -> Line:
    message = _safe(finding.message)
    return Line(
        profile=profile,
        finding=finding,
        outcome=_outcome(finding),
        needed=_safe(finding.needed),
        message=message,
        to_do=_to_do(profile, finding) or message,
    )


def _outcome(finding: Finding) -> Outcome:
    if finding.in_baseline:
        return "known"
    if finding.status == "unknown":
        return "open" if badness(finding) else "skipped"
    outcomes: dict[str, Outcome] = {"pass": "passed", "warn": "warned", "fail": "failed"}
    return outcomes.get(finding.status, "skipped")


def _to_do(profile: ProfileReport, finding: Finding) -> str:
    if gap_summary.is_installable(finding):
        target = profile.id if profile.path is None else shell.quote(profile.path)
        return _safe(f"Install {finding.installs}: llmcheck install {target}")
    return _sentence(_safe(finding.remedy or ""))


def _sentence(text: str) -> str:
    """With a capital letter, unless the first word is an id or a path."""
    return text[:1].upper() + text[1:] if text.split(" ")[0].isalpha() else text


def _safe(text: str) -> str:
    return shortened(printable(" ".join(text.split())), _LONGEST)
