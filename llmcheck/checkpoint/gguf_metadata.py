"""Metadata and tensors of a GGUF model, of all its files together. Values are read by name and checked for bounds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from llmcheck.checkpoint.gguf_header import Tensor, Value, shown
from llmcheck.errors import DataError

BLOCK = re.compile(r"blk\.(\d{1,6})\.(.+)")
"""The name of a tensor that belongs to a layer."""


class Metadata:
    """Values that are not trusted. A key is written without the architecture's name before it: ``block_count``."""

    def __init__(self, values: Mapping[str, Value], tensors: Iterable[Tensor], path: str) -> None:
        """Raises DataError for a tensor that is in two files of the model."""
        self._values, self.path = values, path
        declared = values.get("general.architecture")
        self.architecture = declared if isinstance(declared, str) and declared else "unknown"
        self.tensors = tuple(tensors)
        self.by_name: dict[str, Tensor] = {}
        for tensor in self.tensors:
            if self.by_name.setdefault(tensor.name, tensor) is not tensor:
                raise DataError(f"{path}: tensor '{shown(tensor.name)}' is in two parts")

    def general(self, key: str) -> Value:
        """The value of a full key, such as ``general.name``; None where the file has none."""
        return self._values.get(key)

    def value(self, key: str) -> Value:
        """The value of a key of the architecture; None where the file has none."""
        return self._values.get(f"{self.architecture}.{key}")

    def required(self, key: str, most: int, *fallback: int | None) -> int:
        """A whole number from 1, else the first of ``fallback`` that is one. Raises DataError without one."""
        for each in (self.optional(key, most), *fallback):
            if each:
                return each
        raise DataError(f"{self.path}: no '{self.architecture}.{key}', and its tensors do not show it")

    def optional(self, key: str, most: int) -> int | None:
        """A whole number from 0 to ``most``; None where the file has none. Raises DataError for one out of bounds."""
        value = self.value(key)
        if isinstance(value, bool) or not isinstance(value, int):
            return None
        if not 0 <= value <= most:
            raise DataError(f"{self.path}: '{self.architecture}.{key}' is {value:,}; expected at most {most:,}")
        return value

    def per_layer(self, key: str, layers: int, most: int) -> list[int] | None:
        """One number for each layer, from a list or from one number for all; None where the file has neither."""
        value = self.value(key)
        if isinstance(value, list):
            if len(value) < layers or not all(0 <= each <= most for each in value):
                raise DataError(
                    f"{self.path}: '{self.architecture}.{key}' does not have a number for each of {layers:,} layers"
                )
            return [int(each) for each in value[:layers]]
        single = self.optional(key, most)
        return None if single is None else [single] * layers

    def shape(self, *names: str) -> tuple[int, ...]:
        """The shape of the first of these tensors that is there; ``(0, 0)`` where none is."""
        return next((self.by_name[name].shape for name in names if name in self.by_name), (0, 0))
