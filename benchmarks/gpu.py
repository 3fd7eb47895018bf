"""Measures on one NVIDIA GPU what llmcheck says of it: the inspection, and the memory and speed of small models.

Needs PyTorch and transformers; peft and bitsandbytes where adapters are to be measured. No network: the models are made
from a configuration, with random weights. Takes eight minutes at most; what is left over then is listed as not run.

    python benchmarks/gpu.py --output benchmarks/results/NAME     # inspection.json, rows.csv, speeds.csv, table.txt
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
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from gpu_inspection import Field, compared
from msgspec import structs

from llmcheck import api
from llmcheck.checkpoint import config as checkpoint_config
from llmcheck.fit.memory.total import per_gpu
from llmcheck.fit.speed import speed
from llmcheck.fit.use import ModelUse
from llmcheck.schema.architecture import Architecture
from llmcheck.schema.estimate import Band, Memory
from llmcheck.schema.machine import Gpu
from llmcheck.schema.workload import Workload

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
_LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 2048, "intermediate_size": 8192,
    "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64, "vocab_size": 128256,
    "max_position_embeddings": 131072, "tie_word_embeddings": True, "torch_dtype": "bfloat16",
}  # fmt: skip
MODELS: dict[str, dict[str, Any]] = {
    "llama-1b": _LLAMA,
    "moe-3b": {
        "architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "hidden_size": 1536,
        "intermediate_size": 3072, "num_hidden_layers": 16, "num_attention_heads": 24, "num_key_value_heads": 8,
        "vocab_size": 32000, "max_position_embeddings": 32768, "num_local_experts": 8, "num_experts_per_tok": 2,
        "sliding_window": None, "torch_dtype": "bfloat16",
    },
    "windowed-1b": {
        "architectures": ["MistralForCausalLM"], "model_type": "mistral", "hidden_size": 2048,
        "intermediate_size": 7168, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8,
        "vocab_size": 32000, "max_position_embeddings": 32768, "sliding_window": 1024, "torch_dtype": "bfloat16",
    },
    "hybrid-1b": {
        "architectures": ["BambaForCausalLM"], "model_type": "bamba", "hidden_size": 2048, "intermediate_size": 4096,
        "num_hidden_layers": 16, "num_attention_heads": 16, "num_key_value_heads": 8, "vocab_size": 32000,
        "attn_layer_indices": [5, 11], "mamba_n_heads": 64, "mamba_d_head": 64, "mamba_d_state": 128,
        "mamba_n_groups": 1, "mamba_d_conv": 4, "mamba_expand": 2, "max_position_embeddings": 32768,
        "tie_word_embeddings": False, "torch_dtype": "bfloat16",
    },
}  # fmt: skip
"""``config.json`` of each model; weights are random."""


@dataclass(frozen=True)
class Run:
    """One measurement, in a process of its own."""

    model: str
    task: str
    """``prefill``, ``decode``, ``full``, ``lora`` or ``qlora``."""
    context: int
    batch: int = 1
    recompute: bool = False
    flash: bool = True
    lengths_vary: bool = False
    answer: int = 0
    """Tokens that are generated."""

    @property
    def trains(self) -> bool:
        return self.task in ("full", "lora", "qlora")

    @property
    def id(self) -> str:
        parts = [self.model, self.task, f"c{self.context}", f"b{self.batch}"]
        parts += ["recompute"] * self.recompute + ["eager"] * (not self.flash) + ["varying"] * self.lengths_vary
        return "-".join(parts)


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
    error: str | None = None
    """Why there is no figure: a missing package, out of memory, an exception."""


def runs() -> tuple[Run, ...]:
    """In the order of their worth: a short time measures the first."""
    llama = [Run("llama-1b", "prefill", context) for context in (512, 8192, 32768)]
    llama += [Run("llama-1b", "decode", 512, batch, answer=128) for batch in (1, 16, 64)]
    training = [
        Run("llama-1b", task, 2048, 2, recompute=recompute)
        for task in ("full", "lora", "qlora")
        for recompute in (False, True)
    ]
    odd = [
        Run("llama-1b", "full", 2048, 2, flash=False),
        Run("llama-1b", "lora", 2048, 4, recompute=True, lengths_vary=True),
        Run("llama-1b", "prefill", 4096, flash=False),
    ]
    others = [
        run
        for model in ("moe-3b", "windowed-1b", "hybrid-1b")
        for run in (
            Run(model, "prefill", 8192),
            Run(model, "decode", 512, answer=64),
            Run(model, "lora", 2048, 1, recompute=True),
        )
    ]
    return (*llama, *training, *odd, *others)


def workload(run: Run, version: str | None = None) -> Workload:
    """What ``llmcheck fit`` is asked for a run."""
    if not run.trains:
        context = run.context + run.answer
        return Workload(
            method="inference", weights="bf16", runtime="transformers", runtime_version=version, context=context,
            prompt=run.context, batch=run.batch, flash_attention=None if run.flash else False,
        )  # fmt: skip
    return Workload(
        method="full" if run.task == "full" else "lora" if run.task == "lora" else "qlora",
        weights={"full": None, "lora": "bf16", "qlora": "nf4"}[run.task], runtime="transformers",
        runtime_version=version, context=run.context, batch=run.batch, checkpointing=run.recompute,
        precision="bf16" if run.task == "full" else None, optimizer="adamw-fused",
        lora_rank=None if run.task == "full" else 16, lora_targets=None if run.task == "full" else "all-linear",
        flash_attention=None if run.flash else False, lengths_vary=run.lengths_vary or None,
    )  # fmt: skip


def architecture(model: str) -> Architecture:
    return checkpoint_config.architecture(MODELS[model], "benchmarks/gpu.py", model)


def estimate(run: Run) -> dict[str, int]:
    """Bytes as llmcheck computes them: allocated, reserved, and with the context, which nvidia-smi shows."""
    found = per_gpu(ModelUse(architecture(run.model), workload(run)))[0]
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
        "weight_format": shared["weight_dtype"], "sharding": "none" if run.trains else "",
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
        "method": {"full": "full pure-bf16", "lora": "LoRA", "qlora": "QLoRA"}.get(run.task, "generate"),
        "lora_r": "16" if run.task in ("lora", "qlora") else "",
        "lora_targets": "all linear" if run.task in ("lora", "qlora") else "",
        "optimizer": "AdamW fused" if run.trains else "", "seq_len": str(run.context),
        "gen_len": str(run.answer or ""), "micro_batch": str(run.batch),
        "grad_ckpt": ("yes" if run.recompute else "no") if run.trains else "",
        "attention_impl": "sdpa" if run.flash else "eager", "n_gpus": "1", "gpu": gpu.get("name", ""),
        "gpu_mem_gb": gpu.get("memory_gb", ""), "figure_scope": "per_gpu", "measured": "measured", "tier": "A",
        "runtime": "transformers " + measured.versions.get("transformers", ""), "unit_interpretation": "B",
        "usable_for": {"full": "train_full", "lora": "train_lora", "qlora": "train_qlora"}.get(
            run.task, "weights+kv+prefill_activations"
        ),
        "notes": "; ".join(
            [*(["lengths vary"] if run.lengths_vary else []),
             *(f"{name} {version}" for name, version in measured.versions.items() if name != "transformers")]
        ),
    }  # fmt: skip
    figures = {"peak_allocated": measured.allocated, "peak_reserved": measured.reserved, "nvidia_smi": measured.smi}
    return [
        shared | {"id": f"{run.id}-{kind}", "figure_kind": kind, "figure_value": str(size), "figure_bytes": str(size)}
        for kind, size in figures.items()
        if size is not None
    ]


def in_child(run: Run, seconds: float) -> Measured:
    """Measures in a process of its own, so that no run finds the memory of another."""
    program = str(Path(__file__).with_name("gpu_runs.py"))
    asked = json.dumps({**asdict(run), "config": MODELS[run.model]})
    try:
        done = subprocess.run(
            [sys.executable, program], input=asked, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return Measured(error=f"no answer within {seconds:.0f} s")
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        said = done.stderr.strip().splitlines()
        return Measured(error=said[-1] if said else f"exit code {done.returncode}")
    return Measured(**json.loads(lines[-1]))


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
    parser.add_argument("--output", type=Path, help="folder for inspection.json, rows.csv, speeds.csv and table.txt")
    options = parser.parse_args(arguments)
    try:
        fields, gpu = inspected()
    except (OSError, subprocess.SubprocessError) as error:
        parser.error(f"nvidia-smi: {error}; this benchmark needs an NVIDIA GPU and its driver")
    wanted = [run for run in runs() if not options.only or options.only in run.id]
    found = measured_until(wanted, options.seconds, in_child, time.monotonic)
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
