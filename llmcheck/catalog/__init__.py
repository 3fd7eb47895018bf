"""Shipped and user data: found, loaded and validated. What is read here is only what a command asks for."""

from __future__ import annotations

import csv
import functools
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from llmcheck import codec
from llmcheck.errors import DataError
from llmcheck.tables.correction import Correction
from llmcheck.tables.library import Alias, Library, Resolutions
from llmcheck.tables.system_step import SystemInstallStep

if TYPE_CHECKING:
    from llmcheck.gpus.identify import GpuRecord
    from llmcheck.schema.architecture import KnownModel
    from llmcheck.tables.offer import Offer
    from llmcheck.tables.tables import Tables

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DATA = os.path.join(_HERE, "data")


def profile_folder() -> str:
    """The shipped profiles: inside the wheel, or beside the package in a checkout."""
    inside = os.path.join(_HERE, "profiles")
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(_HERE), "profiles")


def read_toml(path: str) -> dict[str, Any]:
    """A TOML file. Raises DataError with the file and place for anything that cannot be read."""
    import tomllib  # 4 ms that a question about a file does without

    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{path}: not valid TOML: {error}") from None


@functools.cache  # an inspection looks for their modules before a plan is made of them
def libraries(*, helpers: bool = True) -> Mapping[str, Library]:
    """All libraries of the document, by id, in its order, and then, unless left out, the helpers."""
    found = _tables("libraries.toml", "library", Library)
    found += _tables("helpers.toml", "library", Library) if helpers else []
    return {library.id: library for library in found}


def aliases() -> tuple[Alias, ...]:
    """Names that people use for a library, or that it had."""
    return tuple(_tables("aliases.toml", "alias", Alias))


def recipes() -> tuple[SystemInstallStep, ...]:
    """What an administrator runs, by system and purpose."""
    return tuple(_tables("system_steps.toml", "recipe", SystemInstallStep))


def resolutions() -> Resolutions:
    """What every library resolved to, and what it weighs."""
    path = os.path.join(DATA, "resolutions.json")
    with open(path, "rb") as file:
        return codec.decode_json(file.read(), Resolutions, path)


def tables(*, helpers: bool = True, systems: bool = True) -> Tables:
    """All that a plan rests on.

    ``helpers``: with the libraries beside those of the document, which a shipped tier does without. ``systems``: with
    what an administrator runs, which most machines do without.
    """
    from llmcheck.catalog import wheels  # with the first plan
    from llmcheck.tables.tables import Tables

    return Tables(
        libraries=libraries(helpers=helpers),
        wheels=wheels.wheels(),
        drivers=wheels.drivers(),
        companions=wheels.companions(),
        cuda_images=wheels.cuda_images(),
        package_builds=wheels.package_builds(),
        aliases=aliases() if helpers else (),
        system_steps=recipes() if systems else (),
        resolutions=resolutions(),
    )


def models() -> dict[str, KnownModel]:
    """Shapes of well-known models, by id."""
    from llmcheck.schema.architecture import KnownModel

    return {each.id: each for each in _tables("models.toml", "model", KnownModel)}


def corrections() -> tuple[Correction, ...]:
    """What is known to be wrong in the document."""
    return tuple(_tables("corrections.toml", "correction", Correction))


def offers() -> tuple[Offer, ...]:
    """All offers, by provider and price."""
    from llmcheck.tables.offer import Offer

    path = os.path.join(DATA, "offers.csv")
    with open(path, encoding="utf-8", newline="") as file:
        rows = [{key: value for key, value in row.items() if value != ""} for row in csv.DictReader(file)]
    return tuple(codec.convert(rows, list[Offer], path, text=True))


def gpu_specs() -> tuple[GpuRecord, ...]:
    """What is published of each card, in the order of the table. Raises DataError for a row that cannot be read.

    Read by hand, not through ``codec``: two nested structs from one flat row, in a third of the time.
    """
    path = os.path.join(DATA, "gpus.csv")
    known = []
    with open(path, encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            try:
                known.append(_known(row))
            except (KeyError, ValueError) as error:
                raise DataError(f"{path}, line {number}: {error}") from None
    return tuple(known)


def _known(row: dict[str, str]) -> GpuRecord:
    from llmcheck.gpus.identify import GpuRecord  # with the table: most commands name no card
    from llmcheck.schema.machine import GpuSpec
    from llmcheck.units import MIB

    numbers = {
        field: float(row[field]) if row[field] else None
        for field in ("memory_gb", "bandwidth_gb_s", "bf16_tflops", "fp16_tflops", "fp8_tflops", "nvlink_gb_s", "tdp_w")
    }
    profiles = row["mig_profiles"].split(";") if row["mig_profiles"] not in ("", "none") else ()
    spec = GpuSpec(
        name=row["name"],
        mig_profiles=tuple(profile.partition(":")[0] for profile in profiles),
        release_year=int(row["release_year"]) if row["release_year"] else None,
        source=row["source"],
        **numbers,
    )
    return GpuRecord(
        vendor=row["vendor"],
        spec=spec,
        aliases=tuple(row["aliases"].split(";")) if row["aliases"] else (),
        arch=row["arch"] or None,
        capability=row["capability"] or None,
        memory_reported=int(row["memory_reported_mib"]) * MIB if row["memory_reported_mib"] else None,
        as_of=row["as_of"],
    )


def _tables(name: str, key: str, kind: type[Any]) -> list[Any]:
    path = os.path.join(DATA, name)
    tables = read_toml(path).get(key, [])
    converted: list[Any] = codec.convert(tables, list[kind], path)  # type: ignore[valid-type]
    return converted
