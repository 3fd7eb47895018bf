"""The Python API. It connects the host and the shipped data with the pure functions.

A module is imported when one of its functions is first used. So an inspection starts early, and half of the other
imports happen while its probes run.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from llmcheck import registry

if TYPE_CHECKING:  # the functions in _EXPORTS, with their types
    from llmcheck.api.ages import *
    from llmcheck.api.fitting import *
    from llmcheck.api.informing import *
    from llmcheck.api.inspection import *
    from llmcheck.api.installation import *
    from llmcheck.api.judgement import *
    from llmcheck.api.library_tables import *
    from llmcheck.api.project import *
    from llmcheck.api.recommending import *
    from llmcheck.api.renting import *
    from llmcheck.api.responsible import *
    from llmcheck.api.saved_machine import *
    from llmcheck.api.tables import *
    from llmcheck.render import Options

_EXPORTS = {
    "ages": ("OLD_AFTER_DAYS", "old_tables", "table_ages"),
    "fitting": ("fit", "fit_machines", "fit_methods", "models"),
    "informing": ("overview",),
    "inspection": (
        "MachineSource",
        "hypothetical_machine",
        "load_machine",
        "modules",
        "python_of",
        "redacted",
        "start_inspection",
    ),
    "installation": ("check_libraries", "install", "torch_index"),
    "judgement": ("check", "computed_methods", "report_of"),
    "library_tables": ("dataset", "datasets", "resources"),
    "project": ("Project", "named_datasets", "with_project"),
    "recommending": ("recommend",),
    "renting": ("cloud", "cloud_for_model"),
    "responsible": ("PARTS", "checklist", "grid_place"),
    "saved_machine": ("outdated", "read_machine", "saved_age"),
    "tables": ("libraries", "library", "profile", "profile_schema", "profiles"),
}
"""The public names of each module; a test compares the two."""


if not TYPE_CHECKING:  # otherwise every name would exist for type checkers, with the type Any

    def __getattr__(name: str) -> Any:
        module = next((module for module, names in _EXPORTS.items() if name in names), None)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{module}"), name)

    def __dir__() -> list[str]:
        return sorted({"render", *(name for names in _EXPORTS.values() for name in names)})


def render(value: object, name: str, options: Options) -> str:
    """A value in one output format (a module of llmcheck/render)."""
    text: str = registry.load("llmcheck.render", name).render(value, options)
    return text
