"""A conflict between installed packages in words."""

from __future__ import annotations

from collections.abc import Mapping

from llmcheck.packages.conflict import Conflict

_CAUSES = {"pythonpath": "PYTHONPATH", "user-site": "the user's own site-packages (~/.local)"}
_UNSHADOW = {"pythonpath": "unset PYTHONPATH", "user-site": "set PYTHONNOUSERSITE=1"}
_REMEDIES = {
    "other-python": "unset PYTHONPATH, or install it with this Python",
    "directory": "rename it, or start Python in another folder",
    "half-removed": "delete it",
    "conda-and-pip": "install all of them with one of the two, into a new environment",
}


def message(conflict: Conflict, names: Mapping[str, str]) -> str:
    """One sentence: what is broken, by what, and where that is written. ``names``: how packages are spelled."""
    own = f"{names.get(conflict.package, conflict.package)} {conflict.version}".strip()
    for words in (_of_versions, _of_builds, _of_copies, _of_files):
        found = words(conflict, own)
        if found is not None:
            return f"{found} ({conflict.evidence})" if conflict.evidence else found
    raise AssertionError(conflict.kind)


def cause(shadow: Conflict) -> str:
    """What hides a package, to be said of a conflict that comes of it."""
    return f"{_CAUSES.get(shadow.other, shadow.other)} hides {shadow.hidden}"


def remedy(conflict: Conflict, command: str | None, names: Mapping[str, str]) -> str | None:
    """``command``: of ``mend``; None where there is none. ``names``: of the packages that the catalogue has.

    The result is None where nothing has to be done.
    """
    if conflict.kind == "shadowed":
        return _UNSHADOW.get(conflict.other)
    if conflict.package == "llama-cpp-python" and conflict.kind == "no-gpu":
        return "'llmcheck install llama-cpp' plans a build for these GPUs"
    if conflict.kind == "extension" and command is None:
        return "leave it: without it PyTorch's own attention is used"
    if conflict.wants and command is None and conflict.package in names:
        return f"'llmcheck install {conflict.package} --venv {conflict.package}-env' gives it an environment of its own"
    if conflict.wants and command is None:
        return "give it an environment of its own: another installed package needs what breaks it"
    return command or _REMEDIES.get(conflict.kind)


def _of_versions(conflict: Conflict, own: str) -> str | None:
    other, needs, found = conflict.other, conflict.needs, conflict.found
    if conflict.kind == "requires":
        return f"{own} needs {other} {needs}, and {found} is installed"
    if conflict.kind == "missing":
        return f"{own} needs {f'{other} {needs}'.rstrip()}, which is not installed"
    if conflict.kind == "disabled":
        return f"{own} needs {other} {needs} and does not use the installed {found}: it runs no model"
    if conflict.kind == "numpy":
        return f"{own} is built for NumPy 1, and NumPy {found} is installed: it cannot exchange data with it"
    return None


def _of_builds(conflict: Conflict, own: str) -> str | None:
    other, needs, found = conflict.other, conflict.needs, conflict.found
    built = f"{own} is built for {other} {needs}, and {found} is installed"
    if conflict.kind == "built-for":
        return f"{built}: its import fails"
    if conflict.kind == "extension":
        return f"{built}: its compiled part does not load"
    if conflict.kind == "build":
        return f"{own} is built for {needs}, and the installed torch is {found}"
    if conflict.kind == "no-gpu" and not conflict.place:
        return f"{own} is installed without its plugin for {needs}: it would run on the CPU"
    if conflict.kind == "no-gpu":
        have = f"only for {found}" if found else "without a GPU backend"
        return f"{own} is built {have}, and the GPUs here need {needs}: it would run on the CPU ({conflict.place})"
    if conflict.kind == "same-files":
        both = f"{other} {found} and {conflict.hidden} write the same files ({conflict.place})"
        return f"{both}: {own} gets those that were installed last"
    return None


def _of_copies(conflict: Conflict, own: str) -> str | None:
    place, hidden = conflict.place, conflict.hidden
    if conflict.kind == "mixed":
        return f"{own} is installed twice in one folder, and files of both are mixed: {place}, {hidden}"
    if conflict.kind == "duplicate":
        return f"{own} is installed twice: {place} is used and hides {hidden}"
    if conflict.kind == "shadowed":
        cause = _CAUSES.get(conflict.other, conflict.other)
        return f"{cause} hides an installed {conflict.package}: {place} is used instead of {hidden}"
    if conflict.kind == "directory":
        return f"{place} is imported instead of {own} by a Python that is started in this folder"
    if conflict.kind == "other-python":
        return f"{own} lies in a folder of another Python, whose compiled files do not load here: {place}"
    if conflict.kind == "conda-and-pip":
        return "torch and its companions come partly from conda and partly from pip, which do not know of each other"
    return None


def _of_files(conflict: Conflict, own: str) -> str | None:
    place = conflict.place
    if conflict.kind == "files-missing":
        return f"{own} is listed as installed, but its files are missing: {place}"
    if conflict.kind == "no-metadata":
        return f"{own} has no metadata: its installation or removal was interrupted ({place})"
    if conflict.kind == "editable-gone":
        return f"{own} is imported from a source folder that no longer exists: {place}"
    if conflict.kind == "no-record":
        return f"{own} has no list of its files, so pip cannot remove or replace it: {place}"
    if conflict.kind == "half-removed":
        return f"{place} was left behind by an interrupted pip"
    return None
