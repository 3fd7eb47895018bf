"""llmcheck: is this machine ready for my LLM project, and if not, what exactly do I do?

``llmcheck.api`` is the Python API; everything else may change with any release.
"""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = ("__version__", "api")

TYPE_CHECKING = False  # type checkers take it as true; typing's own costs ``--version`` 3 ms
if TYPE_CHECKING:
    from llmcheck import api as api
else:

    def __getattr__(name):
        """``llmcheck.api``, imported when it is used."""
        if name != "api":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        return importlib.import_module("llmcheck.api")


def __dir__() -> list[str]:
    return ["__version__", "api"]
