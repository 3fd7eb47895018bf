"""What a project says of its checks: the keys of ``llmcheck.toml``, and of ``[tool.llmcheck]`` in ``pyproject.toml``.

Each key is the default of an option that only reads and judges. None of them names a program, a file to write, or the
network: who clones a repository has trusted nobody yet.
"""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
from typing import Annotated, Literal

from msgspec import Meta, Struct

from llmcheck.schema.bounds import MOST_SECONDS

Seconds = Annotated[float, Meta(ge=0.1, le=MOST_SECONDS)]
Names = Annotated[tuple[str, ...], Meta(max_length=100)]


class Configuration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """The defaults of ``llmcheck check`` in a project; None where the file does not say."""

    profiles: Names | None = None
    """Ids, or paths of profile files from the folder of this file."""
    skip: Names | None = None
    """As ``--skip``: requirements and groups of these profiles that are left out."""
    only: Names | None = None
    """As ``--only``."""
    vars: Annotated[dict[str, str | int | float | bool], Meta(max_length=100)] | None = None
    """As ``--vars``: values for the variables of these profiles."""
    fail_on: Literal["fail", "warn"] | None = None
    """As ``--fail-on``."""
    path: str | None = None
    """As ``--path``: the folder whose disk is judged, from the folder of this file."""
    timeout: Seconds | None = None
    """As ``--timeout``, in seconds."""
    probe_timeout: Seconds | None = None
    """As ``--probe-timeout``, in seconds."""
