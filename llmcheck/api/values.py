"""Values that are set from outside for the variables of profiles."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmcheck.catalog.variables import Given

_PREFIX = "LLMCHECK_VAR_"


def given_values(flags: Sequence[str] = (), file: str | None = None) -> Given | None:
    """``name=value``, then variables of the environment (``LLMCHECK_VAR_NAME``), then those of a TOML or JSON
    file; None where nothing is set. Raises DataError for the file.
    """
    environment = {name: value for name, value in os.environ.items() if name.startswith(_PREFIX)}
    if not flags and file is None and not environment:
        return None
    from llmcheck import catalog  # few command lines set anything
    from llmcheck.catalog.variables import Given

    table = {} if file is None else catalog.read_profile(file)
    return Given(flags=tuple(flags), environment=environment, file=table, file_name=f"--vars {file}")
