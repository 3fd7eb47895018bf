"""Measures on one NVIDIA GPU what llmcheck says of it: the inspection, and the memory and speed of small models.

Needs PyTorch and transformers; peft and bitsandbytes where adapters are to be measured. No network: the models are made
from a configuration, with random weights. Takes eight minutes at most; what is left over then is listed as not run.

    python benchmarks/gpu.py --output benchmarks/results/NAME     # inspection.json, rows.csv, speeds.csv, phases.json
    python benchmarks/gpu.py --seconds 240 --only decode

``rows.csv`` and ``speeds.csv`` have the columns of the collections of published figures, so that
``benchmarks/accuracy.py`` scores them (``--speed`` for the second).
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from gpu_cases import MODELS, Run, architecture, runs, workload
from gpu_inspection import Field, compared
from msgspec import structs

from llmcheck import api
from llmcheck.fit.memory.total import per_gpu
from llmcheck.fit.speed import speed
from llmcheck.fit.use import ModelUse
from llmcheck.schema.estimate import Band, Memory
from llmcheck.schema.machine import Gpu

SECONDS = 480.0
MIB = 2**20
COLUMNS = (
    "id", "source_key", "source_title", "source_url", "source_locator", "kind", "model", "hf_id", "params_total",
    "params_resident", "params_active", "layers", "hidden", "heads", "kv_heads", "head_dim", "intermediate", "vocab",
    "n_experts", "experts_active", "tied_embeddings", "arch_source", "weight_dtype", "quant_format", "method", "lora_r",
    "lora_targets", "trainable_params", "optimizer", "opt_state_dtype", "grad_dtype", "sharding", "cpu_offload",
    "parallelism", "seq_len", "seq_len_max", "gen_len", "kv_tokens", "micro_batch", "length_note", "grad_ckpt",
    "attention_impl", "n_gpus", "gpu", "gpu_mem_gb", "runtime", "kv_dtype", "figure_value", "figure_unit_printed",
    "unit_interpretation", "unit_basis", "figure_bytes", "figure_lo_bytes", "figure_hi_bytes", "bound", "bound_bytes",
    "figure_scope", "figure_kind", "measured", "tier", "usable_for", "derived_bits_per_param", "notes",
)  # fmt: skip
"""Of a collection of published figures."""
SPEED_COLUMNS = (
    "id", "kind", "model", "params_total", "params_active", "layers", "hidden", "heads", "kv_heads", "head_dim",
    "intermediate", "vocab", "method", "optimizer", "weight_format", "grad_ckpt", "sharding", "seq_len", "micro_batch",
    "n_gpus", "gpu", "runtime", "tokens_per_second", "per", "notes", "tier",
)  # fmt: skip


@dataclass
class Measured:
    """What a process measured; None where it could not be read."""

    allocated: int | None = None
    """Peak of the allocator's tensors, bytes."""
    reserved: int | None = None
    smi: int | None = None
    """What nvidia-smi shows of the process at its end, bytes."""
    tokens_per_second: float | None = None
    versions: dict[str, str] = field(default_factory=dict)
    phases: dict[str, list[int]] = field(default_factory=dict)
    """Of each part of a step, in its order: the peak of the allocator's tensors, and what is left of them, bytes."""
    error: str | None = None
    """Why there is no figure: a missing package, out of memory, an exception."""


def estimate(run: Run) -> dict[str, int]:
    """Bytes as llmcheck computes them: allocated, reserved, and with the context, which nvidia-smi shows."""
    found = per_gpu(ModelUse(architecture(run.model), workload(run)), run.gpus)[0]
    return parts_of(found)


def parts_of(memory: Memory) -> dict[str, int]:
    def total(*left_out: str) -> int:
        return sum(each.expected for each in memory.terms if each.part not in left_out)

    return {
        "allocated": total("context", "communication", "allocator"),
        "reserved": total("context", "communication"),
        "smi": total(),
    }


def computed_speed(run: Run, gpu: Gpu | None) -> Band | None:
    """Tokens per second of all sequences, as ``tokens_per_second`` is measured; None where this card has no figure."""
    if gpu is None:
        return None
    work = workload(run)
    if run.answer:  # a step reads half of the context: the mean of what is cached while the answer grows
        work = structs.replace(work, context=2 * run.context + run.answer)
    found = speed(ModelUse(architecture(run.model), work), [gpu])[0]
    if run.trains:
        return found.train
    if not run.answer:
        return found.prefill
    return found.decode if run.batch == 1 else found.batch


def speed_row(run: Run, measured: Measured, gpu: dict[str, str]) -> dict[str, str]:
    """In ``SPEED_COLUMNS``."""
    shared = rows(run, replace(measured, allocated=0), gpu)[0]
    found = {name: shared.get(name, "") for name in SPEED_COLUMNS}
    return found | {
        "id": run.id, "kind": "train" if run.trains else "decode" if run.answer else "prefill",
        "weight_format": shared["weight_dtype"], "sharding": run.sharding_word,
        "notes": "; ".join(([f"answer {run.answer}"] if run.answer else []) + [shared["notes"]]),
        "tokens_per_second": f"{measured.tokens_per_second:.1f}",
        "per": "total", "method": shared["method"] if run.trains else "",
    }  # fmt: skip


def rows(run: Run, measured: Measured, gpu: dict[str, str]) -> list[dict[str, str]]:
    """One row for each figure, in ``COLUMNS``."""
    model = architecture(run.model)
    attention = model.attention[0]
    shared = dict.fromkeys(COLUMNS, "") | {
        "source_key": "gpu_benchmark", "source_title": "benchmarks/gpu.py",
        "kind": "training" if run.trains else "inference",
        "model": run.model, "params_total": str(model.parameters.total), "params_resident": str(model.parameters.total),
        "params_active": str(model.parameters.active), "layers": str(model.layers), "hidden": str(model.hidden),
        "heads": str(attention.heads), "kv_heads": str(attention.kv_heads), "head_dim": str(attention.head_dim),
        "intermediate": str(model.intermediate), "vocab": str(model.vocab),
        "n_experts": str(model.experts or ""), "experts_active": str(model.experts_active or ""),
        "tied_embeddings": "yes" if model.tied else "no", "weight_dtype": "nf4" if run.task == "qlora" else "bf16",
        "quant_format": "bnb nf4" if run.task == "qlora" else "",
        "method": run.method_word, "sharding": run.sharding_word,
        "lora_r": "16" if run.task in ("lora", "qlora") else "",
        "lora_targets": {"all-linear": "all linear", "qv": "q,v"}[run.targets] if run.task in ("lora", "qlora") else "",
        "optimizer": "AdamW fused" if run.trains else "", "seq_len": str(run.context),
        "gen_len": str(run.answer or ""), "micro_batch": str(run.batch),
        "grad_ckpt": ("yes" if run.recompute else "no") if run.trains else "",
        "attention_impl": "sdpa" if run.flash else "eager", "n_gpus": str(run.gpus), "gpu": gpu.get("name", ""),
        "gpu_mem_gb": gpu.get("memory_gb", ""), "figure_scope": "per_gpu", "measured": "measured", "tier": "A",
        "runtime": "transformers " + measured.versions.get("transformers", ""), "unit_interpretation": "B",
        "usable_for": f"train_{run.task}{'_sharded' if run.sharding else ''}" if run.trains
        else "weights+kv+prefill_activations",
        "notes": "; ".join(
            [*run.notes, *(f"{name} {each}" for name, each in measured.versions.items() if name != "transformers")]
        ),
    }  # fmt: skip
    figures = {"peak_allocated": measured.allocated, "peak_reserved": measured.reserved, "nvidia_smi": measured.smi}
    return [
        shared | {"id": f"{run.id}-{kind}", "figure_kind": kind, "figure_value": str(size), "figure_bytes": str(size)}
        for kind, size in figures.items()
        if size is not None
    ]


class Measurer:
    """Measures each run in a process of its own, so that no run finds the memory of another.

    They are forked from one process that has imported the packages and never touched the GPU: the import takes longer
    than most runs.
    """

    def __init__(self) -> None:
        program = str(Path(__file__).with_name("gpu_runs.py"))
        self._process = subprocess.Popen(
            [sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Measurer:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def __call__(self, run: Run, seconds: float) -> Measured:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {**asdict(run), "config": MODELS[run.model], "seconds": seconds}
        try:
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return Measured(error="the process that measures has ended")
        line = self._process.stdout.readline()
        return Measured(**json.loads(line)) if line else Measured(error="the process that measures has ended")


def measured_until(
    wanted: Sequence[Run], seconds: float, measure: Callable[[Run, float], Measured], clock: Callable[[], float]
) -> list[tuple[Run, Measured]]:
    """Each run with its figures; those that would begin after ``seconds`` have an error instead."""
    end, found = clock() + seconds, []
    for run in wanted:
        left = end - clock()
        found.append((run, measure(run, left) if left > 5 else Measured(error="not run: no time was left")))
    return found


def table(found: Iterable[tuple[Run, Measured]], gpu: Gpu | None) -> str:
    """Measured, and by how much the computed figure is above it: MiB, and tokens per second on ``gpu``."""
    lines = [f"{'run':<38} {'allocated':>20} {'reserved':>20} {'nvidia-smi':>20} {'tokens/s':>16}"]
    for run, measured in found:
        if measured.error:
            lines.append(f"{run.id:<38} {measured.error[:80]}")
            continue
        said = estimate(run)
        cells = [_cell(getattr(measured, name), said[name]) for name in ("allocated", "reserved", "smi")]
        pace = _pace_cell(measured.tokens_per_second, computed_speed(run, gpu))
        lines.append(f"{run.id:<38} {cells[0]:>20} {cells[1]:>20} {cells[2]:>20} {pace:>16}")
    return "\n".join(lines) + "\n"


def _cell(measured: int | None, computed: int) -> str:
    if not measured:
        return f"? / {computed / MIB:,.0f}"
    return f"{measured / MIB:,.0f} {computed / measured - 1:+.1%}"


def _pace_cell(measured: float | None, computed: Band | None) -> str:
    """With ``!`` where the measured speed is outside the band."""
    if measured is None:
        return "-" if computed is None else f"? / {computed.expected:,.0f}"
    if computed is None:
        return f"{measured:,.0f}"
    inside = computed.low <= measured <= computed.high
    return f"{measured:,.0f} {computed.expected / measured - 1:+.0%}{'' if inside else '!'}"


def inspected() -> tuple[list[Field], Gpu | None]:
    """The inspection against ``nvidia-smi -q -x``, and the first GPU."""
    report = subprocess.run(["nvidia-smi", "-q", "-x"], capture_output=True, text=True, timeout=60, check=True).stdout
    machine = api.start_inspection()()
    gpu = next((each for each in machine.gpus or () if each.vendor == "nvidia"), None)
    return compared(machine, report), gpu


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="time for all measurements")
    parser.add_argument("--only", help="only runs whose id has this text")
    parser.add_argument("--output", type=Path, help="folder for the tables and phases.json")
    options = parser.parse_args(arguments)
    try:
        fields, gpu = inspected()
    except (OSError, subprocess.SubprocessError) as error:
        parser.error(f"nvidia-smi: {error}; this benchmark needs an NVIDIA GPU and its driver")
    wanted = [run for run in runs() if not options.only or options.only in run.id]
    with Measurer() as measure:
        found = measured_until(wanted, options.seconds, measure, time.monotonic)
    differing = [each for each in fields if not each.equal]
    text = f"inspection: {len(fields) - len(differing)} of {len(fields)} fields as nvidia-smi has them\n"
    text += (
        "".join(f"  {each.name}: {each.ours} here, {each.theirs} there\n" for each in differing)
        + "\n"
        + table(found, gpu)
    )
    sys.stdout.write(text)
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "inspection.json").write_text(json.dumps([asdict(each) for each in fields], indent=1) + "\n")
        (options.output / "table.txt").write_text(text)
        phases = {run.id: measured.phases for run, measured in found if measured.phases}
        (options.output / "phases.json").write_text(json.dumps(phases, indent=1) + "\n")
        about = {} if gpu is None else {"name": gpu.name or "", "memory_gb": f"{(gpu.memory_total or 0) / 2**30:.0f}"}
        memory = [row for run, measured in found for row in rows(run, measured, about)]
        speeds = [speed_row(*each, about) for each in found if each[1].tokens_per_second]
        for name, columns, content in (("rows", COLUMNS, memory), ("speeds", SPEED_COLUMNS, speeds)):
            with (options.output / f"{name}.csv").open("w", newline="") as file:
                writer = csv.DictWriter(file, columns)
                writer.writeheader()
                writer.writerows(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
