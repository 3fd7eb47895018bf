"""The values of a profile's ``[vars]``, and their places: ``"${memory}"`` in any text of the file.

A value that is put in is not looked at again, so nothing grows out of itself. A text that is one variable and nothing
else becomes its value, with its type; within other text it is written out. ``$${`` is a plain ``${``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from llmcheck import codec
from llmcheck.errors import DataError, UsageError
from llmcheck.judge.facts import quantities
from llmcheck.schema.bounds import LONGEST_VERSION
from llmcheck.schema.profile import Value, Variable
from llmcheck.units import parse_size

PREFIX = "LLMCHECK_VAR_"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_PLACE = re.compile(r"\$\$\{|\$\{([^}]{0,100})\}?")
_LONGEST_VALUE = 4000
_LARGEST_RESULT = 2 * 2**20
_MOST = 1000
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class Given(Struct, frozen=True, kw_only=True):
    """What is set from outside a profile; the first that has a name decides."""

    flags: tuple[str, ...] = ()
    """``--set``: ``name=value``."""
    environment: Mapping[str, str] = {}
    """Environment variables, of which those with the prefix ``LLMCHECK_VAR_`` are looked at."""
    file: Mapping[str, Any] = {}
    """The table of ``--vars``."""
    file_name: str = "--vars"

    def values(self) -> dict[str, tuple[Any, str]]:
        """By name: the value and what sets it. Raises UsageError for a flag that is no ``name=value``."""
        found: dict[str, tuple[Any, str]] = {name: (value, self.file_name) for name, value in self.file.items()}
        for variable, value in self.environment.items():
            if variable.startswith(PREFIX):
                found[_spelled(variable.removeprefix(PREFIX))] = (value, variable)
        for flag in self.flags:
            name, separator, value = flag.partition("=")
            if not separator or not name:
                raise UsageError(f"--set {flag[:60]}: write name=value")
            found[_spelled(name)] = (value, f"--set {name[:60]}")
        return {_spelled(name): each for name, each in found.items()}

    def require_names(self, profiles: Iterable[Mapping[str, Variable]]) -> None:
        """Raises UsageError for a value that no profile has a variable for; variables of the environment count only
        where some profile has variables at all.
        """
        values = self.values()
        known = {_spelled(name): name for each in profiles for name in each} if values else {}
        for name, (_, where) in values.items():
            if name not in known and (known or not where.startswith(PREFIX)):
                accepted = f"; variables: {', '.join(sorted(known.values()))}" if known else ""
                raise UsageError(
                    f"{where}: no profile named here has the variable '{name[:60]}'"
                    f"{codec.did_you_mean(name[:60], known)}{accepted}"
                )


NOTHING = Given()


def _spelled(name: str) -> str:
    return name.strip().lower().replace("-", "_")


def definitions(table: object, where: str) -> dict[str, Variable]:
    """The variables of a profile. Raises DataError."""
    if not isinstance(table, dict):
        raise DataError(f"{where}, [vars]: expected a table for each variable")
    if len(table) > _MOST:
        raise DataError(f"{where}, [vars]: {len(table):,} variables; at most {_MOST:,}")
    found: dict[str, Variable] = {}
    for name, definition in table.items():
        place = f"{where}, [vars], {name[:60]}"
        if not _NAME.fullmatch(name):
            raise DataError(f"{place}: a name begins with a lower case letter; letters, digits, - and _ follow")
        variable = codec.convert(definition, Variable, place)
        for key in ("min", "max"):
            bound = getattr(variable, key)
            if bound is not None:
                _number(variable, bound, f"{place}, {key}")
        _checked(variable, variable.default, f"{place}, default")
        found[name] = variable
    spelled = [_spelled(name) for name in found]
    double = next((name for name in found if spelled.count(_spelled(name)) > 1), None)
    if double is not None:
        raise DataError(f"{where}, [vars]: '{double}' is there twice, with - and with _")
    return found


def resolved(variables: Mapping[str, Variable], given: Given, where: str) -> dict[str, Value]:
    """The value of each variable. Raises DataError and UsageError."""
    outside = given.values()
    values: dict[str, Value] = {}
    for name, variable in variables.items():
        value, source = outside.get(_spelled(name), (None, ""))
        if not source:
            values[name] = variable.default
            continue
        place = f"{source}: variable '{name}' of {where}"
        typed = _from_text(variable, value, place) if isinstance(value, str) else value
        values[name] = _checked(variable, typed, place)
    return values


def _from_text(variable: Variable, text: str, where: str) -> Any:
    """A value as a command line writes it. Raises DataError."""
    if variable.type == "boolean":
        if text.strip().lower() not in _FLAGS:
            raise DataError(f"{where}: '{text[:40]}' is neither true nor false")
        return _FLAGS[text.strip().lower()]
    if variable.type not in ("integer", "number"):
        return text
    if not re.fullmatch(r"-?[0-9]{1,18}" + (r"(\.[0-9]{1,18})?" if variable.type == "number" else ""), text.strip()):
        raise DataError(f"{where}: '{text[:40]}' is not {_TYPES[variable.type]}")
    return float(text) if variable.type == "number" and "." in text else int(text)


_TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "text": "text",
    "size": "a size such as 80 GB",
    "rate": "a rate such as 400 Gb/s",
    "boolean": "true or false",
    "version": "a version such as 550.54",
}


def _checked(variable: Variable, value: Any, where: str) -> Value:
    """A value of the right type within its bounds. Raises DataError."""
    if variable.type == "boolean":
        right = isinstance(value, bool)
    elif variable.type in ("integer", "number"):
        right = isinstance(value, int if variable.type == "integer" else int | float) and not isinstance(value, bool)
    else:
        right = isinstance(value, str) and len(value) <= _LONGEST_VALUE
        if variable.type == "version":
            right = (
                right and re.fullmatch(r"[0-9A-Za-z.!+*_,<>=~ -]+", value) is not None and len(value) <= LONGEST_VERSION
            )
    if not right:
        raise DataError(f"{where}: {value!r:.60} is not {_TYPES[variable.type]}")
    if variable.type in ("integer", "number", "size", "rate"):
        number = _number(variable, value, where)
        least, most = variable.min, variable.max
        if least is not None and number < _number(variable, least, where):
            raise DataError(f"{where}: {value} is below {least}, its min")
        if most is not None and number > _number(variable, most, where):
            raise DataError(f"{where}: {value} is above {most}, its max")
    result: Value = value
    return result


def _number(variable: Variable, value: Any, where: str) -> float:
    try:
        if variable.type == "size" and isinstance(value, str):
            return parse_size(value)
        if variable.type == "rate" and isinstance(value, str):
            number, dimension = quantities.parse(value)
            if dimension is None or not dimension.endswith("a second"):
                raise ValueError(f"'{value[:40]}' is not a rate such as 400 Gb/s")
            return number
    except ValueError as error:
        raise DataError(f"{where}: {error}") from None
    if variable.type in ("integer", "number") and isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise DataError(f"{where}: {value!r:.60} is not {_TYPES[variable.type]}")


class Substitution:
    """Puts values into the parts of a profile, all of which together have a largest size."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values, self._left = values, _LARGEST_RESULT

    def of(self, value: Any, place: str) -> Any:
        """A part with each variable in its place. Raises DataError for an unknown one."""
        if isinstance(value, str):
            return self._text(value, place) if "${" in value else value
        if isinstance(value, dict):
            return {key: self.of(part, f"{place}.{key}") for key, part in value.items()}
        if isinstance(value, list):
            return [self.of(part, f"{place}[{index}]") for index, part in enumerate(value)]
        return value

    def _text(self, text: str, place: str) -> Any:
        whole = _PLACE.fullmatch(text)
        if whole is not None and whole[1] is not None:
            return self._value(whole, place)
        result = _PLACE.sub(lambda match: "${" if match[1] is None else _written(self._value(match, place)), text)
        if len(result) > _LONGEST_VALUE:
            raise DataError(f"{place}: {len(result):,} characters with its variables; at most {_LONGEST_VALUE:,}")
        return result

    def _value(self, match: re.Match[str], place: str) -> Value:
        name = match[1]
        if name not in self._values or not match[0].endswith("}"):
            near = codec.did_you_mean(name, self._values)
            raise DataError(
                f"{place}: there is no variable '{name[:60]}'{near}; "
                f"variables: {', '.join(self._values)}; write $${{ for a plain ${{"
            )
        value = self._values[name]
        self._left -= len(value) if isinstance(value, str) else 8
        if self._left < 0:
            raise DataError(f"{place}: more than {_LARGEST_RESULT >> 20} MiB with its variables put in")
        return value


def _written(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
