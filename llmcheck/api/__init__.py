"""The Python API. It connects the host and the shipped data with the pure functions.

A module is imported when one of its functions is first used. So an inspection starts early, and half of the other
imports happen while its probes run.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the functions in _EXPORTS, with their types
    from llmcheck.api.ages import *
    from llmcheck.api.comparing import *
    from llmcheck.api.explaining import *
    from llmcheck.api.fitting import *
    from llmcheck.api.informing import *
    from llmcheck.api.inspection import *
    from llmcheck.api.installation import *
    from llmcheck.api.judgement import *
    from llmcheck.api.launching import *
    from llmcheck.api.library_tables import *
    from llmcheck.api.profile_tools import *
    from llmcheck.api.project import *
    from llmcheck.api.proving import *
    from llmcheck.api.recommending import *
    from llmcheck.api.renting import *
    from llmcheck.api.responsible import *
    from llmcheck.api.saved_machine import *
    from llmcheck.api.schemas import *
    from llmcheck.api.tables import *
    from llmcheck.api.values import *
    from llmcheck.api.waiting import *
    from llmcheck.render import Options

_EXPORTS = {
    "ages": ("OLD_AFTER_DAYS", "old_tables", "table_ages"),
    "comparing": ("compare", "load_report"),
    "explaining": ("explain", "explained_words"),
    "fitting": ("fit", "fit_machines", "fit_methods", "models", "plans"),
    "informing": ("overview",),
    "inspection": (
        "GivenMachine",
        "MachineSource",
        "ask_machine",
        "hypothetical_machine",
        "in_words",
        "inspect",
        "load_machine",
        "machine_of",
        "modules",
        "python_of",
        "redacted",
        "start_inspection",
        "words_of",
    ),
    "installation": ("check_libraries", "install_plan", "torch_index"),
    "judgement": ("AskSource", "check", "check_names", "computed_methods", "report_of"),
    "library_tables": ("dataset", "datasets", "resources"),
    "profile_tools": (
        "drafted_profile",
        "linted_profiles",
        "profile_difference",
        "profile_page",
        "tested_profiles",
    ),
    "project": ("Project", "named_datasets", "with_project"),
    "proving": ("prove", "work_checks"),
    "recommending": ("recommend",),
    "launching": ("launch_file",),
    "renting": ("OfferList", "Rent", "live_offers", "offer_catalogue", "offers", "offers_of_file"),
    "responsible": ("PARTS", "checklist", "grid_place"),
    "saved_machine": ("outdated", "read_machine", "saved_age"),
    "schemas": ("schema", "schema_names"),
    "tables": ("checks", "libraries", "library", "load_profile", "profile", "profile_schema", "profiles"),
    "values": ("given_values",),
    "waiting": ("until_ready",),
}
"""The public names of each module; a test compares the two."""


if not TYPE_CHECKING:  # otherwise every name would exist for type checkers, with the type Any

    def __getattr__(name: str) -> Any:
        module = next((module for module, names in _EXPORTS.items() if name in names), None)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{module}"), name)

    def __dir__() -> list[str]:
        return sorted({"render", "to_json", *(name for names in _EXPORTS.values() for name in names)})


def render(value: object, name: str, options: Options) -> str:
    """A value in one output format (a module of llmcheck/render)."""
    from llmcheck.render import format_module

    text: str = format_module(name).render(value, options)
    return text


def to_json(value: object) -> str:
    """An answer as the JSON document that the terminal command writes with ``--format json``."""
    from llmcheck.render import Options

    return render(value, "json", Options())
