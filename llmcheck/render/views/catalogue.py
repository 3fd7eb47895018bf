"""Profiles, models and libraries: lists, and one in detail."""

from __future__ import annotations

from llmcheck.judge.requirements import needed, traits
from llmcheck.render.views.blocks import (
    Block,
    Bullets,
    Cell,
    Column,
    Fact,
    Facts,
    Heading,
    Table,
    Tone,
)
from llmcheck.render.views.corrections import corrections
from llmcheck.schema.profile import GROUP, Profile, source_in_words
from llmcheck.schema.responses import (
    Check,
    CheckList,
    LibraryCheck,
    LibraryList,
    LibraryState,
    ModelList,
    ModelRow,
    ProfileList,
    ShownLibrary,
    ShownProfile,
    WorkCheck,
    WorkChecks,
)
from llmcheck.tables.library import Library

_STATUS_TONES: dict[str, Tone] = {"active": "good", "closing": "bad"}


def catalogue(value: object) -> list[Block]:
    """Raises TypeError for a value without a view."""
    match value:
        case ProfileList():
            columns = [Column("id", fixed=True), Column("title"), Column("hardware"), Column("documented cost")]
            return [Table(columns, [_profile_row(each) for each in value.profiles])]
        case ShownProfile():
            return _profile(value)
        case CheckList():
            columns = [
                Column("profile", fixed=True, not_narrow=True),
                Column("check", fixed=True),
                Column("level", fixed=True),
                Column("tags", not_narrow=True),
                Column("needed"),
                Column("source", wide_only=True),
            ]
            return [Table(columns, [_check_row(each) for each in value.checks])]
        case ModelList():
            columns = [
                Column("id", fixed=True),
                Column("weights", right=True, fixed=True),
                Column("active", right=True, fixed=True),
                Column("context", right=True, fixed=True),
                Column("repository", not_narrow=True),
            ]
            return [Table(columns, [_model_row(each) for each in value.models])]
        case LibraryList():
            columns = [
                Column("id", fixed=True),
                Column("area", wide_only=True),
                Column("status", fixed=True, not_narrow=True),
                Column("advised"),
                Column("documented command", wide_only=True),
            ]
            return [Table(columns, [_library_row(each) for each in value.libraries])]
        case ShownLibrary():
            return _library(value)
        case LibraryCheck():
            return _check(value)
        case WorkChecks():
            columns = [Column("id", fixed=True), Column("what it does"), Column("needs"), Column("--at-least")]
            return [Table(columns, [_work_check_row(each) for each in value.checks])]
    raise TypeError(f"no view shows a {type(value).__name__}")


def _check_row(check: Check) -> list[Cell]:
    return [
        Cell(check.profile, "dim"),
        Cell(check.id, "strong"),
        Cell(f"{check.level}, cluster" if check.cluster else check.level),
        Cell(", ".join((check.group, *check.tags)), "dim"),
        Cell(check.needed),
        Cell(check.source or "", "dim"),
    ]


def _work_check_row(check: WorkCheck) -> list[Cell]:
    needs = Cell("torch" if check.needs_torch else "nothing", "plain" if check.needs_torch else "dim")
    if check.program:
        where = f"{check.program}: {check.path or 'not on PATH'}; runs with --only {check.id}"
        needs = Cell(where, "plain" if check.path else "dim")
    return [Cell(check.id), Cell(check.title), needs, Cell(", ".join(check.quantities), "dim")]


def _model_row(model: ModelRow) -> list[Cell]:
    active = f"{model.active / 1e9:.2f}B" if model.active < 0.9 * model.parameters else ""
    return [
        Cell(model.id, "strong"),
        Cell(f"{model.parameters / 1e9:.2f}B"),
        Cell(active),
        Cell(f"{model.context:,}" if model.context else ""),
        Cell(model.names[0], "dim"),
    ]


def _profile_row(profile: Profile) -> list[Cell]:
    required = [each for each in profile.require if each.level == "required"]
    hardware = [f"{each.kind} {needed(each)}" for each in required if _is_equipment(each.kind)]
    facts = sum(each.kind == GROUP or traits(each.kind).group_of is not None for each in required)
    if facts:
        hardware.append(f"{facts} facts")
    return [
        Cell(profile.id, "strong"),
        Cell(profile.title),
        Cell("; ".join(hardware)),
        Cell(profile.cost.documented if profile.cost else "", "dim"),
    ]


def _is_equipment(kind: str) -> bool:
    """Whether a requirement kind is hardware to buy or rent, unlike a driver, which only blocks other requirements, and
    unlike a fact, whose path and operators are too long for a list.
    """
    found = traits(kind)
    return (
        kind != GROUP
        and found.group_of is None
        and found.group == "hardware"
        and (found.blocks is None or bool(found.blocked_by))
    )


def _profile(value: ShownProfile) -> list[Block]:
    profile = value.profile
    facts = [Fact("Task", profile.task), *(Fact("Source", source_in_words(source)) for source in profile.sources)]
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
            Cell(source_in_words(each.source or ""), "dim"),
        ]
        for each in profile.require
    ]
    blocks: list[Block] = [
        Heading(profile.id, profile.title),
        Facts(facts),
        Heading("Requirements"),
        Table(columns, rows),
    ]
    return [*blocks, *corrections(value.corrections)]


def _library_row(library: Library) -> list[Cell]:
    return [
        Cell(library.id, "strong"),
        Cell(library.area),
        Cell(library.status, _STATUS_TONES.get(library.status, "warn")),
        Cell(_advised(library), "accent"),
        Cell(library.documented or "–", "dim"),
    ]


def _advised(library: Library) -> str:
    """The requirements, or the first of several commands; a plan has all of them."""
    if library.requirements:
        return " ".join(library.requirements)
    return library.commands[0] if library.commands else "–"


_STATES: dict[str, Tone] = {"installed": "good", "outdated": "warn", "broken": "bad", "unknown": "warn"}


def _check(value: LibraryCheck) -> list[Block]:
    columns = [
        Column("id", fixed=True),
        Column("state", fixed=True),
        Column("installed", fixed=True),
        Column("newest", fixed=True),
        Column("seen on", wide_only=True),
        Column("its files", wide_only=True),
    ]
    present = [each for each in value.libraries if each.state != "missing"]
    missing = [each for each in value.libraries if each.state == "missing" and each.obstacle is None]
    refused = [each for each in value.libraries if each.state == "missing" and each.obstacle is not None]
    blocks: list[Block] = [Heading("Libraries", f"in {value.python}" if value.python else "no Python was found")]
    if present:
        blocks.append(Table(columns, [_state_row(each) for each in present]))
        blocks += [Bullets([_fault(each) for each in present if each.reason])] if any(x.reason for x in present) else []
    bullets = [Cell(f"missing: {', '.join(each.id for each in missing)}", "dim")] if missing else []
    for obstacle in dict.fromkeys(each.obstacle for each in refused):
        names = ", ".join(each.id for each in refused if each.obstacle == obstacle)
        bullets.append(Cell(f"{names}: cannot be installed here: {obstacle}", "warn"))
    return [*blocks, Bullets(bullets)] if bullets else blocks


def _fault(state: LibraryState) -> Cell:
    return Cell(f"{state.reason} – {state.remedy}" if state.remedy else state.reason or "", "bad")


def _state_row(state: LibraryState) -> list[Cell]:
    files = {True: "on the path", False: "not on the path", None: "–"}[state.importable]
    return [
        Cell(state.id, "strong"),
        Cell(state.state, _STATES.get(state.state, "dim")),
        Cell(state.version or "–"),
        Cell(state.newest or "–", "dim"),
        Cell(str(state.as_of), "dim"),
        Cell(files, "bad" if state.importable is False else "dim"),
    ]


def _library(value: ShownLibrary) -> list[Block]:
    library = value.library
    pairs = [
        ("For", library.summary),
        ("Area", library.area),
        ("URL", library.url),
        ("Documented", library.documented),
        ("Advised", " ".join(library.requirements) or None),
        ("Commands", "; ".join(library.commands) or None),
        ("Detected by", ", ".join((*library.distributions, *library.binaries)) or None),
        ("Import", library.import_name),
        ("Python", _pythons(library)),
        ("Platforms", ", ".join(library.platforms) or "any"),
        ("C library", f"glibc {library.glibc_min} or newer" if library.glibc_min else None),
        ("macOS", f"{library.macos_min} or newer" if library.macos_min else None),
        ("PyTorch", _torch_pin(library)),
        ("Built here", _build(library)),
        ("Hardware", library.hardware),
        ("Capability", f"{library.compute_capability} or newer" if library.compute_capability else None),
        ("Driver", f"NVIDIA {library.driver} or newer" if library.driver else None),
        ("Needs first", ", ".join((*library.needs, *library.tools)) or None),
        ("Conflicts with", ", ".join(library.conflicts) or None),
        ("Environment", _environment(library)),
        ("In the tiers", library.tiers),
        ("Licence", library.licence),
        ("Newest seen", library.version),
        ("Status", library.status),
        ("Note", library.note),
        ("Source", f"{library.source}, {library.as_of}"),
    ]
    facts = [Fact(label, text) for label, text in pairs if text]
    if value.alias is not None:
        facts.insert(0, Fact("Alias", f"{value.alias.name}: {value.alias.reason} ({value.alias.as_of})"))
    return [Heading(library.name, library.id), Facts(facts), *corrections(value.corrections)]


def _torch_pin(library: Library) -> str | None:
    if library.torch is None:
        return None
    return f"torch {library.torch}" + (", which it installs itself" if library.pins_torch else "")


def _build(library: Library) -> str | None:
    if not library.build:
        return None
    return "yes" if library.build_isolation else "yes, after torch and with --no-build-isolation"


def _environment(library: Library) -> str:
    if library.environment is None:
        return "shared"
    return (
        f"separate ({library.environment})" if library.isolated else f"shared; if it conflicts, {library.environment}"
    )


def _pythons(library: Library) -> str | None:
    bounds = (f"{library.python_min} or newer" if library.python_min else "", library.python_below or "")
    return f"{bounds[0]}, below {bounds[1]}" if all(bounds) else bounds[0] or None
