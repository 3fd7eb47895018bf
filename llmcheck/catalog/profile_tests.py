"""The machines that lie beside a profile: ``our-node.toml`` has them in ``our-node.tests/``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from llmcheck import catalog, codec
from llmcheck.catalog import profiles
from llmcheck.errors import DataError
from llmcheck.judge.profile_test import EXPECTED, kind_of

IDS = "expected.toml"
"""Which lines have to fail on which machine."""
_MOST = 200
_HOW = (
    "save machines there with 'llmcheck machine --save FILE', as passing-NAME.json, failing-NAME.json, "
    "undetermined-NAME.json or inapplicable-NAME.json"
)


def folder_of(name: str) -> str:
    """The folder of a profile's machines, by its id or path. Raises DataError."""
    return f"{os.path.splitext(profiles.path_of(name))[0]}.tests"


def machines(folder: str) -> tuple[str, ...]:
    """The names of the files, sorted. Raises DataError for a folder without any, and for a name that says nothing."""
    from llmcheck.system import answering

    try:
        names = answering.apart(lambda: sorted(os.listdir(folder)), [("", folder)])
    except OSError as error:
        why = "it has no machines of its own" if isinstance(error, FileNotFoundError) else error.strerror or str(error)
        raise DataError(f"{folder}: {why}; {_HOW}") from None
    files = tuple(name for name in names if name.endswith(".json"))
    wrong = next((name for name in files if kind_of(name) not in EXPECTED), None)
    if wrong is not None:
        raise DataError(f"{folder}/{wrong}: its name says no verdict; {_HOW}")
    if not files or len(files) > _MOST:
        raise DataError(f"{folder}: {len(files)} machines, and 1 to {_MOST} are tested; {_HOW}")
    return files


def ids(folder: str, files: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """By the name of a machine's file without its ending, the lines that have to fail. Raises DataError."""
    path = os.path.join(folder, IDS)
    from llmcheck.system import answering

    if not answering.kind(path):
        return {}
    stated = codec.convert(catalog.read_profile(path), dict[str, tuple[str, ...]], path)
    known = {file.removesuffix(".json") for file in files}
    for each in stated:
        if each not in known:
            raise DataError(f"{path}: there is no machine '{each}'{codec.did_you_mean(each, known)}")
    return stated
