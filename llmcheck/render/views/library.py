"""Datasets, reading, and the age of the tables."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from llmcheck.judge.datasets import WORDS, tokens_in_words
from llmcheck.render.views.blocks import Block, Bullets, Cell, Column, Fact, Facts, Heading, Table, Tone
from llmcheck.schema.library import DatasetList, ResourceList, ShownDataset
from llmcheck.schema.project import DatasetUse, Reading
from llmcheck.schema.table_date import TableDate, TableList
from llmcheck.tables.dataset import Dataset, State
from llmcheck.tables.resource import Resource
from llmcheck.units import format_gb

TONES: dict[State, Tone] = {"open": "good", "withdrawn": "bad"}
_COMMERCIAL = {"yes": "yes", "no": "no", "per-item": "by item", "unknown": "not known"}


def library_view(value: DatasetList | ShownDataset | ResourceList | TableList) -> list[Block]:
    match value:
        case DatasetList():
            return dataset_list(value)
        case ShownDataset():
            return shown_dataset(value)
        case ResourceList():
            return resource_list(value)
        case TableList():
            return table_list(value)


def dataset_list(value: DatasetList) -> list[Block]:
    columns = [
        Column("id", fixed=True),
        Column("state", fixed=True),
        Column("documented", not_narrow=True, min_width=12),
        Column("to fetch", fixed=True, right=True),
        Column("tokens", fixed=True, right=True, not_narrow=True),
        Column("product", fixed=True, wide_only=True),
        Column("use instead", wide_only=True),
    ]
    blocks: list[Block] = [Table(columns, [_dataset_row(each) for each in value.datasets])]
    withdrawn = [each for each in value.datasets if each.state == "withdrawn"]
    if withdrawn:
        items = [Cell(f"{each.name}: {each.reason}", "bad") for each in withdrawn]
        blocks += [Heading("Withdrawn: never ready", level=3), Bullets(items)]
    return blocks


def _dataset_row(dataset: Dataset) -> list[Cell]:
    return [
        Cell(dataset.id, "strong" if dataset.listed else "accent"),
        Cell(dataset.state, TONES.get(dataset.state, "warn")),
        Cell(dataset.documented or "–", "dim"),
        Cell(_fetch(dataset)),
        Cell(tokens_in_words(dataset.tokens) if dataset.tokens else "?"),
        Cell(_COMMERCIAL[dataset.commercial]),
        Cell(", ".join(dataset.successors) or "–", "dim"),
    ]


def _fetch(dataset: Dataset) -> str:
    if dataset.content != "data":
        return f"{dataset.content} only"
    return "?" if dataset.fetch_bytes is None else format_gb(dataset.fetch_bytes)


def shown_dataset(value: ShownDataset) -> list[Block]:
    dataset = value.dataset
    tokens = None
    if dataset.tokens is not None:
        tokens = f"{tokens_in_words(dataset.tokens)} ({dataset.tokenizer or 'the tokenizer is not stated'})"
    pairs: list[tuple[str, str | None, Tone]] = [
        ("What", dataset.summary, "plain"),
        ("State", f"{WORDS[dataset.state]}: {dataset.reason}", TONES.get(dataset.state, "warn")),
        ("Use instead", ", ".join(f"{each.id} ({each.name})" for each in value.successors) or None, "accent"),
        ("Documented", dataset.documented or "no figure" if dataset.listed else "not in the document", "dim"),
        ("Sizes of", dataset.version, "plain"),
        ("To fetch", _size(dataset.fetch_bytes), "plain"),
        ("Unpacked", _size(dataset.unpacked_bytes), "plain"),
        ("Tokens", tokens or "not known", "plain"),
        ("Tokenised", _tokenised(value.tokenised_bytes), "plain"),
        (
            "Size is",
            {"verified": "verified", "secondary": "from pages of others"}.get(dataset.size_quality or ""),
            "dim",
        ),
        ("Not known", dataset.unknown, "dim"),
        ("Entries", dataset.items, "plain"),
        ("Holds", None if dataset.content == "data" else f"{dataset.content}, not the data itself", "warn"),
        ("Licence", dataset.licence, "plain"),
        ("In a product", _COMMERCIAL[dataset.commercial], "plain"),
        ("On the hub", dataset.repository, "plain"),
        ("URL", dataset.url, "plain"),
        ("Documented URL", dataset.documented_url, "dim"),
        ("Source", f"{dataset.source}, {dataset.as_of}", "dim"),
    ]
    return [Heading(dataset.name, dataset.id), Facts([Fact(label, text, tone) for label, text, tone in pairs if text])]


def _size(size: int | None) -> str:
    return "not known" if size is None else format_gb(size)


def _tokenised(size: int | None) -> str:
    if size is None:
        return "not known"
    return f"{format_gb(size)} at 4 bytes a token; {format_gb(size // 2)} with a vocabulary of up to 65,536 words"


def resource_list(value: ResourceList) -> list[Block]:
    columns = [
        Column("", fixed=True, not_narrow=True),
        Column("title"),
        Column("authors", wide_only=True),
        Column("year", fixed=True, not_narrow=True),
        Column("why", wide_only=True),
        Column("where", min_width=32),
    ]
    blocks: list[Block] = []
    for kind, title in _KINDS.items():
        rows = [_resource_row(each) for each in value.resources if each.kind == kind]
        if rows:
            blocks += [Heading(title, level=3), Table(columns, rows)]
    if not blocks:
        return [Bullets([Cell("nothing in the document is all of that: leave a filter out", "unknown")])]
    notes = [Cell(f"{each.title}: {each.note}", "dim") for each in value.resources if each.note]
    if any(each.kind == "paper" for each in value.resources):
        words = f'the document says "{value.papers_promised} Essential Papers" and lists {value.papers_listed}'
        notes.insert(0, Cell(words, "dim"))
    return [*blocks, Bullets(notes)] if notes else blocks


_KINDS = {
    "paper": "Papers",
    "course": "Courses",
    "blog": "Blogs and newsletters",
    "community": "Communities",
    "conference": "Conferences",
}


def _resource_row(resource: Resource) -> list[Cell]:
    sign = "must read" if resource.must_read else "*" * resource.stars
    return [
        Cell(sign, "warn"),
        Cell(resource.title, "strong"),
        Cell(resource.authors),
        Cell(str(resource.year or "")),
        Cell(resource.why, "dim"),
        Cell(resource.url, "accent"),
    ]


def table_list(value: TableList) -> list[Block]:
    columns = [
        Column("table", fixed=True),
        Column("rows", fixed=True, right=True),
        Column("newest row", fixed=True),
        Column("oldest row", fixed=True, not_narrow=True),
        Column("age", fixed=True, right=True),
    ]
    rows = [_table_row(each, value) for each in value.tables]
    note = f"an answer that rests on a table whose newest row is older than {value.old_after_days} days says so"
    return [Table(columns, rows), Bullets([Cell(note, "dim")])]


def _table_row(table: TableDate, value: TableList) -> list[Cell]:
    days = (value.today - table.newest).days
    tone: Tone = "warn" if days > value.old_after_days else "plain"
    return [
        Cell(table.name.replace("_", "-"), "strong"),
        Cell(f"{table.rows:,}"),
        Cell(str(table.newest), tone),
        Cell(str(table.oldest), "dim"),
        Cell(f"{max(days, 0)} days", tone),
    ]


_NAMES = {"pues": "PUE by provider", "grid_intensities": "CO2 by grid", "duties": "responsible use"}


def old_tables(tables: Sequence[TableDate], today: datetime.date | None) -> list[Block]:
    """A line for each table that an answer rests on and that is old."""
    items = [
        Cell(
            f"the table of {_NAMES.get(each.name, each.name.replace('_', ' '))} is of {each.newest}, "
            f"{_ago(each.newest, today)}: what it says may have changed",
            "dim",
        )
        for each in tables
    ]
    return [Bullets(items)] if items else []


def _ago(day: datetime.date, today: datetime.date | None) -> str:
    return "old" if today is None else f"{(today - day).days} days ago"


def datasets_of_check(uses: Sequence[DatasetUse]) -> list[Block]:
    """What ``check --dataset`` says beside its findings."""
    items: list[Cell] = []
    for use in uses:
        of = f", {use.version}" if use.version and use.state != "withdrawn" else ""
        parts = [f"{use.id}{of}: {WORDS.get(use.state, use.state)}"]  # type: ignore[call-overload]  # of a saved report
        if use.fetch_bytes is not None and use.state != "withdrawn":
            parts.append(f"{format_gb(use.fetch_bytes)} to fetch{_duration(use)}")
        if use.tokens is not None:
            parts.append(f"{tokens_in_words(use.tokens)} tokens")
            parts += [
                f"{each.ratio:.2g} times the {tokens_in_words(each.optimal)} that training {each.parameters} "
                "from scratch asks for"
                for each in use.targets
                if each.ratio is not None
            ]
        parts += [f"licence: {use.licence}", f"documented: {use.documented or 'no figure'}"]
        items.append(Cell("; ".join(parts), "bad" if use.state == "withdrawn" else "plain"))
    return [Heading("Datasets", level=3), Bullets(items)] if items else []


def _duration(use: DatasetUse) -> str:
    if use.fetch_seconds is None or use.bytes_per_second is None:
        return " (--bandwidth or --probe-net: how long that takes)"
    how = "as given" if use.rate_from == "given" else "as measured from the hub"
    return f", {in_time(use.fetch_seconds)} at {format_gb(round(use.bytes_per_second))}/s {how}"


def in_time(seconds: float) -> str:
    """``40 seconds``, ``12 minutes``, ``10 hours``, ``6.2 days``."""
    for name, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.2g} {name}" if seconds < 100 * size else f"{seconds / size:,.0f} {name}"
    return f"{max(1, round(seconds))} seconds"


def reading(entries: Sequence[Reading]) -> list[Block]:
    """What to read for the profiles of a check."""
    shown: dict[str, Cell] = {}
    for each in entries:
        year = f", {each.year}" if each.year else ""
        shown.setdefault(each.url, Cell(f"{each.title} ({each.authors}{year}): {each.why}. {each.url}"))
    return [Heading("To read", level=3), Bullets(list(shown.values()))] if shown else []
