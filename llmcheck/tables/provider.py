"""A provider of machines: its names in other tools, and its own command that starts one."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import datetime

from msgspec import Struct


class Provider(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of ``data/providers.toml``. A provider without one has only its prices."""

    id: str
    """As in the offers."""
    name: str
    """As it writes itself."""
    sky: str | None = None
    """Its name in SkyPilot; None: SkyPilot does not have it."""
    sky_names: dict[str, str] = {}
    """GPUs (rows of the table of GPUs) that SkyPilot names differently at this provider."""
    dstack: str | None = None
    """Its backend in dstack; None: dstack does not have it."""
    start: tuple[str, ...] = ()
    """The command that starts a machine, with the fields of ``cloud.launch.native`` in braces; () where none is known
    that ends by itself."""
    spot: tuple[str, ...] = ()
    """What is added for a machine that may be taken away; () where it has none."""
    then: tuple[tuple[str, ...], ...] = ()
    """Commands that follow."""
    ends: str | None = None
    """How the machine ends by itself, in words; None: it does not, and then there is no command."""
    source: str = ""
    """Where the command is documented."""
    as_of: datetime.date | None = None
    """When that was read."""


class GpuNames(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What other tools call a GPU of the table."""

    gpu: str
    """Name of the row."""
    sky: str | None = None
    """Of SkyPilot, with the memory in it where there are several sizes."""
    dstack: str | None = None
    """Of dstack, which takes the memory apart."""
