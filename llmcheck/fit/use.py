"""A model and its workload: the input of every estimate."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from llmcheck import runtimes
from llmcheck.fit.shapes import weights
from llmcheck.fit.shapes.formats import Format
from llmcheck.fit.shapes.weights import StoredWeights
from llmcheck.runtimes import Runtime
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.workload import Workload

DEFAULT_CONTEXT = 8192
"""Tokens of a sequence in inference."""
DEFAULT_SEQUENCE = 2048
"""Tokens of a sequence in training."""


class ModelUse(Struct, frozen=True):
    """A model and its workload; the properties fill in what the workload leaves open."""

    architecture: Architecture
    workload: Workload
    draft: Architecture | None = None
    """The second model that proposes tokens (``Workload.speculative``); None without one."""

    @property
    def runtime(self) -> Runtime:
        return runtimes.named(self.workload.runtime)

    @property
    def is_inference(self) -> bool:
        return self.workload.method == "inference"

    @property
    def divides_matrices(self) -> bool:
        """Several GPUs divide each matrix where the workload does not say how."""
        return self.runtime.tensor_parallel or self.workload.split_mode == "tensor"

    @property
    def weight_format(self) -> Format:
        """The format of the weights: the workload's, or the model's own."""
        return weights.format_of(self.architecture, self.workload)

    @property
    def stored(self) -> StoredWeights:
        """Bytes of the weights in that format."""
        return weights.of(self.architecture, self.workload)

    @property
    def batch(self) -> int:
        """Sequences at a time, at least 1."""
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
        """Query heads of the widest layer, which tensor parallelism has to divide evenly; 0 without attention."""
        return max((group.heads for group in self.architecture.attention if group.kind != "state"), default=0)

    def with_shapes_alone(self) -> ModelUse:
        """Without the tensor list and notes of a file, which only the weights need and which are slow to hash."""
        return ModelUse(weights.shapes_of(self.architecture), self.workload, self.draft)

    def changed(self, **fields: Any) -> ModelUse:
        """The same model with other values for these fields of the workload."""
        return ModelUse(self.architecture, replace(self.workload, **fields), self.draft)
