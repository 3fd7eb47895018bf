"""Irregular distributions of an environment; see ``DistributionIssue.kind``."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence

from llmcheck.packages.known import IMPORT_NAMES
from llmcheck.probe import _package_files as files
from llmcheck.probe._distributions import PYTHON_INSTALLERS, Distribution, Folder, Known, has_metadata, installer, shown
from llmcheck.schema.machine import DistributionIssue, normalized_name
from llmcheck.system.host import Host

# pip renames a distribution that it replaces to ``~NAME``. The folder remains when pip is interrupted.
_LEFT_BEHIND = re.compile(r"~(?P<rest>[^-]*)(?:-.*)?")
_EDITABLE_PTH = re.compile(r"__editable__\.(?P<name>[^-]+)-.*\.pth")
_PTH_NAME = re.compile(r"_*(?:editable_impl_)?(?P<name>.+?)(?:[-_]editable)?\.pth")
_IS_EDITABLE = re.compile(r'"editable"\s*:\s*true')


_URL = re.compile(r'"url"\s*:\s*"file://([^"]*)"')
_MAPPING = re.compile(r"MAPPING\b[^=]*=\s*\{([^}]*)\}")
_FINDER = re.compile(r"import (__editable___\w+_finder)")
_TEXT_BYTES = 1 << 16
_Issue = tuple[str, str, str, tuple[str, ...]]
"""Name, kind, where, paths."""


def issues(
    host: Host,
    listed: Sequence[Folder],
    found: Mapping[str, Sequence[Distribution]],
    known: Mapping[str, Known],
    version: str,
) -> tuple[DistributionIssue, ...]:
    """Irregular distributions, sorted by name. ``known``: those that matter. ``version``: of the judged Python."""
    editable = dict(_editable(host, listed, found, known))
    found_issues: set[_Issue] = {
        *_left_behind(listed),
        *_duplicates(host, found),
        *((name, "editable", where, ()) for name, (where, _) in editable.items()),
        *((name, "editable-gone", gone, ()) for name, (_, gone) in editable.items() if gone is not None),
        *_unsound(host, known, editable, version),
        *((name, kind, path, (path, one)) for name, kind, path, one in files.hiding(host, listed, known, editable)),
        *((name, "overwritten", path, ()) for name, path in files.overwritten(host, known)),
    }
    return tuple(
        DistributionIssue(name=shown(name), kind=kind, where=shown(where), paths=tuple(map(shown, paths)))
        for name, kind, where, paths in sorted(found_issues)
    )


def _left_behind(listed: Sequence[Folder]) -> Iterator[_Issue]:
    for folder in listed:
        seen = set()
        for entry in folder.entries:
            match = _LEFT_BEHIND.fullmatch(entry) if entry[0] == "~" else None
            if match and match["rest"].lower() not in seen:
                seen.add(match["rest"].lower())
                yield f"~{match['rest']}", "half-removed", f"{folder.path}/{entry}", ()


def _duplicates(host: Host, found: Mapping[str, Sequence[Distribution]]) -> Iterator[_Issue]:
    for name, several in found.items():
        first = several[0]
        for other in several[1:]:
            paths = (first.metadata, other.metadata)
            if other.folder is not first.folder:
                place = files.place_of(host, first.folder.path)
                yield (
                    name,
                    f"shadowed-by-{place}" if place else "duplicate",
                    f"{first.metadata} wins over {other.metadata}",
                    paths,
                )
            elif other.version != first.version:
                where = f"{first.metadata} and {other.entry} are in the same folder"
                yield name, "mixed" if has_metadata(host, other) else "duplicate", where, paths


def _editable(
    host: Host,
    listed: Sequence[Folder],
    found: Mapping[str, Sequence[Distribution]],
    known: Mapping[str, Known],
) -> Iterator[tuple[str, tuple[str, str | None]]]:
    """Of the distributions that are imported from a source folder: name, where that is said, and the folder if it is
    gone.
    """
    for name, each in known.items():
        if "direct_url.json" in each.files and _says_editable(host, each.one):
            yield name, (each.one.metadata, _gone(host, _source(host, each.one)))
    for folder in listed:
        for entry in folder.entries:
            if entry.endswith(".egg-link"):
                path = f"{folder.path}/{entry}"
                source = (host.read(path, _TEXT_BYTES) or "").partition("\n")[0].strip()
                yield normalized_name(entry.removesuffix(".egg-link")), (path, _gone(host, source))
            elif entry.endswith(".pth"):
                yield from _editable_by_pth(host, folder, entry, found)


def _editable_by_pth(
    host: Host, folder: Folder, entry: str, found: Mapping[str, Sequence[Distribution]]
) -> Iterator[tuple[str, tuple[str, str | None]]]:
    """setuptools marks the file's name; for other tools, the metadata of the distribution of that name is read."""
    match = _EDITABLE_PTH.fullmatch(entry) or _PTH_NAME.fullmatch(entry)
    name = normalized_name(match["name"]) if match else ""
    for one in found.get(name, ())[:1]:
        if one.folder is not folder:
            continue
        if _says_editable(host, one):
            yield name, (one.metadata, _gone(host, _source(host, one)))
        elif entry.startswith("__editable__."):
            yield name, (one.metadata, _gone(host, _source_in_pth(host, f"{folder.path}/{entry}")))


def _says_editable(host: Host, one: Distribution) -> bool:
    return _IS_EDITABLE.search(host.read(f"{one.metadata}/direct_url.json", _TEXT_BYTES) or "") is not None


def _source(host: Host, one: Distribution) -> str | None:
    """The source folder that pip noted."""
    match = _URL.search(host.read(f"{one.metadata}/direct_url.json", _TEXT_BYTES) or "")
    if match is None:
        return None
    from urllib.parse import unquote  # few environments have such an installation

    path = unquote(match[1])
    return path[1:] if re.match(r"/[A-Za-z]:", path) else path


def _source_in_pth(host: Host, path: str) -> str | None:
    """The folder that a .pth file of setuptools adds, or that its finder maps a module to."""
    text = host.read(path, _TEXT_BYTES) or ""
    finder = _FINDER.search(text)
    if finder is None:
        first = text.partition("\n")[0].strip()
        return first if first and not first.startswith("import") else None
    mapping = _MAPPING.search(host.read(f"{path.rpartition('/')[0]}/{finder[1]}.py", _TEXT_BYTES) or "")
    named = re.search(r":\s*['\"]([^'\"]+)['\"]", mapping[1]) if mapping else None
    return named[1] if named else None


def _gone(host: Host, source: str | None) -> str | None:
    """The folder if it is known and not there."""
    return source if source and source.startswith(("/", "~")) and not host.exists(host.absolute(source)) else None


def _unsound(host: Host, known: Mapping[str, Known], editable: Container[str], version: str) -> Iterator[_Issue]:
    entries: dict[str, frozenset[str]] = {}
    for name, each in known.items():
        one = each.one
        if name not in IMPORT_NAMES:
            continue
        if not each.has_metadata:
            yield name, "no-metadata", one.metadata, ()
        elif _lacks_record(host, each):
            yield name, "no-record", one.metadata, ()
        if files.other_python(one, version):
            yield name, "other-python", one.folder.path, ()
        if name not in editable:
            here = entries.get(one.folder.path) or frozenset(one.folder.entries)
            entries[one.folder.path] = here
            missing = files.missing(host, each, here)
            if missing is not None:
                yield name, "files-missing", missing, ()


def _lacks_record(host: Host, known: Known) -> bool:
    one = known.one
    if not one.entry.endswith(".dist-info") or one.folder.path.endswith("/lib/python3/dist-packages"):
        return False
    if "RECORD" in known.files:
        return False
    return (installer(host, one) or "pip") in PYTHON_INSTALLERS
