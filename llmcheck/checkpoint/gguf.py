"""The architecture and the exact bytes of the tensors from the header of a GGUF file; weights are not read."""

from __future__ import annotations

import os
import re
from collections import defaultdict

from llmcheck.checkpoint import families, gguf_layers, gguf_tensors
from llmcheck.checkpoint.family import ENCODER_NOTE, GgufArchitecture
from llmcheck.checkpoint.gguf_header import header, shown
from llmcheck.checkpoint.gguf_metadata import BLOCK, Metadata
from llmcheck.errors import DataError
from llmcheck.schema.architecture import Architecture

_FILE_TYPES = {
    0: "fp32", 1: "fp16", 2: "q4_0", 3: "q4_1", 7: "q8_0", 8: "q5_0", 9: "q5_1", 10: "q2_k", 11: "q3_k_s",
    12: "q3_k_m", 13: "q3_k_l", 14: "q4_k_s", 15: "q4_k_m", 16: "q5_k_s", 17: "q5_k_m", 18: "q6_k", 19: "iq2_xxs",
    20: "iq2_xs", 21: "q2_k_s", 22: "iq3_xs", 23: "iq3_xxs", 24: "iq1_s", 25: "iq4_nl", 26: "iq3_s", 27: "iq3_m",
    28: "iq2_s", 29: "iq2_m", 30: "iq4_xs", 31: "iq1_m", 32: "bf16", 36: "tq1_0", 37: "tq2_0", 38: "mxfp4", 39: "nvfp4",
}  # fmt: skip
"""The format of ``llama-quantize`` by the number in ``general.file_type``."""
_MOST_PARTS = 1_000
_SPLIT = re.compile(r"(.*)-(\d{5})-of-(\d{5})\.gguf", re.IGNORECASE)


def read(path: str) -> Architecture:
    """Of a split file any part may be given: all parts are read. Raises DataError and OSError."""
    headers = [header(part) for part in _parts(path)]
    declared = headers[0].values.get("split.count")
    if isinstance(declared, int) and declared > 1 and declared != len(headers):
        raise DataError(f"{path}: one of {declared:,} parts; name them NAME-00001-of-{declared:05}.gguf and so on")
    tensors = [tensor for each in headers for tensor in each.tensors]
    if not tensors:
        raise DataError(f"{path}: has no tensors: only a vocabulary, or only the first part of a model")
    return _architecture(Metadata(headers[0].values, tensors, path), sum(each.file_size for each in headers))


def _parts(path: str) -> list[str]:
    match = _SPLIT.fullmatch(os.path.basename(path))
    if match is None:
        return [path]
    count = int(match[3])
    if not 1 <= count <= _MOST_PARTS:
        raise DataError(f"{path}: {count:,} parts")
    folder = os.path.dirname(path)
    names = [f"{match[1]}-{number:05}-of-{match[3]}.gguf" for number in range(1, count + 1)]
    found = [os.path.join(folder, name) for name in names]
    missing = [part for part in found if not os.path.isfile(part)]
    if missing:
        more = f" and {len(missing) - 1} more parts are" if len(missing) > 1 else " is"
        raise DataError(f"{path}: {os.path.basename(missing[0])}{more} missing in the same folder")
    return found


def _architecture(file: Metadata, file_size: int) -> Architecture:
    known = families.of_gguf(file.architecture)
    if known and known.refusal:
        raise DataError(f"{file.path}: '{file.architecture}' is {known.refusal}")
    declared = shown(file.architecture)
    notes = () if known else (f"general.architecture '{declared}' is not known to llmcheck: read by tensor names",)
    known = known or GgufArchitecture(names=())
    embedding = file.shape("token_embd.weight")
    hidden = file.required("embedding_length", 2**20, embedding[0])
    numbers = [int(match[1]) for name in file.by_name if (match := BLOCK.match(name))]
    blocks = file.required("block_count", 10_000, max(numbers, default=-1) + 1)
    predicting = file.optional("nextn_predict_layers", 1000) or 0
    layers = blocks - predicting if predicting < blocks else blocks
    vocab = embedding[1] if len(embedding) > 1 and embedding[1] else _vocabulary(file)
    attention, assumptions = gguf_layers.attention(file, known, hidden, layers)
    widths = file.per_layer("feed_forward_length", layers, 2**26) or [0]
    inner = max(widths) or file.shape("blk.0.ffn_up.weight")[-1]
    experts = file.optional("expert_count", 2**16) or 0
    used = min(file.optional("expert_used_count", 2**16) or 0, experts)
    expert_width = file.optional("expert_feed_forward_length", 2**26) or (inner if experts else 0)
    groups, counts, predictor = gguf_tensors.grouped(file.tensors, experts, used, layers if predicting else None)
    return Architecture(
        name=_name(file), model_type=file.architecture, source=file.path, estimated=bool(notes), assumed=notes,
        hidden=hidden, layers=layers, intermediate=inner or expert_width or 1, gated=_gated(file, known), vocab=vocab,
        attention=attention, experts=experts, experts_active=used, expert_intermediate=expert_width,
        sparse_layers=len({group.layer for group in groups if group.part == "experts"}),
        leading_dense=min((group.layer or 0 for group in groups if group.part == "experts"), default=0),
        fused="blk.0.attn_qkv.weight" in file.by_name, tied="output.weight" not in file.by_name,
        context=file.optional("context_length", 2**40) or None, dtype=_dtype(file), parameters=counts,
        predictor=predictor, encoder=known.encoder, tensors=groups, file_size=file_size,
        notes=(*notes, *assumptions, *((ENCODER_NOTE,) if known.encoder else ())),
    )  # fmt: skip


def _vocabulary(file: Metadata) -> int:
    tokens = file.general("tokenizer.ggml.tokens.count")
    return file.required("vocab_size", 2**26, tokens if isinstance(tokens, int) else None)


def _name(file: Metadata) -> str:
    declared = file.general("general.name")
    return declared[:200] if isinstance(declared, str) and declared.strip() else os.path.basename(file.path)


def _gated(file: Metadata, known: GgufArchitecture) -> bool:
    names = ("blk.0.ffn_gate.weight", "blk.0.ffn_gate_exps.weight", "blk.0.ffn_gate_up_exps.weight")
    if known.gate_in_up or any(name in file.by_name for name in names):
        return True
    return any("ffn_gate." in name for name in file.by_name)


def _dtype(file: Metadata) -> str | None:
    """The format that the file names, else the type that most of its bytes have."""
    declared = file.general("general.file_type")
    if isinstance(declared, int) and declared in _FILE_TYPES:
        return _FILE_TYPES[declared]
    sizes: dict[str, int] = defaultdict(int)
    for tensor in file.tensors:
        sizes[tensor.type] += tensor.size
    return max(sizes, key=lambda kind: sizes[kind]).lower()
