"""A model and how it is used: what every estimate is made from."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from llmcheck import runtimes
from llmcheck.fit.shapes import weights
from llmcheck.fit.shapes.formats import Format
from llmcheck.fit.shapes.weights import Stored
from llmcheck.runtimes import Runtime
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.workload import Workload

DEFAULT_CONTEXT = 8192
DEFAULT_SEQUENCE = 2048
"""Tokens of a training sequence."""


class ModelUse(Struct, frozen=True):
    architecture: Architecture
    workload: Workload

    @property
    def runtime(self) -> Runtime:
        return runtimes.named(self.workload.runtime)

    @property
    def is_inference(self) -> bool:
        return self.workload.method == "inference"

    @property
    def form(self) -> Format:
        """The weights' format."""
        return weights.chosen(self.architecture, self.workload)

    @property
    def stored(self) -> Stored:
        return weights.of(self.architecture, self.workload)

    @property
    def batch(self) -> int:
        return max(self.workload.batch, 1)

    @property
    def context(self) -> int:
        """Tokens of each sequence, prompt and answer together."""
        if self.workload.context is not None:
            return max(self.workload.context, 0)
        if self.is_inference and self.workload.prompt is not None:
            return max(self.workload.prompt, 0)
        usual = DEFAULT_CONTEXT if self.is_inference else DEFAULT_SEQUENCE
        return min(usual, self.architecture.context or usual)

    @property
    def query_heads(self) -> int:
        """Of the widest layer; tensor parallelism shares them out whole. 0 for a model without attention."""
        return max((group.heads for group in self.architecture.attention if group.kind != "state"), default=0)

    def with_shapes_alone(self) -> ModelUse:
        """Without the tensors and notes of a file, which are slow to compare and matter to the weights alone."""
        if not self.architecture.tensors and not self.architecture.notes:
            return self
        return ModelUse(replace(self.architecture, tensors=None, notes=()), self.workload)

    def changed(self, **fields: Any) -> ModelUse:
        """Used in another way: ``fields`` of the workload."""
        return ModelUse(self.architecture, replace(self.workload, **fields))
