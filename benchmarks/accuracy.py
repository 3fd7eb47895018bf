"""Compares the computed memory with published, measured figures.

Each row of the file becomes an architecture and a workload. What is compared depends on the figure: peaks of the
allocator without the CUDA context, nvidia-smi with it, one component, a file. The exit code is always 0. Rows that
cannot be computed, or have a word that is not known, are counted and listed with the reason.

    python benchmarks/accuracy.py figures.csv
    python benchmarks/accuracy.py figures.csv more.csv --tier A --format json
    python benchmarks/accuracy.py figures.csv --leave-one-source-out
    python benchmarks/accuracy.py --speed speeds.csv
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import speed_rows
from kernels import kernel_bytes
from published_rows import (
    ALL_OF_THE_GPU,
    ALLOCATED,
    RESERVED,
    STATES,
    NotModelledError,
    Row,
    architecture,
    gpus_of,
    integer,
    length,
    number,
    only_states,
    text,
    weight_format,
)
from published_words import checked, workload_of
from scoring import (
    Labels,
    Prediction,
    Scored,
    Unexpressed,
    groups,
    leave_one_source_out,
    table,
    validation_table,
)

from llmcheck.errors import LlmcheckError
from llmcheck.fit.memory import training
from llmcheck.fit.memory.activations import activation_bytes_per_token
from llmcheck.fit.memory.inference import OLD_Q2_K, cache_size, embedding_in_ram
from llmcheck.fit.memory.terms import GpuPart
from llmcheck.fit.memory.total import per_gpu
from llmcheck.fit.shapes import formats, matrices, weights
from llmcheck.fit.use import ModelUse
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.estimate import Memory, Term
from llmcheck.schema.workload import Workload

NEVER_SCORED = {"exclude", "rule_of_thumb", "kv_trend"}
GIB = 2**30
ENTRY, SCORED_ENTRY = 45, 23
"""Bytes of a GGUF's header for each token: with merges (39 in Qwen2.5, 61 in Llama 3), and with scores (Llama 2)."""
USABLE = 0.985
"""Of a card's nominal memory: an A100 80 GB has 79.2 GiB, an H100 79.18."""


@dataclass
class Boundary:
    id: str
    expected: float
    capacity: float
    fits: bool
    right: bool


@dataclass
class Result:
    rows: int = 0
    scored: list[Scored] = field(default_factory=list)
    boundaries: list[Boundary] = field(default_factory=list)
    unexpressed: list[Unexpressed] = field(default_factory=list)
    never_scored: Counter[str] = field(default_factory=Counter)


# --- what the figure counts ---


def of_terms(memories: Iterable[Memory], keep: Callable[[Term], bool]) -> Prediction:
    kept = [t for memory in memories for t in memory.terms if keep(t)]
    return Prediction(sum(t.expected for t in kept), sum(t.low for t in kept), sum(t.high for t in kept))


def largest(memories: tuple[Memory, ...], keep: Callable[[Term], bool]) -> Prediction:
    return max((of_terms([memory], keep) for memory in memories), key=lambda p: p.expected)


def outside_torch(t: Term) -> bool:
    return t.part in {"context", "communication"}


def needed(t: Term) -> bool:
    """Cached blocks are freed before memory runs out."""
    return t.part != "allocator"


def predict(row: Row) -> Prediction:
    kind, scope = row.get("figure_kind") or "", row.get("figure_scope") or ""
    checked(row)
    if row.get("kind") == "kernel":
        size = kernel_bytes(row)
        return Prediction(size, 0.93 * size, 1.07 * size)
    if scope == "host_ram":
        return in_ram(row)
    gpus = gpus_of(row)
    if kind == "runtime_overhead":
        return overhead(row)
    theory = kind in STATES
    try:
        model = architecture(row)
    except NotModelledError:
        if kind in {"kv_tokens", "kv_cache"} or not theory:
            raise
        model = only_states(row)
    if kind in {"file_size", "weights_theory"}:
        return stored_weights(row, model, with_header=kind == "file_size")
    if kind == "activation_coefficient":
        saved = activation_bytes_per_token(ModelUse(model, Workload(method="full", precision="bf16")), GpuPart(), 1)
        return Prediction(saved, saved * 0.8, saved * 1.15)
    if kind == "activation" and row.get("kind") != "runtime" and "vllm" not in text(row, "runtime"):
        return activation_theory(row, model)
    work = workload_of(row)
    memories = per_gpu(ModelUse(model, work), gpus)

    def measure(keep: Callable[[Term], bool]) -> Prediction:
        return largest(memories, keep) if scope == "per_gpu" else of_terms(memories, keep)

    if kind == "allocated_current" and row.get("kind") == "inference":  # a quiet moment after the prompt
        return measure(lambda t: t.component in {"weights", "kv_cache"} or t.part == "cache")
    if kind == "allocated_current":
        states = measure(lambda t: t.component in {"weights", "gradients", "optimizer"})
        freed = measure(lambda t: t.component in {"weights", "optimizer"})
        return Prediction(states.expected, freed.low, states.high)
    if kind in ALLOCATED or scope == "unified_memory":
        return measure(lambda t: not outside_torch(t) and needed(t))
    if kind in RESERVED and "unstated" in kind:  # allocated, reserved or, as people read it off nvidia-smi, all
        every = measure(lambda _: True)
        return Prediction(every.expected, measure(lambda t: not outside_torch(t) and needed(t)).low, every.high)
    if kind in {"reserved_mean", "reserved_p99"}:
        raise NotModelledError("the lengths of the run's batches are not given")
    if kind in RESERVED:
        return measure(lambda t: not outside_torch(t))
    if kind in ALL_OF_THE_GPU:
        return measure(lambda _: True)
    if kind == "weights_loaded":
        if "cpu" in text(row, "usable_for"):
            size = embedding_in_ram(ModelUse(model, work))
            return Prediction(size, size, size)
        return measure(lambda t: t.component == "weights")
    if kind in {"kv_cache", "kv_tokens"}:
        return cache(row, model, work)
    if kind == "kv_cache_pool":
        return pool(row, memories)
    if kind == "compute_buffer":
        if "host" in text(row, "usable_for"):
            raise NotModelledError("llama.cpp's buffers in RAM are not modelled")
        return measure(lambda t: t.part == "compute-buffer")
    if kind == "activation":
        return measure(lambda t: t.component == "activations")
    if theory:
        wanted = {"optimizer"} if kind.startswith("optimizer") else {"weights", "gradients", "optimizer"}
        return measure(lambda t: t.component in wanted)
    raise NotModelledError(f"kind of figure not modelled: {kind or 'none given'}")


def in_ram(row: Row) -> Prediction:
    """What training keeps in RAM for all GPUs."""
    work = workload_of(row)
    if work.method == "inference" or work.offload in (None, "none"):
        raise NotModelledError("memory of the host in inference is not modelled")
    try:
        model = architecture(row)
    except NotModelledError:
        model = only_states(row)
    terms = training.ram_terms(ModelUse(model, work))
    return Prediction(sum(t.expected for t in terms), sum(0.8 * t.low for t in terms), sum(1.2 * t.high for t in terms))


def stored_weights(row: Row, model: Architecture, *, with_header: bool) -> Prediction:
    form = formats.weights(weight_format(row))
    size = weights.stored(model, form).total
    if with_header and form.family == "gguf":
        size += (ENTRY if model.vocab > 100_000 else SCORED_ENTRY) * model.vocab
    if form.name == "q2_k" and "thebloke" in text(row, "source_key", "source_url"):  # files of 2023
        wide = [m for m in matrices.matrices(model) if m.role in {"gate", "up"}]
        more = formats.ggml_bits("Q3_K") - formats.ggml_bits("Q2_K")
        size += round(sum(m.layers * m.elements for m in wide) * more / 8)
    slack = (0.01 if form.family == "gguf" else 0.005) * size
    above = OLD_Q2_K * size if form.name == "q2_k" else slack
    return Prediction(size, size - slack, size + above)


def cache(row: Row, model: Architecture, work: Workload) -> Prediction:
    tokens = integer(row, "kv_tokens") or length(row)
    if not tokens:
        raise NotModelledError("the number of cached tokens is not given")
    use = ModelUse(model, work).changed(batch=1) if row.get("kv_tokens") else ModelUse(model, work)
    cached = cache_size(use, tokens)
    return Prediction(cached, cached, cached)


def overhead(row: Row) -> Prediction:
    notes = text(row, "notes", "method")
    if "cuda context" in text(row, "method") and "lazy loading" in notes:
        return Prediction(0.5 * GIB, 0.3 * GIB, 0.95 * GIB)
    if "cuda context" in text(row, "method") or "vllm" not in text(row, "runtime"):
        raise NotModelledError(
            "a CUDA context with eagerly loaded kernels or NCCL alone: depends on the build of PyTorch"
        )
    tensor = re.search(r"tp\s*=\s*(\d+)", text(row, "parallelism"))
    if "freed during capture" in notes or "graph" in notes:
        return Prediction(0.1 * GIB, 0, 0.6 * GIB)
    outside, spread = (0.55, 0.2) if tensor and int(tensor[1]) > 1 else (0.13, 0.02)
    return Prediction(outside * GIB, (outside - spread) * GIB, (outside + spread) * GIB)


def pool(row: Row, memories: tuple[Memory, ...]) -> Prediction:
    size = re.search(r"([\d.]+)\s*GiB", row.get("gpu") or "")
    share = re.search(r"util ([\d.]+)", row.get("notes") or "") or re.search(r"util ([\d.]+)", row.get("runtime") or "")
    if not size or not share:
        raise NotModelledError("the pool's size needs the card's memory and the fraction used")
    taken = largest(memories, lambda t: t.component in {"weights", "activations"})
    reserved = float(size[1]) * float(share[1]) * GIB - 0.13 * GIB
    return Prediction(max(reserved - taken.expected, 0), max(reserved - taken.high, 0), reserved - taken.low)


def activation_theory(row: Row, model: Architecture) -> Prediction:
    sequence = length(row)
    if not sequence:
        raise NotModelledError("no sequence length")
    if row.get("measured") == "theoretical":
        raise NotModelledError("a formula for GPT with dropout, not a measurement")
    work = Workload(method="full", precision="bf16", context=sequence, batch=integer(row, "micro_batch") or 1,
                    flash_attention=False if "eager" in text(row, "attention_impl") else None)  # fmt: skip
    size = activation_bytes_per_token(ModelUse(model, work), GpuPart(), sequence) * sequence * work.batch * model.layers
    return Prediction(size, size * 0.8, size * 1.15)


# --- all rows ---


def evaluate(rows: list[Row], tiers: set[str] | None = None) -> Result:
    result = Result()
    for position, row in enumerate(rows):
        if tiers and (row.get("tier") or "") not in tiers:
            continue
        result.rows += 1
        name = row.get("id") or f"row {position + 2}"
        usable = row.get("usable_for") or ""
        if usable in NEVER_SCORED:
            result.never_scored[usable] += 1
            continue
        try:
            judge(row, name, result)
        except (NotModelledError, LlmcheckError) as error:
            result.unexpressed.append(Unexpressed(labels_of(row, name), str(error)))
        except (ArithmeticError, ValueError, TypeError, KeyError) as error:
            result.unexpressed.append(Unexpressed(labels_of(row, name), f"{type(error).__name__}: {error}"))
    return result


def labels_of(row: Row, name: str) -> Labels:
    return Labels(
        name, row.get("source_key") or "", row.get("figure_kind") or "", row.get("usable_for") or "",
        row.get("tier") or "",
    )  # fmt: skip


def judge(row: Row, name: str, result: Result) -> None:
    bound = number(row, "bound_bytes")
    if bound and "lower" in (row.get("bound") or "lower"):
        sized = largest(per_gpu(ModelUse(architecture(row), workload_of(row)), gpus_of(row)), needed)
        result.boundaries.append(
            Boundary(name, sized.expected, bound, fits=False, right=sized.expected > bound * USABLE)
        )
        return
    figure = number(row, "figure_bytes")
    if row.get("figure_kind") == "activation_coefficient":  # in units of 2 x hidden bytes per token and layer
        figure = 2.0 * (integer(row, "hidden") or 0) * (number(row, "figure_value") or 0)
    if not figure or figure <= 0:
        raise NotModelledError("no figure in bytes")
    found = predict(row)
    least, most = number(row, "figure_lo_bytes") or figure, number(row, "figure_hi_bytes") or figure
    # the printed digits are an interval; what lies in it to a byte is inside
    inside = found.low <= most + 1 and found.high >= least - 1
    result.scored.append(Scored(labels_of(row, name), figure, found.expected, found.low, found.high, inside))
    card = number(row, "gpu_mem_gb")
    peaks = ALLOCATED | RESERVED | {"nvidia_smi"}
    if card and row.get("kind") != "kernel" and row.get("figure_kind") in peaks and row.get("measured") == "measured":
        sized = largest(per_gpu(ModelUse(architecture(row), workload_of(row)), gpus_of(row)), needed)
        fits = sized.expected <= card * GIB
        result.boundaries.append(Boundary(name, sized.expected, card * GIB, fits=True, right=fits))


def document(result: Result, *, validated: bool = False) -> dict[str, Any]:
    worst = sorted(result.scored, key=lambda row: -abs(row.error))[:10]
    scored, missing = result.scored, result.unexpressed
    found = {
        "rows": result.rows,
        "scored": len(scored),
        "by_usable_for": groups(scored, missing, lambda each: each.usable_for),
        "by_source": groups(scored, missing, lambda each: each.source),
        "by_source_and_kind": groups(scored, missing, lambda each: f"{each.source}: {each.kind}"),
        "boundaries": {
            "rows": len(result.boundaries),
            "right": sum(row.right for row in result.boundaries),
            "must_not_fit": sum(not row.fits for row in result.boundaries),
            "wrong": [asdict(row) for row in result.boundaries if not row.right],
        },
        "worst": [
            {**asdict(row.labels), "figure": row.figure, "expected": row.expected, "error": round(row.error, 4)}
            for row in worst
        ],
        "unexpressed": [
            {"id": each.labels.id, "source": each.labels.source, "tier": each.labels.tier, "reason": each.reason}
            for each in missing
        ],
        "never_scored": dict(result.never_scored),
    }
    if validated:
        found["leave_one_source_out"] = leave_one_source_out(scored, lambda each: each.usable_for)
    return found


def as_text(found: dict[str, Any]) -> str:
    lines = [f"{found['rows']} rows, {found['scored']} scored", ""]
    lines += table("usable for", found["by_usable_for"])
    lines += table("source", found["by_source"])
    lines += table("source: kind", found["by_source_and_kind"])
    if "leave_one_source_out" in found:
        lines += validation_table(found["leave_one_source_out"])
    edge = found["boundaries"]
    lines.append(f"boundaries: {edge['right']} of {edge['rows']} right ({edge['must_not_fit']} must not fit)")
    lines += [
        f"  wrong: {row['id']}: {row['expected'] / GIB:.1f} of {row['capacity'] / GIB:.1f} GiB" for row in edge["wrong"]
    ]
    lines += ["", "ten worst"]
    lines += [
        f"  {row['error']:+.1%}  {row['id']}: {row['expected'] / GIB:.2f} for {row['figure'] / GIB:.2f} GiB"
        for row in found["worst"]
    ]
    lines += ["", f"not expressed: {len(found['unexpressed'])}"]
    lines += [f"  {row['id']} ({row['tier']}): {row['reason']}" for row in found["unexpressed"]]
    never = ", ".join(f"{count} {name}" for name, count in found["never_scored"].items())
    lines += ["", f"never scored, by what they are: {never or 'none'}"]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE")
    parser.add_argument("--speed", type=Path, metavar="FILE", help="published speeds, instead of memory")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--tier", action="append", help="only rows of this tier; may be repeated")
    parser.add_argument("--leave-one-source-out", action="store_true", help="also what a fitted factor would predict")
    options = parser.parse_args(arguments)
    if bool(options.files) == bool(options.speed):
        parser.error("expected files with figures of memory, or --speed with one of speeds")
    rows: list[Row] = []
    for path in options.files or [options.speed]:
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows += [{k: v or "" for k, v in row.items() if isinstance(k, str)} for row in csv.DictReader(file)]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            parser.error(f"{path}: {error}; expected a CSV file in UTF-8")
    tiers = set(options.tier) if options.tier else None
    if options.speed:
        found = speed_rows.document(speed_rows.evaluate(rows, tiers), validated=options.leave_one_source_out)
        shown = speed_rows.as_text
    else:
        found = document(evaluate(rows, tiers), validated=options.leave_one_source_out)
        shown = as_text
    sys.stdout.write((json.dumps(found, indent=2) if options.format == "json" else shown(found)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
