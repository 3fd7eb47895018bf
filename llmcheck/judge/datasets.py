"""Findings about the datasets of a project: whether each can be had, and whether its disk has room for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from llmcheck.judge.requirements import disk
from llmcheck.schema.machine import Machine
from llmcheck.schema.profile import Profile
from llmcheck.schema.project import DatasetUse, TokenTarget
from llmcheck.schema.report import Finding, Level, ProfileReport, Status
from llmcheck.tables.dataset import Dataset, State
from llmcheck.units import GB, format_gb

KIND = "dataset"
"""``Finding.kind`` of whether a dataset can be had, and of its tokens."""
SPACE = "dataset-space"
"""``Finding.id`` of the space for datasets on a file system of which the profile requires none."""
TOKENS_PER_PARAMETER = 20
"""Hoffmann et al. (2022), "Training Compute-Optimal Large Language Models", arXiv 2203.15556."""
_TOKEN_BYTES = 4
_STATUS: dict[State, Status] = {
    "open": "pass",
    "requester-pays": "warn",
    "click-gate": "warn",
    "mirror-only": "warn",
    "partly-withdrawn": "warn",
    "manual-gate": "unknown",
    "credentialed": "unknown",
    "api-key": "unknown",
    "agreement": "unknown",
    "no-source": "unknown",
    "withdrawn": "fail",
}
"""``unknown``: whether it can be had is somebody else's decision, which no inspection shows."""
WORDS: dict[State, str] = {
    "open": "open",
    "requester-pays": "requester pays",
    "click-gate": "terms to accept",
    "mirror-only": "only a mirror is left",
    "partly-withdrawn": "partly withdrawn",
    "manual-gate": "each request is answered by hand",
    "credentialed": "credentialed access",
    "api-key": "only by an API with a key",
    "agreement": "by agreement",
    "no-source": "no official source",
    "withdrawn": "withdrawn",
}
Role = Literal["models", "work"]
"""As of ``Disk.role``."""
Sizes = Mapping[str, Sequence[tuple[str, int]]]
"""By the id of a profile: its models, as it names them, and their parameters."""


def with_datasets(
    report: ProfileReport, profile: Profile, machine: Machine, datasets: Sequence[Dataset], sizes: Sizes
) -> tuple[Finding, ...]:
    """The findings of a profile with those about the datasets.

    The space of a dataset is added to what the profile requires of the file system that will hold it.
    """
    findings = list(report.findings)
    wanted = [each for each in datasets if each.state != "withdrawn"]
    for role, held in _by_disk(wanted, machine).items():
        findings = _with_space(findings, profile, machine, held, role)
    for each in datasets:
        findings.append(_access(each))
        if each.state != "withdrawn" and profile.workload is not None and profile.workload.method == "pretrain":
            findings += [_tokens(each, target) for target in _targets(each, {profile.id: sizes.get(profile.id, ())})]
    return tuple(findings)


def use_of(dataset: Dataset, machine: Machine, sizes: Sizes, given: float | None, measured: float | None) -> DatasetUse:
    """What a check says of a dataset. ``given``, ``measured``: bytes a second; None: not known."""
    rate = given or measured
    where = disk.judged_disk(machine, _role(dataset))
    return DatasetUse(
        id=dataset.id,
        name=dataset.name,
        version=dataset.version,
        state=dataset.state,
        reason=dataset.reason,
        licence=dataset.licence,
        commercial=dataset.commercial,
        documented=dataset.documented,
        content=dataset.content,
        fetch_bytes=dataset.fetch_bytes,
        unpacked_bytes=dataset.unpacked_bytes,
        tokens=dataset.tokens,
        tokenised_bytes=tokenised(dataset),
        unknown=dataset.unknown,
        added_bytes=None if dataset.state == "withdrawn" else _added(dataset),
        path=None if where is None else where.mount_point or where.path,
        bytes_per_second=rate,
        rate_from=None if rate is None else "given" if given else "measured",
        fetch_seconds=None if rate is None or dataset.fetch_bytes is None else dataset.fetch_bytes / rate,
        targets=tuple(_targets(dataset, sizes)),
        successors=dataset.successors,
        source=dataset.source,
        as_of=dataset.as_of,
    )


def tokenised(dataset: Dataset) -> int | None:
    """Bytes at 4 a token, which every vocabulary needs at most; None where its tokens are not known."""
    return None if dataset.tokens is None else dataset.tokens * _TOKEN_BYTES


def _targets(dataset: Dataset, sizes: Sizes) -> list[TokenTarget]:
    return [
        TokenTarget(
            profile=profile,
            parameters=name,
            optimal=parameters * TOKENS_PER_PARAMETER,
            ratio=None if dataset.tokens is None else dataset.tokens / (parameters * TOKENS_PER_PARAMETER),
        )
        for profile, models in sizes.items()
        for name, parameters in models
    ]


def _role(dataset: Dataset) -> Role:
    """What is had on the hub lands in its cache, the rest in the working directory."""
    return "models" if dataset.repository else "work"


def _by_disk(datasets: Sequence[Dataset], machine: Machine) -> dict[Role, list[Dataset]]:
    if _same(machine):
        return {"models": list(datasets)} if datasets else {}
    held: dict[Role, list[Dataset]] = {}
    for each in datasets:
        held.setdefault(_role(each), []).append(each)
    return held


def _same(machine: Machine) -> bool:
    """Whether the hub's cache and the working directory share a file system, as far as is known."""
    one, other = disk.judged_disk(machine, "models"), disk.judged_disk(machine, "work")
    if one is None or other is None:
        return True
    return one is other or (one.mount_point is not None and one.mount_point == other.mount_point)


def _added(dataset: Dataset) -> int | None:
    """What a dataset takes at least, as it is fetched; unpacked where only that is known."""
    return dataset.fetch_bytes if dataset.fetch_bytes is not None else dataset.unpacked_bytes


def _with_space(
    findings: list[Finding], profile: Profile, machine: Machine, datasets: Sequence[Dataset], role: Role
) -> list[Finding]:
    sized = [each for each in datasets if _added(each) is not None]
    if sized:
        findings = _enlarged(findings, profile, machine, sized, role)
    unsized = [each for each in datasets if _added(each) is None or each.content != "data"]
    return findings + [_unknown_space(each) for each in unsized]


def _enlarged(
    findings: list[Finding], profile: Profile, machine: Machine, datasets: Sequence[Dataset], role: Role
) -> list[Finding]:
    """The findings with a larger one about space, or one more where the profile requires none there."""
    kinds = {each.id: each for each in profile.require if isinstance(each, disk.Requirement)}
    roles = ("models", "work") if _same(machine) else (role,)
    found = next(
        (
            each
            for each in findings
            if each.id in kinds and kinds[each.id].free is not None and kinds[each.id].role in roles
        ),
        None,
    )
    if found is None:
        found = Finding(
            id=SPACE, kind="disk", group="hardware", level="required", status="unknown", needed="", message=""
        )
        requirement = disk.Requirement(id=SPACE, kind="disk", free="0 GB", role=role)
        changed = _judged(found, requirement, machine, 0, datasets)
        return [*findings, *_both(changed, requirement, machine, 0, datasets)]
    requirement = kinds[found.id]
    before = found.needed_bytes or 0
    changed = found if found.skipped == "left-out" else _judged(found, requirement, machine, before, datasets)
    extra = _both(changed, requirement, machine, before, datasets)[1:]
    return [item for each in findings for item in ((changed, *extra) if each is found else (each,))]


def _judged(
    found: Finding, requirement: disk.Requirement, machine: Machine, before: int, datasets: Sequence[Dataset]
) -> Finding:
    """The finding about space with that of the datasets as they are fetched."""
    total = before + sum(_added(each) or 0 for each in datasets)
    judged = disk.check(_asking(requirement, total, found.level), machine)
    words = " + ".join(
        [
            *([f"{format_gb(before)}"] if before else []),
            *(f"{format_gb(_added(each) or 0)} for {each.id}" for each in datasets),
        ]
    )
    certain = before + sum(each.fetch_bytes or 0 for each in datasets)
    message = judged.message if judged.status != "fail" else f"{judged.message} ({words})"
    status, remedy = judged.status, judged.remedy
    if status in ("fail", "warn") and judged.shortfall == "disk-space" and certain <= (judged.found_bytes or 0):
        status = "unknown"
        message = f"{message}: only the unpacked size is known, and what is fetched may be smaller"
    source = " + ".join(filter(None, (found.source, *(f"{each.source}, {each.as_of}" for each in datasets))))
    return msgspec.structs.replace(
        judged, status=status, needed=f"{words} free", message=message, remedy=remedy, source=source, why=found.why
    )


def _both(
    changed: Finding, requirement: disk.Requirement, machine: Machine, before: int, datasets: Sequence[Dataset]
) -> list[Finding]:
    """With a recommendation of room for the unpacked copies too, where more is known than what is fetched."""
    unpacked = [each for each in datasets if each.fetch_bytes is not None and each.unpacked_bytes is not None]
    if not unpacked or changed.status != "pass":
        return [changed]
    copies = sum(each.unpacked_bytes or 0 for each in unpacked)
    total = before + sum(_added(each) or 0 for each in datasets) + copies
    judged = disk.check(_asking(requirement, total, "recommended"), machine)
    names = ", ".join(each.id for each in unpacked)
    message = judged.message
    if judged.status == "warn":
        message = f"{judged.found} holds {names} as fetched, and not unpacked beside that: stream it"
    needed = f"{format_gb(total)} free, with {names} unpacked"
    return [changed, msgspec.structs.replace(judged, id="dataset-unpacked", needed=needed, message=message)]


def _asking(requirement: disk.Requirement, total: int, level: Level) -> disk.Requirement:
    unit, size = ("TB", 1000 * GB) if total >= 10_000 * GB else ("GB", GB)
    written = f"{round(total / size, 6):.15g} {unit}"
    return msgspec.structs.replace(requirement, free=written, level=level, why=None, source=None)


def _unknown_space(dataset: Dataset) -> Finding:
    lists = dataset.content != "data"
    message = f"{dataset.name}: {dataset.unknown or 'nobody states its size'}"
    return Finding(
        id=f"{dataset.id}-space",
        kind="disk",
        group="hardware",
        level="required",
        status="unknown",
        needed=f"room for {dataset.id}",
        found=None,
        message=message,
        remedy=f"ask for the space of your part of {'what it lists' if lists else 'it'} in a profile of your own",
        source=f"{dataset.source}, {dataset.as_of}",
    )


def _access(dataset: Dataset) -> Finding:
    status = _STATUS[dataset.state]
    instead = f"use {' or '.join(dataset.successors)} instead" if dataset.successors else None
    remedy = instead if status in ("fail", "unknown", "warn") else None
    if dataset.state in ("requester-pays", "click-gate", "credentialed", "api-key", "agreement", "manual-gate"):
        remedy = f"get access first{f', or {instead}' if instead else ''}"
    return Finding(
        id=f"dataset-{dataset.id}",
        kind=KIND,
        group="project",
        level="required",
        status=status,
        needed=f"{dataset.name} can be had",
        found=WORDS[dataset.state],
        shortfall="dataset-withdrawn" if dataset.state == "withdrawn" else None,
        message=f"{dataset.name}, {WORDS[dataset.state]}: {dataset.reason}",
        remedy=remedy,
        source=f"{dataset.source}, {dataset.as_of}",
    )


def _tokens(dataset: Dataset, target: TokenTarget) -> Finding:
    """Of a run from scratch: whether the dataset has as many tokens as are compute-optimal."""
    if target.ratio is None:
        status: Status = "unknown"
        message = f"nobody states how many tokens {dataset.name} has"
    else:
        status = "pass" if target.ratio >= 1 else "warn"
        message = (
            f"{tokens_in_words(dataset.tokens or 0)} tokens are {target.ratio:.2g} times the "
            f"{tokens_in_words(target.optimal)} that are compute-optimal for {target.parameters}"
        )
    return Finding(
        id=f"dataset-{dataset.id}-tokens-{target.parameters.lower()}",
        kind=KIND,
        group="project",
        level="recommended",
        status=status,
        needed=f"{tokens_in_words(target.optimal)} tokens for {target.parameters}",
        found=None if dataset.tokens is None else tokens_in_words(dataset.tokens),
        message=message,
        remedy="add a second dataset" if status == "warn" else None,
        source="arXiv 2203.15556: about 20 tokens for each parameter",
    )


def tokens_in_words(count: int) -> str:
    """``3 T``, ``140 B``, ``12 M``."""
    for name, size in (("T", 10**12), ("B", 10**9), ("M", 10**6)):
        if count >= size:
            return f"{count / size:.3g} {name}"
    return f"{count:,}"
