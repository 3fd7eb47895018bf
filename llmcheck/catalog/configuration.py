"""What the project's file and the environment say of ``llmcheck check``. Errors name the file and the key."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import msgspec

from llmcheck import codec
from llmcheck.catalog import profiles
from llmcheck.errors import DataError
from llmcheck.schema.configuration import Configuration
from llmcheck.system import project_file

_TABLE = "[tool.llmcheck]"
PREFIX = "LLMCHECK_"
"""Of the environment's variables that set a key."""
_LISTS = ("profiles", "skip", "only")


class Configured(msgspec.Struct, frozen=True):
    """The defaults that hold here, and where each was read."""

    values: Mapping[str, Any] = {}
    """By parameter: ``fail_on``. Paths of the file are paths from the working directory here."""
    places: Mapping[str, str] = {}
    """By parameter: the file as it is named from the working directory, or the variable."""
    left_alone: tuple[str, ...] = ()
    """Files that were not read, each with the reason, in words."""


def of_files(found: tuple[project_file.ProjectFile, ...], cwd: str) -> Configured:
    """What the nearest file says that says anything. Raises DataError for one that cannot be understood."""
    left: list[str] = []
    for each in found:
        name = os.path.relpath(each.path, cwd)
        if each.data is None:
            left.append(f"{name} was not read: {each.reason}; name it with --config to have it read")
            continue
        table, where = _table(each.data, name)
        if table is not None:
            values = _values(codec.convert(table, Configuration, where), os.path.dirname(each.path), cwd, where)
            return Configured(values, dict.fromkeys(values, where), tuple(left))
    return Configured(left_alone=tuple(left))


def of_variables(environ: Mapping[str, str]) -> Configured:
    """``LLMCHECK_FAIL_ON=warn`` and so on, for each key but ``vars``, whose values have variables of their own
    (``LLMCHECK_VAR_NAME``). Several names have a comma or a blank between them.

    Raises DataError for a value that the key cannot have.
    """
    keys = zip(Configuration.__struct_fields__, Configuration.__struct_encode_fields__, strict=True)
    variables = {f"{PREFIX}{name.upper()}": (name, key) for name, key in keys if name != "vars"}
    values: dict[str, Any] = {}
    places: dict[str, str] = {}
    for variable, (name, key) in variables.items():
        text = environ.get(variable)
        if text:
            given = text.replace(",", " ").split() if name in _LISTS else text
            if not given:
                continue
            values[name] = getattr(_converted({key: given}, variable), name)
            places[name] = variable
    return Configured(values, places)


def _converted(table: dict[str, Any], variable: str) -> Configuration:
    try:
        return codec.convert(table, Configuration, variable, text=True)
    except DataError as error:
        raise DataError(str(error).replace(f"{variable}, {next(iter(table))}", variable, 1)) from None


def _table(data: bytes, name: str) -> tuple[Any, str]:
    """The table of this program in a file, None where it has none; and how the place is called."""
    from llmcheck.catalog import sources  # tomllib and csv, 3 ms: most folders have no such file

    document = sources.parse_toml(data, name)
    if os.path.basename(name) != project_file.SHARED:
        return document, name
    tools = document.get("tool")
    return (tools.get("llmcheck") if isinstance(tools, dict) else None), f"{name}, {_TABLE}"


def _values(said: Configuration, folder: str, cwd: str, where: str) -> dict[str, Any]:
    values = {name: value for name in said.__struct_fields__ if (value := getattr(said, name)) is not None}
    if said.path is not None:
        values["path"] = os.path.relpath(os.path.join(folder, said.path), cwd)
    if said.profiles is not None:
        values["profiles"] = tuple(_profile(each, folder, cwd, where) for each in said.profiles)
    return values


def _profile(name: str, folder: str, cwd: str, where: str) -> str:
    """An id, or the path of a profile file from the working directory. Raises DataError for neither."""
    known = profiles.ids()
    if name in known:
        return name
    if not name.endswith((".toml", ".json")) and "/" not in name:
        near = codec.did_you_mean(name, known)
        raise DataError(
            f"{where}, profiles: there is no profile '{name}'{near}; profiles: {', '.join(known)}, or the path of a "
            ".toml file"
        )
    if os.path.isabs(name):
        return name
    path = os.path.relpath(os.path.join(folder, name), cwd)
    return path if os.path.dirname(path) else os.path.join(os.curdir, path)
