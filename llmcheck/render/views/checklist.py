"""The checklist of responsible use, and skeletons of a model card and of datasheets."""

from __future__ import annotations

from llmcheck import shell
from llmcheck.judge.datasets import WORDS, tokens_in_words
from llmcheck.render.views.blocks import Block, Bullets, Cell, Fact, Facts, Heading, Paragraph, Task, Tasks, Tone
from llmcheck.schema.library import Checklist, ChecklistArea, Footprint
from llmcheck.tables.dataset import Dataset
from llmcheck.units import format_gb, two_digits

_TODO = "to be written"
_TOOL_TONES: dict[str, Tone] = {"active": "good", "closing": "bad"}


def checklist(value: Checklist) -> list[Block]:
    blocks: list[Block] = []
    judged = f"llmcheck check {shell.quote(value.path or value.profile)} --checklist FILE"
    if "checklist" in value.parts:
        blocks += [
            Heading(f"Responsible use: {value.profile}", value.title, level=1),
            Paragraph(
                [
                    Cell("Keep this file in the repository and tick what is done."),
                    Cell(f"'{judged}' tells what is open."),
                    Cell(f"Written by llmcheck {value.llmcheck}, {value.created_at[:10]}.", "dim"),
                ]
            ),
        ]
        for each in value.areas:
            blocks += _area(each)
        blocks += _footprint(value.model.footprint)
    if "model-card" in value.parts:
        blocks += _model_card(value)
    if "datasheet" in value.parts:
        for dataset in value.datasets:
            blocks += _datasheet(dataset)
        if not value.datasets and value.task in ("fine-tuning", "pre-training"):
            blocks += _datasheet(None)
    return blocks


def _area(area: ChecklistArea) -> list[Block]:
    blocks: list[Block] = [
        Heading(area.title),
        Paragraph([Cell(f"What can go wrong: {'; '.join(area.issues)}.", "dim")]),
        Tasks([Task(each.id, each.text, done=False) for each in area.items]),
    ]
    notes = [
        Cell(f"{each.name} ({each.status}, {each.as_of}){f': {each.note}' if each.note else ''}", _tone(each.status))
        for each in area.tools
    ]
    if area.note:
        notes.append(Cell(area.note, "dim"))
    return [*blocks, Bullets(notes)] if notes else blocks


def _tone(status: str) -> Tone:
    return _TOOL_TONES.get(status, "warn")


def _footprint(value: Footprint) -> list[Block]:
    return [Heading("Energy and CO2 of the run", level=3), Facts(_energy(value))]


def _energy(value: Footprint) -> list[Fact]:
    facts = [Fact("GPUs", f"{value.gpus} x {value.gpu}" if value.gpus > 1 else value.gpu or "none")]
    if value.watts is not None:
        origin = {"table": "usual power of these cards", "power limit": "limit that the driver reports"}
        facts.append(Fact("Power", f"{value.watts:,.0f} W at full load ({origin.get(value.watts_from or '', '')})"))
    facts.append(Fact("Utilisation", f"{value.utilisation:.0%} of that on average"))
    if value.hours is not None:
        facts.append(Fact("Hours", f"{two_digits(value.hours)} ({value.hours_from})"))
    facts.append(Fact("PUE", f"{value.pue:g} ({value.pue_from})"))
    if value.place is not None:
        facts.append(Fact("Grid", f"{value.place}: {value.g_per_kwh:g} g/kWh, {value.grid_from}"))
    if value.kwh is not None:
        facts.append(
            Fact("Energy", f"{two_digits(value.kwh)} kWh; processors, memory and network come on top", "strong")
        )
    if value.co2_kg is not None and value.gpt3_share is not None:
        facts.append(
            Fact(
                "CO2",
                f"{two_digits(value.co2_kg)} kg: {_share(value.gpt3_share)} of the 552 t of training GPT-3 "
                "(the document; Patterson et al. 2021)",
                "strong",
            )
        )
    facts += [Fact("Not known", each, "unknown") for each in value.missing]
    return facts


def _share(share: float) -> str:
    if share >= 1:
        return f"{two_digits(share)} times"
    return f"{share:.0%}" if share >= 0.01 else f"1/{two_digits(1 / share)}" if share > 0 else "0%"


def _model_card(value: Checklist) -> list[Block]:
    """The sections of Mitchell et al. (2019)."""
    model = value.model
    details = [
        ("Task", value.task),
        ("Size", ", ".join(model.parameters) or _TODO),
        ("Method", model.method or _TODO),
        ("Base model", _TODO),
        ("Licence", _TODO),
        ("Date and version", _TODO),
        ("Contact", _TODO),
    ]
    packages = [f"{name} {version}" for name, version in model.packages.items()]
    return [
        Heading("Model card", "after Mitchell et al. 2019, arXiv 1810.03993", level=1),
        Heading("Model details"),
        Facts([Fact(label, text) for label, text in details]),
        Heading("Intended use and limits"),
        Bullets([Cell(f"intended use: {_TODO}"), Cell(f"not meant for: {_TODO}"), Cell(f"known limits: {_TODO}")]),
        Heading("Factors and evaluation"),
        Bullets(
            [Cell(f"groups and conditions: {_TODO}"), Cell(f"metrics and data: {_TODO}"), Cell(f"results: {_TODO}")]
        ),
        Heading("Training data"),
        Bullets(
            [Cell(f"{each.name} ({each.licence}): {each.url}") for each in value.datasets]
            or [Cell(f"{_TODO}; a datasheet for each")]
        ),
        Heading("Hardware and software"),
        Facts([Fact(label, text) for label, text in model.machine]),
        Bullets([Cell(each) for each in packages] or [Cell(f"packages: {_TODO}")]),
        Heading("Environmental impact"),
        Facts(_energy(model.footprint)),
        Heading("Ethical considerations"),
        Bullets([Cell(f"what the checklist found: {_TODO}")]),
    ]


_QUESTIONS = (
    ("Motivation", ("why it was made, by whom, paid by whom",)),
    ("Composition", ("what an entry is", "what is missing", "personal data, and how it was found")),
    ("Collection", ("how it was collected, from whom, when", "consent")),
    ("Preprocessing", ("cleaning, filters, deduplication",)),
    ("Uses", ("what it is good for", "what it should not be used for")),
    ("Distribution", ("terms for those who get it",)),
    ("Maintenance", ("who answers", "how entries are removed on request")),
)


def _datasheet(dataset: Dataset | None) -> list[Block]:
    """The sections of Gebru et al. (2018)."""
    name = dataset.name if dataset is not None else "your dataset"
    blocks: list[Block] = [Heading(f"Datasheet: {name}", "after Gebru et al. 2018, arXiv 1803.09010", level=1)]
    if dataset is not None:
        sizes = [
            f"{format_gb(dataset.fetch_bytes)} to fetch" if dataset.fetch_bytes else "",
            f"{format_gb(dataset.unpacked_bytes)} unpacked" if dataset.unpacked_bytes else "",
            f"{tokens_in_words(dataset.tokens)} tokens" if dataset.tokens else "",
        ]
        facts = [
            ("What", dataset.summary),
            ("Version", dataset.version),
            ("Entries", dataset.items),
            ("Size", ", ".join(filter(None, sizes)) or "not known"),
            ("Licence", dataset.licence),
            ("State", f"{WORDS[dataset.state]}: {dataset.reason}"),
            ("URL", dataset.url),
            ("Read in", f"{dataset.source}, {dataset.as_of}"),
        ]
        blocks.append(Facts([Fact(label, text) for label, text in facts if text]))
    for title, questions in _QUESTIONS:
        blocks += [Heading(title), Bullets([Cell(f"{each}: {_TODO}") for each in questions])]
    return blocks
