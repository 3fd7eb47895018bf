"""Everything that an installation plan rests on, as one value."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from llmcheck.tables.library import Alias, Library, Resolutions
from llmcheck.tables.system_step import SystemInstallStep
from llmcheck.tables.torch_wheel import CudaDriver, TorchWheel


class Tables(Struct, frozen=True, kw_only=True):
    libraries: Mapping[str, Library]
    wheels: tuple[TorchWheel, ...]
    """Newest torch first."""
    drivers: tuple[CudaDriver, ...]
    recipes: tuple[SystemInstallStep, ...] = ()
    aliases: tuple[Alias, ...] = ()
    resolutions: Resolutions | None = None
    """None: a plan then names neither sizes nor the packages that a library depends on."""
