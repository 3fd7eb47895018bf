"""The tables of PyTorch's builds, of packages with several builds, and of what CUDA needs."""

from __future__ import annotations

import csv
import datetime
import os
from collections.abc import Callable
from typing import Any, TypeVar

from llmcheck import catalog
from llmcheck.errors import DataError
from llmcheck.tables.torch_wheel import CudaDriver, CudaImage, PackageBuild, TorchCompanions, TorchWheel

_YES = {"yes": True, "no": False}
T = TypeVar("T")


def wheels() -> tuple[TorchWheel, ...]:
    """Newest torch first. Raises DataError for a row that cannot be read."""
    return _rows("torch_wheels.csv", _wheel)


def drivers() -> tuple[CudaDriver, ...]:
    """Oldest CUDA first. Raises DataError for a row that cannot be read."""
    return _rows("cuda_drivers.csv", _driver)


def companions() -> tuple[TorchCompanions, ...]:
    """Newest torch first. Raises DataError for a row that cannot be read."""
    return _rows("torch_companions.csv", lambda row: TorchCompanions(**_dated(row)))


def cuda_images() -> tuple[CudaImage, ...]:
    """Newest CUDA first. Raises DataError for a row that cannot be read."""
    return _rows("cuda_images.csv", lambda row: CudaImage(**_dated(row)))


def package_builds() -> tuple[PackageBuild, ...]:
    """Of each package the preferred build first. Raises DataError for a row that cannot be read."""
    return _rows("package_builds.csv", _package_build)


def _rows(name: str, convert: Callable[[dict[str, str]], T]) -> tuple[T, ...]:
    """By hand, not through ``codec``: this is read at nearly every start."""
    path = os.path.join(catalog.DATA, name)
    converted = []
    with open(path, encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            try:
                converted.append(convert(row))
            except (KeyError, ValueError, AttributeError, TypeError) as error:
                raise DataError(f"{path}, line {number}: {error}") from None
    return tuple(converted)


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
    return CudaDriver(
        cuda=row["cuda"],
        linux=row["linux"],
        windows=row["windows"],
        source=row["source"],
        as_of=datetime.date.fromisoformat(row["as_of"]),
    )


def _package_build(row: dict[str, str]) -> PackageBuild:
    lists = {name: _list(row[name]) for name in ("systems", "architectures")}
    optional = ("driver", "compute_capability", "compute_capability_below", "glibc_min", "index_url")
    return PackageBuild(**{**_dated(row), **lists, **{name: row[name] or None for name in optional}})


def _dated(row: dict[str, str]) -> dict[str, Any]:
    return {**row, "as_of": datetime.date.fromisoformat(row["as_of"])}


def _list(text: str) -> tuple[str, ...]:
    return tuple(text.split(";")) if text else ()
