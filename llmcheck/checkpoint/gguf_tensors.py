"""What the tensors of a GGUF model are, by their names: exact bytes and numbers of weights of each part."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Literal

from llmcheck.checkpoint.gguf_header import Tensor
from llmcheck.checkpoint.gguf_metadata import BLOCK
from llmcheck.schema.architecture import Parameters, TensorGroup

Part = Literal["embedding", "head", "layer", "experts", "vision", "predictor", "other"]
_EXPERTS = re.compile(r"ffn_(?:gate|up|down|gate_up)_(?:exps|\d+)\b")
_MIXERS = ("attn_", "ssm_", "shortconv", "time_mix", "wkv")


def grouped(
    tensors: Iterable[Tensor], experts: int, used: int, layers: int | None = None
) -> tuple[tuple[TensorGroup, ...], Parameters, int]:
    """The tensors, summed by part, layer and type; the weights of each part of the model; and those of layers that
    predict further tokens, of which llama.cpp loads nothing.

    Those are the layers from number ``layers`` on; None: there are none. A layer has ``experts`` experts, of which
    ``used`` are used for one token.
    """
    sums: dict[tuple[Part, int | None, str], list[int]] = defaultdict(lambda: [0, 0])
    counts = dict.fromkeys(("embedding", "head", "attention", "mlp", "experts", "other", "vision", "predictor"), 0)
    for tensor in tensors:
        part, layer, kind = _role(tensor)
        if layers is not None and layer is not None and layer >= layers:
            part, kind = "predictor", "predictor"
        total = sums[part, layer, tensor.type]
        total[0] += tensor.elements
        total[1] += tensor.size
        counts[kind] += tensor.elements
    groups = tuple(
        TensorGroup(part=part, layer=layer, type=kind, elements=elements, bytes=size)
        for (part, layer, kind), (elements, size) in sums.items()
    )
    predictor = counts.pop("predictor")
    idle = counts["experts"] * (experts - used) // experts if experts else 0
    active = sum(counts.values()) - counts["vision"] - idle
    return groups, Parameters(**counts, active=active), predictor


def _role(tensor: Tensor) -> tuple[Part, int | None, str]:
    """The part of the file that a tensor belongs to, its layer, and the field of ``Parameters`` that counts it."""
    name = tensor.name
    match = BLOCK.match(name)
    if match is None:
        if name.startswith(("token_embd.", "per_layer_token_embd.")):
            return "embedding", None, "embedding"
        if name == "output.weight":
            return "head", None, "head"
        if name.startswith(("v.", "mm.", "a.")):
            return "vision", None, "vision"
        return "other", None, "other"
    layer, rest = int(match[1]), match[2]
    if _EXPERTS.match(rest) and not rest.endswith(".bias"):
        return "experts", layer, "experts"
    if len([size for size in tensor.shape if size > 1]) < 2:
        return "layer", layer, "other"
    return "layer", layer, "attention" if rest.startswith(_MIXERS) else "mlp" if rest.startswith("ffn_") else "other"
