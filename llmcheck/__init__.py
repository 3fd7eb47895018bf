"""llmcheck: is this machine ready for my LLM project, and if not, what exactly do I do?

What ``dir(llmcheck)`` lists is the Python API: docs/api.md has its reference. ``llmcheck.api`` has the same and what
the terminal command alone needs. Everything else may change with any release.

    >>> import llmcheck
    >>> report = llmcheck.check("inference-7b", "RTX 3060, 32 GB RAM, 500 GB disk")
    >>> report.verdict, report.exit_code
    ('ready', 0)
"""

from __future__ import annotations

import sys

__version__ = "0.1.0"

_FUNCTIONS = (
    "check", "compare", "explain", "fit", "fit_machines", "fit_methods", "given_values", "inspect", "install_plan",
    "libraries", "load_machine", "load_profile", "load_report", "models", "offers", "overview", "plans", "profiles",
    "recommend", "redacted", "to_json",
)  # fmt: skip
"""Of ``llmcheck.api``."""
_TYPES = {
    "DataError": ("errors", "DataError"),
    "Finding": ("schema.report", "Finding"),
    "Fit": ("schema.estimate", "Fit"),
    "FitPlan": ("schema.estimate", "Plan"),
    "Gate": ("schema.report", "Gate"),
    "InspectionError": ("errors", "InspectionError"),
    "InstallPlan": ("schema.advice", "Plan"),
    "LlmcheckError": ("errors", "LlmcheckError"),
    "Machine": ("schema.machine", "Machine"),
    "ModelSource": ("api.model_source", "ModelSource"),
    "Offers": ("schema.advice", "Offers"),
    "Problem": ("schema.machine", "Problem"),
    "Profile": ("schema.profile", "Profile"),
    "ProfileReport": ("schema.report", "ProfileReport"),
    "Recommendations": ("schema.recommendation", "Recommendations"),
    "Report": ("schema.report", "Report"),
    "UsageError": ("errors", "UsageError"),
    "Workload": ("schema.workload", "Workload"),
}
"""The module of each, and its name there."""

TYPE_CHECKING = False  # type checkers take it as true; typing's own costs ``--version`` 3 ms
if TYPE_CHECKING:
    from llmcheck import api as api
    from llmcheck.api import check as check
    from llmcheck.api import compare as compare
    from llmcheck.api import explain as explain
    from llmcheck.api import fit as fit
    from llmcheck.api import fit_machines as fit_machines
    from llmcheck.api import fit_methods as fit_methods
    from llmcheck.api import given_values as given_values
    from llmcheck.api import inspect as inspect
    from llmcheck.api import install_plan as install_plan
    from llmcheck.api import libraries as libraries
    from llmcheck.api import load_machine as load_machine
    from llmcheck.api import load_profile as load_profile
    from llmcheck.api import load_report as load_report
    from llmcheck.api import models as models
    from llmcheck.api import offers as offers
    from llmcheck.api import overview as overview
    from llmcheck.api import plans as plans
    from llmcheck.api import profiles as profiles
    from llmcheck.api import recommend as recommend
    from llmcheck.api import redacted as redacted
    from llmcheck.api import to_json as to_json
    from llmcheck.api.model_source import ModelSource as ModelSource
    from llmcheck.errors import DataError as DataError
    from llmcheck.errors import InspectionError as InspectionError
    from llmcheck.errors import LlmcheckError as LlmcheckError
    from llmcheck.errors import UsageError as UsageError
    from llmcheck.schema import advice as _advice
    from llmcheck.schema import estimate as _estimate
    from llmcheck.schema.advice import Offers as Offers
    from llmcheck.schema.estimate import Fit as Fit
    from llmcheck.schema.machine import Machine as Machine
    from llmcheck.schema.machine import Problem as Problem
    from llmcheck.schema.profile import Profile as Profile
    from llmcheck.schema.recommendation import Recommendations as Recommendations
    from llmcheck.schema.report import Finding as Finding
    from llmcheck.schema.report import Gate as Gate
    from llmcheck.schema.report import ProfileReport as ProfileReport
    from llmcheck.schema.report import Report as Report
    from llmcheck.schema.workload import Workload as Workload

    FitPlan = _estimate.Plan
    InstallPlan = _advice.Plan
else:

    def __getattr__(name):
        """A name of the API, imported when it is used."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        if name == "api":
            return importlib.import_module("llmcheck.api")
        module, own = _TYPES.get(name, ("api", name))
        return getattr(importlib.import_module(f"llmcheck.{module}"), own)

    class _Package(type(sys)):
        """A module whose ``fit`` is the function, although a folder has that name too."""

        @property
        def fit(self):
            return __getattr__("fit")

        @fit.setter
        def fit(self, _folder):
            """The import of the folder binds it here; ``from llmcheck.fit import ...`` needs no such name."""

    sys.modules[__name__].__class__ = _Package

__all__ = ("__version__", "api", *_FUNCTIONS, *_TYPES)


def __dir__() -> list[str]:
    return sorted(__all__)
