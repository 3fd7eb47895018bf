"""What building a wheel adds: the tables of ``llmcheck/data`` and ``profiles`` compiled into one file.

The TOML, CSV and JSON files of ``llmcheck/data`` stay out of the wheel (see ``pyproject.toml``). An editable install
reads them, so nothing is compiled for it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompiledTablesHook(BuildHookInterface):  # type: ignore[misc]  # hatchling has no types
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """``version``: ``standard`` or ``editable``. Raises DataError for a file that cannot be read."""
        if version == "editable":
            return
        sys.path.insert(0, self.root)
        try:
            from llmcheck.catalog import compiled, sources

            data = sources.compile_all()
        finally:
            sys.path.remove(self.root)
        self.folder = tempfile.TemporaryDirectory()
        path = os.path.join(self.folder.name, "tables.msgpack")
        with open(path, "wb") as file:
            file.write(data)
        build_data["force_include"][path] = f"llmcheck/{compiled.NAME}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - hatchling's signature
        """Called when the wheel has been written."""
        if version != "editable":
            self.folder.cleanup()
