"""What an administrator runs for one purpose on one family of systems."""

# Without the annotations of __future__, whose text msgspec would evaluate field by field in the first decoding.
import datetime

from msgspec import Struct


class SystemInstallStep(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first that fits is taken, by the nearest family first, then by its place in the table."""

    purpose: str
    """``driver``, or the command that is missing: ``cc``, ``cmake``, ``docker``, ..."""
    systems: tuple[str, ...]
    """Families of systems: those of ``install.system``, and ``linux`` for any Linux that has no nearer one."""
    releases: tuple[str, ...] = ()
    """The major releases that it is for; empty means any."""
    commands: tuple[tuple[str, ...], ...] = ()
    """One after another; empty where only the hint helps. In them, ``{release}`` stands for the major release,
    ``{kernel}`` for the running kernel's, ``{repository}`` and ``{debian}`` for the processor as NVIDIA's repositories
    and Debian call it."""
    hint: str | None = None
    """What to know before running them, or where to read what to do; one sentence."""
    driver: str | None = None
    """The newest driver that it can bring; None where that is the current one."""
    capability: str | None = None
    """The lowest compute capability that its driver supports; None where it picks one that suits the card."""
    root: bool = True
    """The commands need an administrator's rights."""
    reboot: bool = False
    """The machine has to be restarted after the last command."""
    verified: bool = True
    """False: not read in the source, which is then named as the place to look."""
    source: str
    as_of: datetime.date
