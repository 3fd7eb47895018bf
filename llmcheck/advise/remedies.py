"""What to do about missing software: what the installation plan for this machine does about each finding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from llmcheck import shell
from llmcheck.advise.start import runtime_for
from llmcheck.install.choose import TierRequest, missing_libraries
from llmcheck.judge.requirements import BROKEN
from llmcheck.schema.machine import Machine
from llmcheck.schema.profile import Profile
from llmcheck.schema.report import Finding, ProfileReport
from llmcheck.schema.starter import Starter
from llmcheck.tables.tables import Tables


def is_missing_software(finding: Finding) -> bool:
    """Whether an installation plan answers for it."""
    return finding.group == "software" and finding.status in ("fail", "warn") and bool(finding.libraries)


def with_planned_remedies(
    reports: Sequence[ProfileReport],
    profiles: Sequence[Profile],
    machine: Machine,
    tables: Tables,
    starters: Sequence[Starter],
) -> tuple[ProfileReport, ...]:
    """The reports with the library that is installed for each finding on software, and the command that does it.

    ``profiles``: of the reports, in their order. ``starters``: models to start with, which decide the runtime. Where
    nothing can be installed, the remedy is the plan's reason. A remedy that the profile words itself is kept.
    """
    from llmcheck.install.plan import left_out  # the overview needs no plan

    known: dict[object, Mapping[str, str]] = {}  # many tiers need the same

    def reasons(request: TierRequest) -> Mapping[str, str]:
        key = (request.libraries, request.present, tuple(sorted(request.specifiers.items())))
        if key not in known:
            known[key] = left_out(request, machine, tables)
        return known[key]

    def planned(report: ProfileReport, profile: Profile) -> ProfileReport:
        if not any(map(is_missing_software, report.findings)):
            return report
        runtime = runtime_for(report, machine, tables, starters)
        impossible = reasons(missing_libraries(report.findings, machine, tables, profile, runtime))
        required = {each.id: each for each in profile.require}
        findings = []
        for each in report.findings:
            if is_missing_software(each):
                line = (required[each.id],) if each.id in required else ()
                own = missing_libraries((each,), machine, tables, replace(profile, require=line), runtime)
                each = _with_remedy(each, own, impossible, report.path or report.id, line[0].fix if line else None)
            findings.append(each)
        return replace(report, findings=tuple(findings))

    return tuple(planned(report, profile) for report, profile in zip(reports, profiles, strict=True))


def with_tier_remedies(reports: Sequence[ProfileReport]) -> tuple[ProfileReport, ...]:
    """The same in one command for each report, without a plan: the command makes it."""
    return tuple(replace(each, findings=tuple(_of_tier(each))) for each in reports)


def _of_tier(report: ProfileReport) -> Iterator[Finding]:
    command = f"llmcheck install {shell.quote(report.id)}"
    for each in report.findings:
        yield replace(each, remedy=command) if is_missing_software(each) and each.shortfall != BROKEN else each


def _with_remedy(
    finding: Finding, request: TierRequest, impossible: Mapping[str, str], target: str, fix: str | None
) -> Finding:
    """``target``: what ``llmcheck install`` is given for a package that the catalogue has not. What is installed and
    broken has a remedy of its own.
    """
    if finding.shortfall == BROKEN:
        return finding
    if request.libraries:
        chosen = request.libraries[0]
        if chosen in impossible:
            return replace(finding, remedy=fix or f"nothing can be installed for it here: {impossible[chosen]}")
        return replace(finding, installs=chosen, remedy=fix or f"llmcheck install {shell.quote(chosen)}")
    if request.uncatalogued:
        words = fix or f"llmcheck install {shell.quote(target)}"
        return replace(finding, installs=finding.libraries[0], remedy=words)
    return finding
