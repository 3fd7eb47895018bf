"""The commands that an administrator runs for one purpose on one family of operating systems."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import datetime

from msgspec import Struct


class SystemInstallStep(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first matching row is used: the most specific family first, then the order of the table."""

    purpose: str
    """``driver``, or the missing program: ``cc``, ``cmake``, ``docker``, ..."""
    systems: tuple[str, ...]
    """Families of ``install.system``; ``linux`` matches any Linux without a more specific row."""
    releases: tuple[str, ...] = ()
    """The major releases of the system; empty: any."""
    commands: tuple[tuple[str, ...], ...] = ()
    """In order; empty if there is only a hint. ``{release}`` stands for the major release of the system, ``{kernel}``
    for the release of the running kernel, ``{repository}`` and ``{debian}`` for the processor architecture in NVIDIA's
    and Debian's spelling."""
    hint: str | None = None
    """One sentence to read before running them, or a pointer to instructions."""
    driver: str | None = None
    """The newest driver that it can install; None: the current one."""
    capability: str | None = None
    """The lowest compute capability that its driver supports; None if it chooses a driver for the GPU."""
    root: bool = True
    """The commands need administrator rights."""
    reboot: bool = False
    """The machine has to be restarted after the last command."""
    verified: bool = True
    """False: the commands were not checked against the source."""
    source: str
    as_of: datetime.date
