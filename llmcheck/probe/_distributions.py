"""Distributions in a Python environment, from the names in its folders: 1,000 names take a millisecond.

Files are opened only for the few distributions that a project depends on most.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from llmcheck.schema.machine import DistributionIssue, Package, normalized_name
from llmcheck.system.host import Host

_WATCHED = ("torch", "transformers", "vllm", "accelerate", "peft", "deepspeed")
_FAMILY = frozenset((*_WATCHED, "torchvision", "torchaudio"))
_METADATA = re.compile(
    r"(?P<name>[A-Za-z0-9][\w.]*)-(?P<version>[\w.+!]+)(?:-py[\d.]+)?\.(?:dist-info|egg-info)", re.ASCII
)
# pip renames a distribution that it replaces to ``~NAME``. The folder remains when pip is interrupted.
_LEFT_BEHIND = re.compile(r"~(?P<rest>[^-]*)(?:-.*)?")
_EDITABLE_PTH = re.compile(r"__editable__\.(?P<name>[^-]+)-.*\.pth")
_PTH_NAME = re.compile(r"_*(?:editable_impl_)?(?P<name>.+?)(?:[-_]editable)?\.pth")
_IS_EDITABLE = re.compile(r'"editable"\s*:\s*true')
_CONDA_META = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)-[^-]+\.json")
_CONDA_NAMES = {"pytorch": "torch", "pytorch-cpu": "torch", "pytorch-gpu": "torch"}
# Installers that write a RECORD. Others (Debian, RPM, conda) keep their own list of files, as PEP 627 allows.
_PYTHON_INSTALLERS = ("pip", "uv", "poetry", "pdm")


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
            several.sort(key=lambda each: (listed.index(each.folder), not _has_metadata(host, each)))
    return found


def packages(found: Mapping[str, Sequence[Distribution]]) -> tuple[Package, ...]:
    """Name and version of each, sorted by name."""
    return tuple(Package(name=name, version=found[name][0].version) for name in sorted(found))


def issues(
    host: Host, listed: Sequence[Folder], found: Mapping[str, Sequence[Distribution]]
) -> tuple[DistributionIssue, ...]:
    """Irregular distributions, sorted by name; see ``DistributionIssue.kind``."""
    editable = set(_editable(host, listed, found))
    found_issues = {
        *_left_behind(listed),
        *_duplicates(found),
        *((name, "editable", where) for name, where in editable),
        *_unsound(host, found, {name for name, _ in editable}),
    }
    return tuple(
        DistributionIssue(name=shown(name), kind=kind, where=shown(where)) for name, kind, where in sorted(found_issues)
    )


def _left_behind(listed: Sequence[Folder]) -> Iterator[tuple[str, str, str]]:
    for folder in listed:
        seen = set()
        for entry in folder.entries:
            match = _LEFT_BEHIND.fullmatch(entry) if entry[0] == "~" else None
            if match and match["rest"].lower() not in seen:
                seen.add(match["rest"].lower())
                yield f"~{match['rest']}", "half-removed", f"{folder.path}/{entry}"


def _duplicates(found: Mapping[str, Sequence[Distribution]]) -> Iterator[tuple[str, str, str]]:
    for name, several in found.items():
        first = several[0]
        for other in several[1:]:
            if other.folder is not first.folder:
                yield name, "duplicate", f"{first.metadata} wins over {other.metadata}"
            elif other.version != first.version:
                yield name, "duplicate", f"{first.metadata} and {other.entry} are in the same folder"


def _editable(
    host: Host, listed: Sequence[Folder], found: Mapping[str, Sequence[Distribution]]
) -> Iterator[tuple[str, str]]:
    """(name, where) of the distributions that are imported from a source folder."""
    for folder in listed:
        for entry in folder.entries:
            if entry.endswith(".egg-link"):
                yield normalized_name(entry.removesuffix(".egg-link")), f"{folder.path}/{entry}"
            elif entry.endswith(".pth"):
                yield from _editable_by_pth(host, folder, entry, found)
    for name in _WATCHED:
        for one in found.get(name, ())[:1]:
            if _says_editable(host, one):
                yield name, one.metadata


def _editable_by_pth(
    host: Host, folder: Folder, entry: str, found: Mapping[str, Sequence[Distribution]]
) -> Iterator[tuple[str, str]]:
    """setuptools marks the file's name; for other tools, the metadata of the distribution of that name is read."""
    match = _EDITABLE_PTH.fullmatch(entry) or _PTH_NAME.fullmatch(entry)
    name = normalized_name(match["name"]) if match else ""
    for one in found.get(name, ())[:1]:
        if one.folder is folder and (entry.startswith("__editable__.") or _says_editable(host, one)):
            yield name, one.metadata


def _says_editable(host: Host, one: Distribution) -> bool:
    return _IS_EDITABLE.search(host.read(f"{one.metadata}/direct_url.json") or "") is not None


def _unsound(
    host: Host, found: Mapping[str, Sequence[Distribution]], editable: set[str]
) -> Iterator[tuple[str, str, str]]:
    for name in _WATCHED:
        for one in found.get(name, ()):
            if not _has_metadata(host, one):
                yield name, "no-metadata", one.metadata
            elif _lacks_record(host, one):
                yield name, "no-record", one.metadata
            if name not in editable and not {name, f"{name}.py"} & set(one.folder.entries):
                yield name, "half-removed", one.metadata


def _has_metadata(host: Host, one: Distribution) -> bool:
    if one.entry.endswith(".dist-info"):
        return host.is_file(f"{one.metadata}/METADATA")
    return host.is_file(one.metadata) or host.is_file(f"{one.metadata}/PKG-INFO")


def _lacks_record(host: Host, one: Distribution) -> bool:
    if not one.entry.endswith(".dist-info") or one.folder.path.endswith("/lib/python3/dist-packages"):
        return False
    if host.is_file(f"{one.metadata}/RECORD"):
        return False
    return (_installer(host, one) or "pip") in _PYTHON_INSTALLERS


def _installer(host: Host, one: Distribution) -> str | None:
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
    return any(_installer(host, one) in _PYTHON_INSTALLERS for name in _FAMILY for one in found.get(name, ()))
