"""Loads and validates shipped tables and user files. Each table is read when a command first uses it.

An installed wheel reads the compiled tables (``compiled``), a checkout the TOML and CSV files (``sources``).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from llmcheck.catalog import compiled
from llmcheck.errors import DataError

if TYPE_CHECKING:
    from llmcheck.gpus.identify import GpuRecord
    from llmcheck.schema.architecture import KnownModel
    from llmcheck.schema.cheapest import CheapestOffer
    from llmcheck.schema.outlook import CardsForSize
    from llmcheck.schema.starter import Starter
    from llmcheck.schema.table_date import TableDate
    from llmcheck.tables.correction import Correction
    from llmcheck.tables.dataset import Dataset
    from llmcheck.tables.duty import Area
    from llmcheck.tables.evaluation import Evaluations
    from llmcheck.tables.footprint import GridIntensity, Pue
    from llmcheck.tables.library import Alias, Library, Resolutions
    from llmcheck.tables.listed_model import ListedModel
    from llmcheck.tables.offer import DocumentedOffer, Offer
    from llmcheck.tables.package_pair import PackagePair
    from llmcheck.tables.prove_rate import ProveRate
    from llmcheck.tables.provider import GpuNames, Provider
    from llmcheck.tables.quantisation_loss import QuantisationLoss
    from llmcheck.tables.resource import Resource
    from llmcheck.tables.system_step import SystemInstallStep
    from llmcheck.tables.tables import Tables
    from llmcheck.tables.topic import Topic
    from llmcheck.tables.torch_wheel import (
        CudaDriver,
        CudaImage,
        NvccRelease,
        PackageBuild,
        TorchCompanions,
        TorchWheel,
    )

T = TypeVar("T")


def table(name: str, kind: type[T]) -> T:
    """One table, or one profile as a dict, by its name in ``sources``; ``kind`` is the type of its value.

    Raises DataError for a file that cannot be read.
    """
    try:
        found = compiled.table(name, kind)
    except DataError:
        from llmcheck.catalog import sources

        if not sources.exist(name):
            raise
        found = None
    if found is None:
        from llmcheck.catalog import sources  # tomllib and csv, 3 ms: an installed wheel needs neither

        found = sources.read(name)
    return found


def read_profile(path: str, *, pipes: bool = True) -> dict[str, Any]:
    """Reads a profile file that somebody named. Raises DataError with the file and the place of the error."""
    from llmcheck.catalog import sources  # tomllib and csv, 3 ms

    return sources.read_profile(path, pipes=pipes)


@functools.cache  # both an inspection and a plan need them
def libraries() -> Mapping[str, Library]:
    """All libraries by id: those of the document in its order, then those that llmcheck adds."""
    from llmcheck.tables.library import Library

    return {library.id: library for library in table("libraries", tuple[Library, ...])}


def aliases() -> tuple[Alias, ...]:
    """Other names of libraries, and former ones."""
    from llmcheck.tables.library import Alias

    return table("aliases", tuple[Alias, ...])


def system_steps() -> tuple[SystemInstallStep, ...]:
    """Commands for administrators, by operating system and purpose."""
    from llmcheck.tables.system_step import SystemInstallStep

    return table("system_steps", tuple[SystemInstallStep, ...])


def resolutions() -> Resolutions:
    """The packages that every library resolved to, and their sizes."""
    from llmcheck.tables.library import Resolutions

    return table("resolutions", Resolutions)


def torch_wheels() -> tuple[TorchWheel, ...]:
    """The builds of PyTorch, newest torch first."""
    from llmcheck.tables.torch_wheel import TorchWheel

    return table("torch_wheels", tuple[TorchWheel, ...])


def cuda_drivers() -> tuple[CudaDriver, ...]:
    """The NVIDIA driver that each CUDA release needs, oldest CUDA first."""
    from llmcheck.tables.torch_wheel import CudaDriver

    return table("cuda_drivers", tuple[CudaDriver, ...])


def torch_companions() -> tuple[TorchCompanions, ...]:
    """The torchvision and torchaudio of each torch, newest torch first."""
    from llmcheck.tables.torch_wheel import TorchCompanions

    return table("torch_companions", tuple[TorchCompanions, ...])


def cuda_images() -> tuple[CudaImage, ...]:
    """Container images with a CUDA compiler, newest CUDA first."""
    from llmcheck.tables.torch_wheel import CudaImage

    return table("cuda_images", tuple[CudaImage, ...])


def nvcc_releases() -> tuple[NvccRelease, ...]:
    """What each release of CUDA's compiler compiles for and with, oldest first."""
    from llmcheck.tables.torch_wheel import NvccRelease

    return table("nvcc_releases", tuple[NvccRelease, ...])


def package_builds() -> tuple[PackageBuild, ...]:
    """Other packages that come in several builds; of each package the preferred build first."""
    from llmcheck.tables.torch_wheel import PackageBuild

    return table("package_builds", tuple[PackageBuild, ...])


def package_pairs() -> tuple[PackagePair, ...]:
    """Packages that work with some versions of another only."""
    from llmcheck.tables.package_pair import PackagePair

    return table("package_pairs", tuple[PackagePair, ...])


@functools.cache  # both the findings of a report and its next step need them
def tables() -> Tables:
    """All tables that an installation plan uses."""
    from llmcheck.tables.tables import Tables

    return Tables(
        libraries=libraries(),
        wheels=torch_wheels(),
        drivers=cuda_drivers(),
        companions=torch_companions(),
        cuda_images=cuda_images(),
        nvcc_releases=nvcc_releases(),
        package_builds=package_builds(),
        aliases=aliases(),
        system_steps=system_steps(),
        resolutions=resolutions(),
    )


@functools.cache  # a model is looked up by several names
def models() -> Mapping[str, KnownModel]:
    """Shapes of well-known models, by id."""
    from llmcheck.schema.architecture import KnownModel

    return {each.id: each for each in table("models", tuple[KnownModel, ...])}


@functools.cache
def listed_models() -> tuple[ListedModel, ...]:
    """The original releases that may be recommended."""
    from llmcheck.tables.listed_model import ListedModel

    return table("listed_models", tuple[ListedModel, ...])


@functools.cache
def evaluations() -> Evaluations:
    """What public evaluations measured of the listed models."""
    from llmcheck.tables.evaluation import Evaluations

    return table("evaluations", Evaluations)


def prove_rates() -> tuple[ProveRate, ...]:
    """Published rates that a healthy machine reaches."""
    from llmcheck.tables.prove_rate import ProveRate

    return table("prove_rates", tuple[ProveRate, ...])


@functools.cache
def quantisation_losses() -> Mapping[str, QuantisationLoss]:
    """What is published of the loss by each format of weights, by the format's name."""
    from llmcheck.tables.quantisation_loss import QuantisationLoss

    return {each.format: each for each in table("quantisation_losses", tuple[QuantisationLoss, ...])}


@functools.cache
def starters() -> tuple[Starter, ...]:
    """Models to start with, for each size of the tiers the best first."""
    from llmcheck.schema.starter import Starter

    return table("starters", tuple[Starter, ...])


@functools.cache
def cards() -> tuple[CardsForSize, ...]:
    """The smallest cards that hold each size of the tiers."""
    from llmcheck.schema.outlook import CardsForSize

    return table("cards", tuple[CardsForSize, ...])


def corrections() -> tuple[Correction, ...]:
    """Corrections of wrong figures in the document."""
    from llmcheck.tables.correction import Correction

    return table("corrections", tuple[Correction, ...])


def topics() -> tuple[Topic, ...]:
    """What the words of llmcheck's answers mean."""
    from llmcheck.tables.topic import Topic

    return table("topics", tuple[Topic, ...])


@functools.cache
def offers() -> tuple[Offer, ...]:
    """All offers, by provider."""
    from llmcheck.tables.offer import Offer

    return table("offers", tuple[Offer, ...])


@functools.cache
def cheapest_offer(profile: str) -> CheapestOffer | None:
    """The cheapest offer on which a tier is ready; None where there is none."""
    from llmcheck.schema.cheapest import CheapestOffer

    every = compiled.table("cheapest_offers", tuple[CheapestOffer, ...])
    if every is not None:
        return next((each for each in every if each.profile == profile), None)
    from llmcheck.catalog import sources  # a checkout computes this one alone

    return sources.cheapest_offer(profile)


def documented_offers() -> tuple[DocumentedOffer, ...]:
    """The offers that the document names, in its order."""
    from llmcheck.tables.offer import DocumentedOffer

    return table("documented_offers", tuple[DocumentedOffer, ...])


def providers() -> Mapping[str, Provider]:
    """Providers that other tools know, or whose own command is known, by id."""
    from llmcheck.tables.provider import Provider

    return {each.id: each for each in table("providers", tuple[Provider, ...])}


def gpu_names() -> Mapping[str, GpuNames]:
    """What other tools call GPUs, by the name of the row of the table of GPUs."""
    from llmcheck.tables.provider import GpuNames

    return {each.gpu: each for each in table("gpu_names", tuple[GpuNames, ...])}


def gpu_specs() -> tuple[GpuRecord, ...]:
    """The published figures of each GPU, in the order of the table."""
    from llmcheck.gpus.identify import GpuRecord

    return table("gpus", tuple[GpuRecord, ...])


def datasets() -> Mapping[str, Dataset]:
    """All datasets by id: those of the document in its order, then modern alternatives."""
    from llmcheck.tables.dataset import Dataset

    return {each.id: each for each in table("datasets", tuple[Dataset, ...])}


def resources() -> tuple[Resource, ...]:
    """What the document gives to read, in its order."""
    from llmcheck.tables.resource import Resource

    return table("resources", tuple[Resource, ...])


def duties() -> tuple[Area, ...]:
    """The areas of responsible use, in the document's order."""
    from llmcheck.tables.duty import Area

    return table("duties", tuple[Area, ...])


def grid_intensities() -> tuple[GridIntensity, ...]:
    """Grams of CO2 for a kilowatt-hour: countries, then regions of cloud providers."""
    from llmcheck.tables.footprint import GridIntensity

    return table("grid_intensities", tuple[GridIntensity, ...])


def pues() -> tuple[Pue, ...]:
    """What data centres add to the power of their machines, by provider."""
    from llmcheck.tables.footprint import Pue

    return table("pues", tuple[Pue, ...])


def table_dates(names: Sequence[str] = ()) -> tuple[TableDate, ...]:
    """How old these tables are, or all that have dates. One without dates is left out.

    A checkout looks into the files of these tables alone.
    """
    from llmcheck.schema.table_date import TableDate

    try:
        every = compiled.table("table_dates", tuple[TableDate, ...])
    except DataError:
        from llmcheck.catalog import sources

        if not sources.exist("table_dates"):
            raise
        every = None
    if every is None:
        from llmcheck.catalog import sources

        return sources.table_dates(names)
    return tuple(each for each in every if not names or each.name in names)
