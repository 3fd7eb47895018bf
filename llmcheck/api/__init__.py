"""The Python API and composition root: joins the real host and the shipped data to the pure functions.

A room is imported when one of its functions is used, so that the inspection is under way before what judges and advises
is read: half of the imports pass while the probes work.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from llmcheck import registry

if TYPE_CHECKING:
    from llmcheck.api.fitting import fit as fit
    from llmcheck.api.fitting import models as models
    from llmcheck.api.informing import cloud as cloud
    from llmcheck.api.informing import overview as overview
    from llmcheck.api.inspection import MachineSource as MachineSource
    from llmcheck.api.inspection import ask as ask
    from llmcheck.api.inspection import load_machine as load_machine
    from llmcheck.api.inspection import modules as modules
    from llmcheck.api.inspection import python_of as python_of
    from llmcheck.api.inspection import redacted as redacted
    from llmcheck.api.inspection import start_inspection as start_inspection
    from llmcheck.api.inspection import stated_machine as stated_machine
    from llmcheck.api.installation import check_libraries as check_libraries
    from llmcheck.api.installation import install as install
    from llmcheck.api.installation import torch_index as torch_index
    from llmcheck.api.judgement import check as check
    from llmcheck.api.tables import libraries as libraries
    from llmcheck.api.tables import library as library
    from llmcheck.api.tables import profile as profile
    from llmcheck.api.tables import profile_schema as profile_schema
    from llmcheck.api.tables import profiles as profiles
    from llmcheck.render import Options

_ROOMS = {
    "fitting": ("fit", "models"),
    "informing": ("overview", "cloud"),
    "inspection": (
        "MachineSource",
        "ask",
        "start_inspection",
        "python_of",
        "modules",
        "stated_machine",
        "load_machine",
        "redacted",
    ),
    "installation": ("install", "torch_index", "check_libraries"),
    "judgement": ("check",),
    "tables": ("profiles", "profile", "profile_schema", "libraries", "library"),
}


def __getattr__(name: str) -> Any:
    room = next((room for room, names in _ROOMS.items() if name in names), None)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{room}"), name)


def render(value: object, name: str, options: Options) -> str:
    """A value in one output format (a module of llmcheck/render)."""
    text: str = registry.load("llmcheck.render", name).render(value, options)
    return text
