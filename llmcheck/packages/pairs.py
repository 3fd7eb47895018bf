"""Packages that were compiled for each other, by the table: what metadata does not tell, or where there is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmcheck.packages.conflict import Conflict, Kind
from llmcheck.packages.environment import Environment, is_release, series
from llmcheck.packages.versions import allows
from llmcheck.schema.machine import version_numbers
from llmcheck.tables.package_pair import PackagePair
from llmcheck.tables.torch_wheel import TorchCompanions

_KINDS: dict[str, Kind] = {
    "import": "built-for",
    "extension": "extension",
    "disabled": "disabled",
    "numpy": "numpy",
    "requires": "requires",
}
_STATED = ("import", "requires", "disabled")
"""Effects that the metadata of a release states too: where it was read, it decides."""
COMPANIONS = ("torchvision", "torchaudio")


def conflicts(environment: Environment, pairs: Sequence[PackagePair]) -> Iterator[Conflict]:
    """By the rows of ``package_pairs.csv``."""
    for row in pairs:
        own, found = environment.versions.get(row.package), environment.versions.get(row.other)
        if own is None or found is None or not (is_release(own) and is_release(found)):
            continue
        if row.effect in _STATED and environment.requires.get(row.package) and row.package != "torchaudio":
            continue
        if row.effect == "extension" and row.package in environment.compiled:
            continue
        if allows(row.versions, own) is not True or allows(row.needs, found) is not False:
            continue
        yield _of_row(row, own, found)


def _of_row(row: PackagePair, own: str, found: str) -> Conflict:
    kind: Kind = _KINDS[row.effect]
    if kind == "built-for" and row.built_for is None:
        kind = "requires"
    fixed = f"{row.other}=={row.built_for}" if row.built_for else f"{row.other}{row.needs}"
    if kind == "extension":
        fixed = ""
    own_pin = (f"{row.package}=={own.partition('+')[0]}",) if kind in ("built-for", "requires") else ()
    return Conflict(
        package=row.package,
        kind=kind,
        version=own,
        other=row.other,
        found=found,
        needs=row.built_for if kind in ("built-for", "extension") and row.built_for else row.needs,
        evidence=f"{row.source}, {row.as_of}",
        wants=(*own_pin, fixed) if fixed else (),
    )


def companions(environment: Environment, rows: Sequence[TorchCompanions]) -> Iterator[Conflict]:
    """torchvision and torchaudio beside a torch of another series, or of another CUDA."""
    torch = environment.versions.get("torch")
    if torch is None or not rows or not is_release(torch):
        return
    newest = max(version_numbers(each.torch) for each in rows)
    row = next((each for each in rows if version_numbers(each.torch) == min(series(torch), newest)), None)
    for name in COMPANIONS:
        own = environment.versions.get(name)
        if own is None or not is_release(own):
            continue
        right = None if row is None else getattr(row, name)
        # Of a torch that is newer than the table, a newer companion may be the right one.
        newer = series(torch) > newest and right is not None and series(own) > version_numbers(right)
        if right is not None and series(own) != version_numbers(right) and not newer:
            yield Conflict(
                package=name,
                kind="built-for",
                version=own,
                other="torch",
                found=torch,
                needs=_torch_of(name, own, rows) or "another release",
                evidence=f"{row.source}, {row.as_of}" if row else "",
                wants=(f"{name}=={right}.*",),
                options=("--force-reinstall", "--no-deps"),
            )
        else:
            yield from _other_build(environment, name, own, torch)


def _torch_of(name: str, version: str, rows: Sequence[TorchCompanions]) -> str | None:
    return next((each.torch for each in rows if version_numbers(getattr(each, name)) == series(version)), None)


def _other_build(environment: Environment, name: str, own: str, torch: str) -> Iterator[Conflict]:
    """torchvision compares the major release of CUDA when it is imported, torchaudio the whole of it."""
    build, compiled = environment.torch_build, environment.compiled.get(name)
    tag = compiled.builds[0] if compiled is not None and compiled.builds else None
    if build is None or tag is None or tag == build or not (build.startswith("cu") or tag.startswith("cu")):
        return
    if name == "torchvision" and build[:4] == tag[:4]:
        return
    if build == "cpu":
        return  # the CUDA of a companion is not loaded
    yield Conflict(
        package=name,
        kind="build",
        version=own,
        other="torch",
        found=f"{torch} ({build})" if "+" not in torch else torch,
        needs=tag,
        evidence=f"{compiled.source}" if compiled else "",
        wants=(f"{name}=={own.partition('+')[0]}",),
        options=("--force-reinstall", "--no-deps"),
    )
