"""One pair of packages of which the first works with some versions of the second only."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import datetime
from typing import Literal

from msgspec import Struct


class PackagePair(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    package: str
    """Normalised name of the package that does not work with others."""
    versions: str
    """The versions of it that the row is about (PEP 440)."""
    other: str
    """Normalised name of the package that it depends on."""
    needs: str
    """The versions of that one that it works with (PEP 440)."""
    built_for: str | None = None
    """The release of the other that its compiled files were built with; None where the row is not about those."""
    effect: Literal["import", "extension", "disabled", "numpy", "requires"]
    """``import``: its import fails; ``extension``: it is imported without its compiled part; ``disabled``: it does
    without the other; ``numpy``: tensors cannot be exchanged with NumPy; ``requires``: its metadata excludes it."""
    source: str
    as_of: datetime.date
