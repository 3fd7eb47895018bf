"""Reads the tables from their TOML, CSV and JSON files, for a checkout and for compiling a wheel."""

from __future__ import annotations

import csv
import datetime
import os
import re
import tomllib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from llmcheck import codec
from llmcheck.catalog import compiled, places
from llmcheck.errors import DataError
from llmcheck.gpus.identify import GpuRecord
from llmcheck.schema.architecture import KnownModel
from llmcheck.schema.cheapest import CheapestOffer
from llmcheck.schema.machine import GpuSpec
from llmcheck.schema.outlook import CardsForSize
from llmcheck.schema.starter import Starter
from llmcheck.tables.correction import Correction
from llmcheck.tables.evaluation import Evaluations, Scale, Score
from llmcheck.tables.library import Alias, Library, Resolutions
from llmcheck.tables.listed_model import ListedModel
from llmcheck.tables.offer import DocumentedOffer, Offer, by_field
from llmcheck.tables.package_pair import PackagePair
from llmcheck.tables.provider import GpuNames, Provider
from llmcheck.tables.quantisation_loss import QuantisationLoss
from llmcheck.tables.system_step import SystemInstallStep
from llmcheck.tables.topic import Topic
from llmcheck.tables.torch_wheel import CudaDriver, CudaImage, NvccRelease, PackageBuild, TorchCompanions, TorchWheel
from llmcheck.units import MIB

T = TypeVar("T")
_LARGEST_PROFILE = 2 * 2**20
"""Bytes: 10,000 requirements take half of it; the largest shipped profile takes 8 kB."""
_MOST_DOTS_SQUARED = 10**7
"""Over the lines of a file: 10,000 lines of text may have 30 dots each, and tomllib needs less than a second."""
_MOST_TABLES = 100_000
"""A profile has at most 20,000 requirements, each of which may consist of others."""
_LONG_NUMBER = re.compile(rb"[0-9_]{4301}")
_OFFERS = "data/offers"
_YES = {"yes": True, "no": False}


def read(name: str) -> Any:
    """One table by its name in ``TABLES``, or one profile (``profiles/ID.toml``) as a dict. Raises DataError."""
    return read_toml(places.path_of(name)) if name.startswith("profiles/") else TABLES[name][1]()


def exist(name: str) -> bool:
    """Whether the files of a table exist; a wheel has only those of profiles."""
    return all(os.path.exists(places.path_of(each)) for each in _files(name))


def compile_all() -> bytes:
    """The compiled file of all tables and shipped profiles. Raises DataError for a file that cannot be read."""
    folders = ("", f"{places.NODES}/")
    profiles = (
        f"profiles/{folder}{each}"
        for folder in folders
        for each in sorted(os.listdir(os.path.join(places.profile_folder(), folder)))
        if each.endswith(".toml")
    )
    return compiled.compiled({name: (_files(name), read(name)) for name in (*TABLES, *profiles)})


def _files(name: str) -> tuple[str, ...]:
    return (name,) if name.startswith("profiles/") else TABLES[name][0]


def read_toml(path: str) -> dict[str, Any]:
    """Reads a TOML file. Raises DataError with the file and the place of the error."""
    try:
        with open(path, "rb") as file:
            return parse_toml(file.read(), path)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None


def read_profile(path: str, *, pipes: bool = True) -> dict[str, Any]:
    """Reads a profile file that somebody named, TOML or JSON. Raises DataError with the file and the place of the
    error. ``pipes``: whether it may be a pipe.
    """
    from llmcheck.system import outside  # the shipped profiles do not come from outside

    try:
        data = outside.read_file(path, _LARGEST_PROFILE, "a profile", pipes=pipes)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    except ValueError:
        raise DataError(f"{path!r}: not a path") from None
    return parse_json(data, path) if data.lstrip()[:1] == b"{" else parse_toml(data, path)


def parse_json(data: bytes, where: str) -> dict[str, Any]:
    """A JSON document that is a table; no document in TOML begins with a brace. Raises DataError."""
    found = codec.decode_json(data, dict[str, Any], where)
    codec.refuse_long_numbers(data, found, where)
    return found


def parse_toml(data: bytes, where: str) -> dict[str, Any]:
    """A TOML document. Raises DataError with the place of the error."""
    _refuse_long_keys(data, where)
    _refuse_many_tables(data, where)
    try:
        return tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{where}: not valid TOML: {error}") from None
    except ValueError:  # Python converts no longer number
        line = data[: match.start()].count(b"\n") + 1 if (match := _LONG_NUMBER.search(data)) else 0
        raise DataError(f"{where}: not valid TOML: a number of too many digits (at line {line})") from None


def _refuse_many_tables(data: bytes, where: str) -> None:
    """tomllib takes two microseconds for each, and keeps all of them."""
    for sign in (b"{", b"[["):
        if data.count(sign) > _MOST_TABLES:
            raise DataError(f"{where}: {data.count(sign):,} times '{sign.decode()}'; at most {_MOST_TABLES:,} tables")


def _refuse_long_keys(data: bytes, where: str) -> None:
    """For a key of n parts, ``a.b.c``, tomllib takes time and memory as n squared."""
    dots = [line.count(b".") for line in data.split(b"\n")]
    if sum(each * each for each in dots) > _MOST_DOTS_SQUARED:
        most = max(dots)
        line = dots.index(most) + 1
        raise DataError(f"{where}: not valid TOML: {most:,} dots in one line are too many (at line {line})")


def _toml(name: str, key: str, kind: type[T]) -> tuple[T, ...]:
    path = places.path_of(name)
    return codec.convert(read_toml(path).get(key, []), tuple[kind, ...], path)  # type: ignore[valid-type]  # made at run time


def _libraries() -> tuple[Library, ...]:
    documented = _toml("data/libraries.toml", "library", Library)
    return documented + _toml("data/helpers.toml", "library", Library)


def _resolutions() -> Resolutions:
    path = places.path_of("data/resolutions.json")
    with open(path, "rb") as file:
        return codec.decode_json(file.read(), Resolutions, path)


def _texts(name: str, kind: type[T]) -> tuple[T, ...]:
    """The rows of a CSV file whose columns are the fields of ``kind``; an empty cell is a field that is left out."""
    rows = [{key: value for key, value in row.items() if value != ""} for _, row in _csv(name)]
    return codec.convert(rows, tuple[kind, ...], places.path_of(name), text=True)  # type: ignore[valid-type]  # made at run time


def _offers(name: str) -> tuple[Offer, ...]:
    rows = [by_field({key: value for key, value in row.items() if value != ""}) for _, row in _csv(name)]
    return codec.convert(rows, tuple[Offer, ...], places.path_of(name), text=True)


def _evaluations() -> Evaluations:
    return Evaluations(scales=_texts("data/evaluation_scales.csv", Scale), scores=_texts("data/evaluations.csv", Score))


def _starters() -> tuple[Starter, ...]:
    from llmcheck.catalog.derived import starters  # with all readers of model files, and only a build makes this table

    return starters(read("models"), read("listed_models"), _evaluations())


def _cards() -> tuple[CardsForSize, ...]:
    from llmcheck.catalog.derived import cards_for_sizes  # as above

    return cards_for_sizes()


def _cheapest_offers() -> tuple[CheapestOffer, ...]:
    from llmcheck.catalog import profiles  # which reads what this module finds

    found = (cheapest_offer(name) for name in profiles.tier_ids())
    return tuple(each for each in found if each is not None)


def cheapest_offer(profile: str) -> CheapestOffer | None:
    """Of one tier, computed."""
    from llmcheck.catalog import profiles
    from llmcheck.catalog.derived import cheapest_offer as derived

    return derived(profiles.load(profile), read("offers"), read("corrections"), read("gpus"))


def _csv(name: str) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV file with their line numbers, if each row is one line."""
    with open(places.path_of(name), encoding="utf-8", newline="") as file:
        yield from enumerate(csv.DictReader(file), 2)


def _rows(name: str, convert: Callable[[dict[str, str]], T]) -> tuple[T, ...]:
    converted = []
    for number, row in _csv(name):
        try:
            converted.append(convert(row))
        except (KeyError, ValueError, AttributeError, TypeError) as error:
            raise DataError(f"{places.path_of(name)}, line {number}: {error}") from None
    return tuple(converted)


def _gpu(row: dict[str, str]) -> GpuRecord:
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
        aliases=_list(row["aliases"]),
        search_words=_list(row["search_words"]),
        other_sizes_gb=tuple(map(float, _list(row["other_sizes_gb"]))),
        host_architecture=row["host_architecture"] or None,
        capability=row["capability"] or None,
        memory_reported=int(row["memory_reported_mib"]) * MIB if row["memory_reported_mib"] else None,
        as_of=row["as_of"],
    )


def _wheel(row: dict[str, str]) -> TorchWheel:
    return TorchWheel(
        torch=row["torch"],
        release=row["release"],
        tag=row["tag"],
        systems=_list(row["systems"]),
        architecture=row["architecture"],
        requirement=row["requirement"],
        on_pypi=_list(row["on_pypi"]),
        gpu_archs=_list(row["code"]),
        python_min=row["python_min"],
        python_below=row["python_below"] or None,
        macos_min=int(row["macos_min"]) if row["macos_min"] else None,
        glibc_min=row["glibc_min"] or None,
        index_url=row["index_url"] or None,
        torchaudio_torch=row["torchaudio_torch"] or None,
        torchaudio_tag=row["torchaudio_tag"] or None,
        advised=_YES[row["advised"]],
        verified=_YES[row["verified"]],
        source=row["source"],
        as_of=datetime.date.fromisoformat(row["as_of"]),
    )


def _driver(row: dict[str, str]) -> CudaDriver:
    return CudaDriver(**_dated(row))


def _package_build(row: dict[str, str]) -> PackageBuild:
    lists = {name: _list(row[name]) for name in ("systems", "architectures")}
    optional = ("driver", "compute_capability", "compute_capability_below", "glibc_min", "index_url")
    return PackageBuild(**{**_dated(row), **lists, **{name: row[name] or None for name in optional}})


def _companions(row: dict[str, str]) -> TorchCompanions:
    return TorchCompanions(**_dated(row))


def _nvcc_release(row: dict[str, str]) -> NvccRelease:
    majors, gcc = tuple(row.pop("majors").split(";")), row.pop("gcc_max")
    return NvccRelease(majors=majors, gcc_max=int(gcc) if gcc else None, **_dated(row))


def _cuda_image(row: dict[str, str]) -> CudaImage:
    return CudaImage(**_dated(row))


def _dated(row: dict[str, str]) -> dict[str, Any]:
    return {**row, "as_of": datetime.date.fromisoformat(row["as_of"])}


def _listed_model(row: dict[str, str]) -> ListedModel:
    lists = {name: _list(row[name]) for name in ("tasks", "modalities", "gguf")}
    rest = {name: value for name, value in row.items() if value and name not in lists}
    gated = {"gated": _YES[row["gated"]]} if row["gated"] else {}
    return ListedModel(**{**_dated(rest), **lists, **gated})


def _list(text: str) -> tuple[str, ...]:
    return tuple(text.split(";")) if text else ()


def _offer_files() -> tuple[str, ...]:
    """A file for each provider; one that cannot exist where there is no such folder, as in a wheel."""
    folder = places.path_of(_OFFERS)
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else ["none.csv"]
    return tuple(f"{_OFFERS}/{each}" for each in names if each.endswith(".csv"))


TABLES: dict[str, tuple[tuple[str, ...], Callable[[], Any]]] = {
    "aliases": (("data/aliases.toml",), lambda: _toml("data/aliases.toml", "alias", Alias)),
    "cards": ((), _cards),
    "cheapest_offers": ((*_offer_files(), "data/gpus.csv"), _cheapest_offers),
    "corrections": (("data/corrections.toml",), lambda: _toml("data/corrections.toml", "correction", Correction)),
    "cuda_drivers": (("data/cuda_drivers.csv",), lambda: _rows("data/cuda_drivers.csv", _driver)),
    "cuda_images": (("data/cuda_images.csv",), lambda: _rows("data/cuda_images.csv", _cuda_image)),
    "documented_offers": (
        ("data/documented_offers.csv",),
        lambda: _texts("data/documented_offers.csv", DocumentedOffer),
    ),
    "evaluations": (("data/evaluation_scales.csv", "data/evaluations.csv"), _evaluations),
    "gpu_names": (("data/gpu_names.csv",), lambda: _texts("data/gpu_names.csv", GpuNames)),
    "gpus": (("data/gpus.csv",), lambda: _rows("data/gpus.csv", _gpu)),
    "libraries": (("data/libraries.toml", "data/helpers.toml"), _libraries),
    "listed_models": (("data/listed_models.csv",), lambda: _rows("data/listed_models.csv", _listed_model)),
    "models": (("data/models.toml",), lambda: _toml("data/models.toml", "model", KnownModel)),
    "nvcc_releases": (("data/nvcc_releases.csv",), lambda: _rows("data/nvcc_releases.csv", _nvcc_release)),
    "offers": (_offer_files(), lambda: tuple(each for name in _offer_files() for each in _offers(name))),
    "package_builds": (("data/package_builds.csv",), lambda: _rows("data/package_builds.csv", _package_build)),
    "package_pairs": (("data/package_pairs.csv",), lambda: _texts("data/package_pairs.csv", PackagePair)),
    "providers": (("data/providers.toml",), lambda: _toml("data/providers.toml", "provider", Provider)),
    "quantisation_losses": (
        ("data/quantisation_loss.csv",),
        lambda: _texts("data/quantisation_loss.csv", QuantisationLoss),
    ),
    "resolutions": (("data/resolutions.json",), _resolutions),
    "starters": (
        ("data/models.toml", "data/listed_models.csv", "data/evaluation_scales.csv", "data/evaluations.csv"),
        _starters,
    ),
    "system_steps": (("data/system_steps.toml",), lambda: _toml("data/system_steps.toml", "recipe", SystemInstallStep)),
    "topics": (("data/topics.toml",), lambda: _toml("data/topics.toml", "topic", Topic)),
    "torch_companions": (("data/torch_companions.csv",), lambda: _rows("data/torch_companions.csv", _companions)),
    "torch_wheels": (("data/torch_wheels.csv",), lambda: _rows("data/torch_wheels.csv", _wheel)),
}
"""By name: the files of a table, and the function that reads them."""
