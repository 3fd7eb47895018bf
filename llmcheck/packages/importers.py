"""What a package takes with it when its import fails."""

from __future__ import annotations

from llmcheck.packages.conflict import Conflict
from llmcheck.packages.environment import Environment
from llmcheck.packages.versions import holds, parts, surroundings

_FATAL = ("built-for", "build", "files-missing", "editable-gone", "other-python", "same-files", "shadowed")
"""Kinds of conflict with which ``import`` fails; with the others a part of the package is not used."""
_WHERE_PRESENT = {"torchvision": ("transformers",)}
"""Packages that import another one wherever it is installed, without requiring it: the module ``image_utils`` of
transformers does so with torchvision, and its processors and loss functions import that module (read in 5.24.0)."""
_ALONE = ("bitsandbytes",)
"""Its import only logs that the library for the GPU was not found."""


def of(conflict: Conflict, environment: Environment) -> tuple[str, ...]:
    """The installed packages that import the broken one, sorted."""
    if not conflict.broken or conflict.kind not in _FATAL or conflict.package in _ALONE:
        return ()
    variables = surroundings(environment.machine)
    found = {each for each in _WHERE_PRESENT.get(conflict.package, ()) if each in environment.versions}
    for owner, line in environment.needed_by.get(conflict.package, ()):
        split = parts(line)
        if split is not None and holds(split[3], variables, frozenset()):
            found.add(owner)
    return tuple(sorted(found - {conflict.package}))
