"""The answers about datasets, reading, responsible use and the age of the tables."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import datetime

from msgspec import Struct

from llmcheck.tables.dataset import Dataset
from llmcheck.tables.resource import Resource


class DatasetList(Struct, frozen=True, kw_only=True):
    """The answer of ``llmcheck datasets list``."""

    schema: str = "llmcheck.datasets/1"
    """Format of this document and its version."""
    datasets: tuple[Dataset, ...]
    """Those of the document in its order, then modern alternatives."""


class ShownDataset(Struct, frozen=True, kw_only=True):
    """The answer of ``llmcheck datasets show``."""

    schema: str = "llmcheck.dataset/1"
    """Format of this document and its version."""
    dataset: Dataset
    """The row of the table."""
    tokenised_bytes: int | None = None
    """At 4 bytes a token; a vocabulary of up to 65,536 words takes half. None where its tokens are not known."""
    successors: tuple[Dataset, ...] = ()
    """Datasets to use instead."""


class ResourceList(Struct, frozen=True, kw_only=True):
    """The answer of ``llmcheck resources``."""

    schema: str = "llmcheck.resources/1"
    """Format of this document and its version."""
    resources: tuple[Resource, ...]
    """In the document's order."""
    papers_listed: int
    """Papers that the document numbers, whatever the filters."""
    papers_promised: str = "100+"
    """How many its heading says."""


class Footprint(Struct, frozen=True, kw_only=True):
    """Energy and CO2 of a run on the GPUs of a machine. None where something that it needs is not known."""

    gpus: int
    """How many work."""
    gpu: str | None = None
    """Their name; None without a GPU."""
    watts: float | None = None
    """Of all of them at their power limit."""
    watts_from: str | None = None
    """``power limit`` of the driver, or ``table``: the usual one of these cards."""
    utilisation: float
    """Average power as a share of the limit, 0 to 1."""
    hours: float | None = None
    """Of the run."""
    hours_from: str | None = None
    """``given``, or ``computed`` for the profile's workload on this machine."""
    pue: float
    """Power of the data centre by that of its machines."""
    pue_from: str
    """Who published it and when, or ``given``."""
    place: str | None = None
    """The grid: a country or a region; None where none was named."""
    g_per_kwh: float | None = None
    """Grams of CO2 equivalent for a kilowatt-hour there."""
    grid_from: str | None = None
    """Who published that and of which year."""
    kwh: float | None = None
    """Energy of the GPUs with the data centre's part; processors, memory and network come on top."""
    co2_kg: float | None = None
    """CO2 of that energy."""
    gpt3_share: float | None = None
    """``co2_kg`` by the 552 t that the document states for training GPT-3."""
    missing: tuple[str, ...] = ()
    """What would have to be known, and how to say it."""


class Tool(Struct, frozen=True, kw_only=True):
    """A tool that the document names for an area, with its state today."""

    name: str
    """Its name."""
    status: str
    """Of the library: ``active``, ``stale``, ``closing``, ..."""
    note: str | None = None
    """What to know of it."""
    as_of: datetime.date
    """Day of that state."""


class ChecklistItem(Struct, frozen=True, kw_only=True):
    """One thing to do."""

    id: str
    """Marks it in the file."""
    text: str
    """What to do."""
    documented: str | None = None
    """The document's words; None where llmcheck adds it."""


class ChecklistArea(Struct, frozen=True, kw_only=True):
    """One of the six areas."""

    id: str
    """Kebab-case."""
    title: str
    """As the document names it."""
    issues: tuple[str, ...]
    """What can go wrong."""
    items: tuple[ChecklistItem, ...]
    """What to do."""
    tools: tuple[Tool, ...]
    """That the document names for it."""
    note: str | None = None
    """Where the document's words need a word."""


class ModelFacts(Struct, frozen=True, kw_only=True):
    """What llmcheck knows for a model card."""

    machine: tuple[tuple[str, str], ...]
    """Labels and values: GPUs, RAM, driver, operating system."""
    packages: dict[str, str]
    """Installed packages of the catalogue's libraries, with their versions."""
    method: str | None = None
    """Of the profile's workload: ``full``, ``lora``, ``inference``, ...; None where it has none."""
    parameters: tuple[str, ...] = ()
    """Sizes or the model of the profile's workload."""
    footprint: Footprint
    """Energy and CO2."""


class Checklist(Struct, frozen=True, kw_only=True):
    """The answer of ``llmcheck checklist``."""

    schema: str = "llmcheck.checklist/1"
    """Format of this document and its version."""
    llmcheck: str
    """Version of llmcheck."""
    created_at: str
    """UTC, ISO 8601."""
    profile: str
    """Id of the profile."""
    path: str | None = None
    """Its file, as it was named; None for a shipped profile."""
    title: str
    """Its title."""
    task: str
    """Its task."""
    parts: tuple[str, ...]
    """What a document for people shows: ``checklist``, ``model-card``, ``datasheet``."""
    areas: tuple[ChecklistArea, ...]
    """In the document's order."""
    model: ModelFacts
    """For the model card."""
    datasets: tuple[Dataset, ...]
    """For the datasheets: those of ``--dataset``."""
