"""Compute whether a model fits and how fast it runs.

MODEL is a file or folder (GGUF, safetensors, config.json), a model of 'llmcheck models list', a repository in the
local Hugging Face cache, or a size such as 7B. Without --machine it is computed for this machine and the memory that is
free on it now. The best way to use it comes first, then the others, each with the options that show it. With -v all of
them are listed, and every term has its source. Without MODEL it is 'llmcheck recommend'.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import click

from llmcheck import runtimes
from llmcheck.cli import completion, named
from llmcheck.cli.grid import Grid
from llmcheck.cli.groups import Sectioned
from llmcheck.cli.inspect import machine_source
from llmcheck.cli.options import (
    DOCUMENTS,
    Count,
    F,
    MachineOptions,
    Number,
    OutputOptions,
    grouped,
    output_options,
    several_machine_options,
)
from llmcheck.cli.output import write
from llmcheck.schema.bounds import (
    LEAST_FRACTION,
    MOST_GPUS,
    MOST_PROPOSED,
    MOST_RANK,
    MOST_SEQUENCES,
    MOST_SERVED,
    MOST_SLOTS,
    MOST_TOKENS,
)

if TYPE_CHECKING:
    from llmcheck.api.model_source import ModelSource
    from llmcheck.fit.plans.candidate import Preference
    from llmcheck.schema.comparison import Machines, Methods
    from llmcheck.schema.estimate import Fit
    from llmcheck.schema.recommendation import Recommendations
    from llmcheck.schema.workload import Checkpointing, Method, Optimizer, Precision, Sharding, Workload

_METHODS = ("inference", "full", "lora", "qlora", "pretrain", "all")
_PREFERENCES = ("balanced", "quality", "speed", "context")
_OPTIMIZERS = (
    "adamw", "adamw-fused", "adamw-8bit", "adamw-4bit", "paged-adamw", "paged-adamw-8bit", "adafactor", "sgd", "lion"
)  # fmt: skip
_SHARDINGS = ("none", "ddp", "zero1", "zero2", "zero3", "fsdp")
_CHECKPOINTING: dict[str, bool | Checkpointing] = {
    "yes": True, "no": False, "selective": "selective", "selective-op": "selective-op",
    "selective-layer": "selective-layer",
}  # fmt: skip


class FitOptions(NamedTuple):
    """The model and its workload; None: the default of ``Workload``."""

    name: str | None
    repository: str | None
    config: str | None
    parameters: str | None
    method: Method | Literal["all"]
    """``all``: full, LoRA and QLoRA side by side."""
    weights: str | None
    kv_cache: str | None
    kv_cache_values: str | None
    context: int | None
    prompt: int | None
    batch: int
    runtime: str | None
    max_sequences: int | None
    max_batched_tokens: int | None
    ubatch: int | None
    kv_unified: bool | None
    swa_full: bool | None
    split_mode: Literal["layer", "tensor", "none"] | None
    prefix_caching: bool | None
    speculative: str | None
    speculative_tokens: int | None
    lora_slots: int | None
    images: bool | None
    cuda_graphs: bool | None
    static_cache: bool | None
    gptq_kernel: Literal["exllama", "exllamav2", "marlin"] | None
    memory_fraction: float | None
    optimizer: Optimizer | None
    precision: Precision | None
    gradients: Literal["fp32"] | None
    checkpointing: Literal["yes", "no", "selective", "selective-op", "selective-layer"] | None
    activation_offload: bool | None
    flash_attention: bool | None
    lora_rank: int | None
    lora_targets: Literal["attention", "all-linear", "qv", "mlp"] | None
    base_in_fp32: bool | None
    chunked_loss: bool | None
    optimizer_in_backward: bool | None
    sharding: Sharding | None
    offload: Literal["none", "optimizer", "all"] | None
    gpus: int | None
    tensor_parallel: int
    pipeline_parallel: int
    context_parallel: int
    tokens: str | None
    grid: float | None
    """Grams of CO2 per kWh."""
    prefer: Preference
    assume_idle: bool


def _choice(name: str, values: tuple[str, ...], text: str, **more: Any) -> Callable[[F], F]:
    """The help text lists the values: a long metavar would break the columns of --help."""
    return click.option(
        name, type=click.Choice(values), metavar="NAME", help=f"{text} One of {', '.join(values)}.", **more
    )


def _number(name: str, least: int, most: int, text: str, metavar: str = "N", **more: Any) -> Callable[[F], F]:
    return click.option(name, type=Count(least, most), metavar=metavar, help=text, **more)


def _switch(name: str, text: str) -> Callable[[F], F]:
    return click.option(f"{name}/--no-{name[2:]}", default=None, help=text)


_fit_options = grouped(
    "fit_options",
    FitOptions,
    click.argument("name", metavar="[MODEL]", required=False, shell_complete=completion.model),
    click.option(
        "--model", "repository", metavar="ORG/NAME", help="A repository; its headers are fetched from the hub."
    ),
    click.option("--config", metavar="FILE", help="A config.json, GGUF or safetensors file."),
    click.option("--parameters", metavar="SIZE", help="A typical model of this size, such as 7B."),
    _choice(
        "--method",
        _METHODS,
        "How the model is used; all compares full, lora and qlora.",
        default="inference",
        show_default=True,
    ),
    click.option("--weights", metavar="FORMAT", help="bf16, fp8, int8, nf4-dq, awq, gptq-4bit, q4_k_m, mxfp4, ..."),
    click.option("--kv-cache", metavar="FORMAT", help="bf16, fp8, q8_0, q4_0, ..."),
    click.option("--kv-cache-values", metavar="FORMAT", help="llama.cpp: of the values, where the keys have another."),
    _number("--context", 1, MOST_TOKENS, "Tokens of each sequence, prompt and answer together: 8192, 32k.", "TOKENS"),
    _number("--prompt", 1, MOST_TOKENS, "Tokens that are prefilled at once. Default: the full context.", "TOKENS"),
    _number("--batch", 1, MOST_SEQUENCES, "Sequences at a time.", default=1, show_default=True),
    _choice("--runtime", runtimes.ids(), "The software that runs the model."),
    _number("--max-sequences", 1, MOST_SERVED, "Sequences that a server reserves memory for. Default: its own."),
    _number("--max-batched-tokens", 1, MOST_TOKENS, "Tokens that a server computes in one step.", "TOKENS"),
    _number("--ubatch", 1, MOST_TOKENS, "llama.cpp: tokens of a prompt in one graph. Default: 512.", "TOKENS"),
    _switch("--kv-unified", "llama.cpp: one cache for all sequences together."),
    _switch("--swa-full", "llama.cpp: sliding windows cache the whole context."),
    _choice("--split-mode", ("layer", "tensor", "none"), "llama.cpp: what several GPUs divide."),
    _switch("--prefix-caching", "A server keeps what prompts begin with."),
    click.option("--speculative", metavar="MODEL", help="What proposes tokens: mtp, eagle, eagle3, a model or a size."),
    _number("--speculative-tokens", 1, MOST_PROPOSED, "Tokens that are proposed at a time."),
    _number("--lora-slots", 1, MOST_SLOTS, "Adapters that a server holds at a time; --lora-rank is their rank."),
    _switch("--images", "Load the encoder of images. Default: yes."),
    _switch("--cuda-graphs", "A server records its steps. Default: yes; vLLM's --enforce-eager: no."),
    _switch("--static-cache", "transformers: the cache has its full length from the start."),
    _choice("--gptq-kernel", ("exllama", "exllamav2", "marlin"), "transformers: what multiplies 4-bit GPTQ."),
    click.option(
        "--memory-fraction",
        type=Number(LEAST_FRACTION, 1.0),
        metavar="FRACTION",
        help="Share of each GPU's memory that a server takes (vLLM: 0.9).",
    ),
    _choice("--optimizer", _OPTIMIZERS, "For training."),
    _choice("--precision", ("bf16", "mixed", "fp32"), "For training; mixed keeps a 32-bit master copy."),
    click.option(
        "--gradients",
        type=click.Choice(("fp32",)),
        help="Keep gradients in 32 bits with 16-bit weights, as Megatron-LM does.",
    ),
    _choice("--checkpointing", tuple(_CHECKPOINTING), "Recompute activations when training."),
    click.option("--activation-offload", is_flag=True, default=None, help="Move stored activations to RAM."),
    click.option(
        "--flash-attention/--no-flash-attention",
        default=None,
        help="Attention that never stores the full score matrix. Default: yes.",
    ),
    _number("--lora-rank", 1, MOST_RANK, "Rank of LoRA and QLoRA adapters."),
    _choice("--lora-targets", ("attention", "all-linear", "qv", "mlp"), "Matrices that get adapters."),
    click.option(
        "--base-in-fp32/--no-base-in-fp32",
        default=None,
        help="QLoRA: 32-bit embeddings and norms, as PEFT makes them; axolotl and Unsloth do not.",
    ),
    click.option("--chunked-loss", is_flag=True, default=None, help="Compute the loss in pieces (Liger, Unsloth)."),
    click.option("--optimizer-in-backward", is_flag=True, default=None, help="Update each weight at its gradient."),
    _choice("--sharding", _SHARDINGS, "What is sharded over the GPUs when training."),
    _choice("--offload", ("none", "optimizer", "all"), "What is kept in RAM when training."),
    _number("--gpus", 1, MOST_GPUS, "GPUs to use. Default: those of the machine."),
    _number("--tensor-parallel", 1, MOST_GPUS, "GPUs that share each matrix.", default=1),
    _number("--pipeline-parallel", 1, MOST_GPUS, "GPUs that share the layers.", default=1),
    _number("--context-parallel", 1, MOST_GPUS, "GPUs that share each training sequence.", default=1),
    click.option("--tokens", metavar="COUNT", help="Tokens that a training run reads: 2T, 300B."),
    click.option(
        "--grid",
        type=Grid(),
        metavar="GRAMS|PLACE",
        help="CO2 per kWh, or a place such as DEU, to estimate the CO2 of the run.",
    ),
    _choice("--prefer", _PREFERENCES, "What decides between plans.", default="balanced", show_default=True),
    click.option("--assume-idle", is_flag=True, help="Ignore the memory that other processes use."),
)


_SECTIONS = {
    "Model": ("repository", "config", "parameters"),
    "Use": ("method", "weights", "context", "batch", "runtime", "prefer"),
    "Inference": (
        "kv_cache", "kv_cache_values", "prompt", "static_cache", "gptq_kernel", "images", "speculative",
        "speculative_tokens", "ubatch", "kv_unified", "swa_full", "split_mode",
    ),
    "Servers": (
        "max_sequences", "max_batched_tokens", "memory_fraction", "prefix_caching", "cuda_graphs", "lora_slots",
    ),
    "Training": (
        "optimizer", "precision", "gradients", "checkpointing", "activation_offload", "flash_attention", "lora_rank",
        "lora_targets", "base_in_fp32", "chunked_loss", "optimizer_in_backward", "sharding", "offload", "tokens",
        "grid",
    ),
    "Machine": (
        "machines", "gpus", "tensor_parallel", "pipeline_parallel", "context_parallel", "assume_idle", "max_age",
        "python", "path", "probe_net", "probe_timeout", "timeout",
    ),
    "Output": ("format", "output", "color", "verbose"),
}  # fmt: skip
"""Of --help: options by the names of their parameters."""


class _Command(Sectioned):
    sections = _SECTIONS


@click.command(
    cls=_Command,
    help=__doc__,
    epilog="\b\nExamples:\n  llmcheck fit llama-3.1-8b\n  llmcheck fit ./model-Q4_K_M.gguf --context 32768\n"
    "  llmcheck fit 70B --weights q4_k_m --machine '2x RTX 4090, 64 GB RAM'\n"
    "  llmcheck fit qwen2.5-7b --method qlora --machine 'RTX 3090'\n"
    "  llmcheck fit qwen2.5-7b --method all --machine 'RTX 4090, 64 GB RAM'\n"
    "  llmcheck fit gpt-oss-20b --machine 'RTX 4090' --machine 'm3-max 64GB'\n"
    "  llmcheck fit 70B --method pretrain --tokens 2T --machine '512x H100 SXM'\n\n"
    "\b\nExit codes: 0 fits (or fits with offload to RAM), 1 does not fit,\n"
    "2 nothing was computed, 3 unknown. With several machines: 0 fits on every\n"
    "one, 1 does not fit on one of them, 3 unknown of one. With --method all:\n"
    "0 a method fits, 1 none does, 3 unknown.",
)
@_fit_options
@several_machine_options
@output_options(*DOCUMENTS)
def command(fit_options: FitOptions, machine_options: MachineOptions, output_options: OutputOptions) -> int:
    workload = _workload(fit_options)
    answer = _compared if len(machine_options.machines) > 1 else _answered
    found = answer(fit_options, workload, machine_options)
    write(found, output_options)
    return found.exit_code


def _answered(
    given: FitOptions, workload: Workload, machine_options: MachineOptions
) -> Fit | Methods | Recommendations:
    """On one machine: a model by one method or by all, or which model to run."""
    source = machine_source(machine_options, model_caches=True)
    from llmcheck import api

    words, idle = machine_options.machine, given.assume_idle
    if _asks_which(given, workload):
        return api.recommend(
            source, context=workload.context, prefer=given.prefer, assume_idle=idle, machine_words=words
        )
    if given.method == "all":
        if given.grid is not None:
            raise click.UsageError("--grid is for one method")
        return api.fit_methods(_model(given), workload, source, assume_idle=idle, machine_words=words)
    return api.fit(
        _model(given),
        workload,
        source,
        assume_idle=idle,
        carbon_intensity_g_per_kwh=given.grid,
        prefer=given.prefer,
        machine_words=words,
    )


def _compared(given: FitOptions, workload: Workload, machine_options: MachineOptions) -> Machines:
    """The same on each of several machines. Raises UsageError for what is about one."""
    if given.method == "all" or _asks_which(given, workload):
        what = "--method all" if given.method == "all" else "without MODEL it"
        count = len(machine_options.machines)
        raise click.UsageError(f"{what} is for one machine, and --machine is given {count} times")
    if machine_options.machines.count("-") > 1:
        raise click.UsageError("--machine - is given twice: standard input can be read once")
    sources = [(each, machine_source(machine_options._replace(machines=(each,)))) for each in machine_options.machines]
    from llmcheck import api

    return api.fit_machines(
        _model(given),
        workload,
        sources,
        assume_idle=given.assume_idle,
        carbon_intensity_g_per_kwh=given.grid,
        prefer=given.prefer,
    )


def _asks_which(given: FitOptions, workload: Workload) -> bool:
    """Whether neither a model is named nor a use that would need one: then it is ``llmcheck recommend``."""
    from llmcheck.schema.workload import Workload

    named = given.name or given.repository or given.config or given.parameters or given.grid
    return not named and workload == Workload(method="inference", context=workload.context)


def _model(given: FitOptions) -> ModelSource:
    from llmcheck.api.model_source import ModelSource

    named.require_model(given.name, ("--config", given.config))
    return ModelSource(model=given.name, repository=given.repository, config=given.config, parameters=given.parameters)


def _workload(given: FitOptions) -> Workload:
    """Raises UsageError for an invalid number of tokens."""
    from llmcheck.api import model_source
    from llmcheck.schema.workload import Workload

    return Workload(
        # what all methods of fine-tuning share is read as for one of them
        method="lora" if given.method == "all" else given.method,
        weights=given.weights,
        kv_cache=given.kv_cache,
        kv_cache_values=given.kv_cache_values,
        max_batched_tokens=given.max_batched_tokens,
        ubatch=given.ubatch,
        kv_unified=given.kv_unified,
        swa_full=given.swa_full,
        split_mode=given.split_mode,
        prefix_caching=given.prefix_caching,
        speculative=given.speculative,
        speculative_tokens=given.speculative_tokens,
        lora_slots=given.lora_slots,
        images=given.images,
        cuda_graphs=given.cuda_graphs,
        static_cache=given.static_cache,
        gptq_kernel=given.gptq_kernel,
        context=given.context,
        prompt=given.prompt,
        batch=given.batch,
        runtime=given.runtime,
        max_sequences=given.max_sequences,
        memory_fraction=given.memory_fraction,
        optimizer=given.optimizer,
        precision=given.precision,
        gradients=given.gradients,
        checkpointing=None if given.checkpointing is None else _CHECKPOINTING[given.checkpointing],
        activation_offload=given.activation_offload,
        flash_attention=given.flash_attention,
        lora_rank=given.lora_rank,
        lora_targets=given.lora_targets,
        base_in_fp32=given.base_in_fp32,
        chunked_loss=given.chunked_loss,
        optimizer_in_backward=given.optimizer_in_backward,
        sharding=given.sharding,
        offload=given.offload,
        gpus=given.gpus,
        tensor_parallel=given.tensor_parallel,
        pipeline_parallel=given.pipeline_parallel,
        context_parallel=given.context_parallel,
        tokens=None if given.tokens is None else model_source.tokens(given.tokens),
    )
