"""Distributions in a Python environment, from the names in its folders: 1,000 names take a millisecond.

Files are opened only for the distributions that decide whether a model runs, see ``packages.known``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from llmcheck.packages.known import matters
from llmcheck.schema.machine import Package, normalized_name
from llmcheck.system.host import Host

_FAMILY = frozenset(
    (
        "torch",
        "torchvision",
        "torchaudio",
        "transformers",
        "vllm",
        "accelerate",
        "peft",
        "deepspeed",
        "sglang",
        "xformers",
    )
)
_METADATA = re.compile(
    r"(?P<name>[A-Za-z0-9][\w.]*)-(?P<version>[\w.+!]+)(?:-py[\d.]+)?\.(?:dist-info|egg-info)", re.ASCII
)
_CONDA_META = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)-[^-]+\.json")
_CONDA_NAMES = {"pytorch": "torch", "pytorch-cpu": "torch", "pytorch-gpu": "torch"}
# Installers that write a RECORD. Others (Debian, RPM, conda) keep their own list of files, as PEP 627 allows.
PYTHON_INSTALLERS = ("pip", "uv", "poetry", "pdm")


class Folder(Struct, frozen=True):
    path: str
    entries: tuple[str, ...]


class Distribution(Struct, frozen=True):
    name: str
    """Normalised."""
    version: str
    folder: Folder
    entry: str

    @property
    def metadata(self) -> str:
        return f"{self.folder.path}/{self.entry}"


def shown(path: str) -> str:
    """A path as valid UTF-8; bytes that are not UTF-8 are replaced."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def folders(host: Host, path: Sequence[str], stdlib: str) -> tuple[Folder, ...]:
    """The readable folders on an interpreter's path, in its order and each once, without the standard library."""
    found: dict[str, Folder] = {}
    for place in path:
        own = place == stdlib or place.startswith(f"{stdlib}/")
        if own and not place.endswith(("/site-packages", "/dist-packages")):
            continue
        real = host.resolve(place)  # lib64 is usually a link to lib
        entries = None if real in found else host.list(place)
        if entries is not None:
            found[real] = Folder(place, tuple(entries))
    return tuple(found.values())


def is_importable(host: Host, listed: Sequence[Folder], module: str) -> bool:
    """Whether an import of a dotted name would find a file or folder; nothing is imported."""
    top, _, rest = module.partition(".")
    for folder in listed:
        entries = [each for each in folder.entries if each == top or each.startswith(f"{top}.")]
        files = [each for each in entries if each.endswith((".py", ".so", ".pyd"))]
        if top in entries and (not rest or _has_module(host, f"{folder.path}/{module.replace('.', '/')}")):
            return True
        if files and not rest:
            return True
    return False


def _has_module(host: Host, path: str) -> bool:
    if host.exists(path) or host.exists(f"{path}.py"):
        return True
    parent, _, name = path.rpartition("/")
    return any(each.startswith(f"{name}.") and each.endswith((".so", ".pyd")) for each in host.list(parent) or ())


def distributions(host: Host, listed: Sequence[Folder]) -> dict[str, list[Distribution]]:
    """All distributions on the path by normalised name; an import finds the first of each list."""
    found: dict[str, list[Distribution]] = {}
    for folder in listed:
        for entry in folder.entries:
            match = _METADATA.fullmatch(entry) if entry.endswith("-info") else None
            if match:
                name = normalized_name(match["name"])
                found.setdefault(name, []).append(Distribution(name, match["version"], folder, entry))
    for several in found.values():
        if len(several) > 1 and several[0].folder is several[1].folder:
            # Of two in one folder, the one without metadata is left from an interrupted installation.
            several.sort(key=lambda each: (listed.index(each.folder), not has_metadata(host, each)))
    return found


def packages(found: Mapping[str, Sequence[Distribution]]) -> tuple[Package, ...]:
    """Name and version of each, sorted by name."""
    return tuple(Package(name=name, version=found[name][0].version) for name in sorted(found))


class Known(Struct, frozen=True):
    """A distribution that decides whether a model runs, as an import would find it."""

    one: Distribution
    files: frozenset[str]
    """Names in its metadata folder; none where there is no such folder, as for an egg-info file."""

    @property
    def has_metadata(self) -> bool:
        return bool({"METADATA", "PKG-INFO"} & self.files) or not self.one.entry.endswith(".dist-info")


def known(host: Host, found: Mapping[str, Sequence[Distribution]]) -> dict[str, Known]:
    """Those that matter, by normalised name, sorted."""
    return {
        name: Known(found[name][0], frozenset(host.list(found[name][0].metadata) or ()))
        for name in sorted(found)
        if matters(name)
    }


def has_metadata(host: Host, one: Distribution) -> bool:
    if one.entry.endswith(".dist-info"):
        return host.is_file(f"{one.metadata}/METADATA")
    return host.is_file(one.metadata) or host.is_file(f"{one.metadata}/PKG-INFO")


def installer(host: Host, one: Distribution) -> str | None:
    return (host.read(f"{one.metadata}/INSTALLER") or "").strip().lower() or None


def conda_packages(host: Host, prefix: str) -> dict[str, str] | None:
    """Versions of conda packages by name; None where this is not a conda environment."""
    entries = host.list(f"{prefix}/conda-meta")
    if entries is None:
        return None
    matches = filter(None, map(_CONDA_META.fullmatch, entries))
    return {match["name"]: match["version"] for match in matches}


def conda_and_pip(host: Host, conda: Mapping[str, str] | None, found: Mapping[str, Sequence[Distribution]]) -> bool:
    """Whether torch and its companions come partly from conda and partly from pip, so that their versions may clash.

    Other packages do not count: pip in a conda environment is usual, and harmless unless both link the same libraries.
    """
    if not conda or _FAMILY.isdisjoint(_CONDA_NAMES.get(name, name) for name in conda):
        return False
    return any(installer(host, one) in PYTHON_INSTALLERS for name in _FAMILY for one in found.get(name, ()))
