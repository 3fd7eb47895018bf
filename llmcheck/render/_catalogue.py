"""Profiles and libraries, listed and shown."""

from __future__ import annotations

from llmcheck.correction import Correction
from llmcheck.library import Library
from llmcheck.listing import LibraryList, ProfileList, ShownLibrary, ShownProfile
from llmcheck.profile import Profile
from llmcheck.render._blocks import Block, Bullets, Cell, Column, Fact, Facts, Heading, Table, Tone
from llmcheck.requirements import needed

_STATUS_TONES: dict[str, Tone] = {"active": "good", "closing": "bad"}


def catalogue(value: object) -> list[Block]:
    """Raises TypeError for a value that no view shows."""
    match value:
        case ProfileList():
            columns = [Column("id", fixed=True), Column("title"), Column("asks for"), Column("documented cost")]
            return [Table(columns, [_profile_row(each) for each in value.profiles])]
        case ShownProfile():
            return _profile(value)
        case LibraryList():
            columns = [
                Column("id", fixed=True),
                Column("name"),
                Column("area", wide_only=True),
                Column("status", fixed=True),
                Column("documented command"),
                Column("what it is for", wide_only=True),
            ]
            return [Table(columns, [_library_row(each) for each in value.libraries])]
        case ShownLibrary():
            return _library(value)
    raise TypeError(f"no view shows a {type(value).__name__}")


def _profile_row(profile: Profile) -> list[Cell]:
    hardware = [each for each in profile.require if each.kind in ("gpu", "ram", "disk") and each.level == "required"]
    return [
        Cell(profile.id, "strong"),
        Cell(profile.title),
        Cell("; ".join(f"{each.kind} {needed(each)}" for each in hardware)),
        Cell(profile.cost.documented if profile.cost else "", "dim"),
    ]


def _profile(value: ShownProfile) -> list[Block]:
    profile = value.profile
    facts = [Fact("Task", profile.task), *(Fact("Source", source) for source in profile.sources)]
    if profile.cost:
        facts.append(Fact("Cost", f"{profile.cost.documented} (documented)"))
    columns = [
        Column("requirement", fixed=True),
        Column("level", fixed=True),
        Column("needed"),
        Column("source", wide_only=True),
    ]
    rows = [
        [
            Cell(each.id, "strong"),
            Cell(each.level if each.scope == "node" else f"{each.level}, cluster"),
            Cell(needed(each)),
            Cell(each.source or "", "dim"),
        ]
        for each in profile.require
    ]
    blocks: list[Block] = [
        Heading(profile.id, profile.title),
        Facts(facts),
        Heading("Requirements"),
        Table(columns, rows),
    ]
    return [*blocks, *_corrections(value.corrections)]


def _library_row(library: Library) -> list[Cell]:
    return [
        Cell(library.id, "strong"),
        Cell(library.name),
        Cell(library.area),
        Cell(library.status, _STATUS_TONES.get(library.status, "warn")),
        Cell(library.documented or "–", "accent"),
        Cell(library.summary, "dim"),
    ]


def _library(value: ShownLibrary) -> list[Block]:
    library = value.library
    pairs = [
        ("For", library.summary),
        ("Area", library.area),
        ("URL", library.url),
        ("Documented", library.documented),
        ("Asked for", " ".join(library.requirements) or None),
        ("Commands", "; ".join(library.commands) or None),
        ("Detected by", ", ".join((*library.distributions, *library.binaries)) or None),
        ("Import", library.import_name),
        ("Python", _pythons(library)),
        ("Platforms", ", ".join(library.platforms) or "any"),
        ("Hardware", library.hardware),
        ("Driver", f"NVIDIA {library.driver} or newer" if library.driver else None),
        ("Needs first", ", ".join((*library.needs, *library.tools)) or None),
        ("Environment", f"its own ({library.environment})" if library.environment else "the shared one"),
        ("Newest seen", library.version),
        ("Status", library.status),
        ("Note", library.note),
        ("Source", f"{library.source}, {library.as_of}"),
    ]
    facts = [Fact(label, text) for label, text in pairs if text]
    return [Heading(library.name, library.id), Facts(facts), *_corrections(value.corrections)]


def _pythons(library: Library) -> str | None:
    bounds = (f"{library.python_min} or newer" if library.python_min else "", library.python_below or "")
    return f"{bounds[0]}, below {bounds[1]}" if all(bounds) else bounds[0] or None


def _corrections(corrections: tuple[Correction, ...]) -> list[Block]:
    if not corrections:
        return []
    said = [
        f"documented: {each.documented}; in fact: {each.fact} ({each.source}, {each.as_of})" for each in corrections
    ]
    return [Heading("Corrections"), Bullets([Cell(text, "warn") for text in said])]
