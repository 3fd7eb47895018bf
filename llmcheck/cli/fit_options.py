"""The options of ``llmcheck fit``, and the workload that they make."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from llmcheck.api.model_source import ModelSource
    from llmcheck.schema.workload import Workload

F = TypeVar("F", bound=Callable[..., Any])

_TOKENS = click.IntRange(min=1, max=2**31)
_COUNT = click.IntRange(min=1, max=4096)
_METHODS = ("inference", "full", "lora", "qlora", "pretrain")
_OPTIMIZERS = (
    "adamw", "adamw-fused", "adamw-8bit", "adamw-4bit", "paged-adamw", "paged-adamw-8bit", "adafactor", "sgd", "lion"
)  # fmt: skip
_SHARDINGS = ("none", "ddp", "zero1", "zero2", "zero3", "fsdp")
_CHECKPOINTING = {"yes": True, "no": False, "selective": "selective"}


def _choice(name: str, values: tuple[str, ...], text: str, **more: Any) -> Callable[[F], F]:
    return click.option(name, type=click.Choice(values), help=text, **more)


if TYPE_CHECKING:
    _ParamType = click.ParamType[str]
else:
    _ParamType = click.ParamType  # not a generic class before 8.4


class _RuntimeName(_ParamType):
    """One of the runtimes; they are read when the option is used or its help is shown."""

    name = "runtime"

    def _names(self) -> click.Choice[str]:
        from llmcheck import runtimes

        return click.Choice(runtimes.ids())

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        return self._names().get_metavar(param, ctx)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return self._names().convert(value, param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return self._names().shell_complete(ctx, param, incomplete)


def _complete_model(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from llmcheck import catalog

    return [name for name in catalog.models() if name.startswith(incomplete.lower())]


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.argument("name", metavar="[MODEL]", required=False, shell_complete=_complete_model),
    click.option("--model", "repository", metavar="ORG/NAME", help="A repository on the hub, which is asked."),
    click.option("--config", metavar="FILE", help="A config.json, GGUF or safetensors file."),
    click.option("--parameters", metavar="SIZE", help="A typical model of this size, such as 7B."),
    _choice("--method", _METHODS, "What it is used for.", default="inference", show_default=True),
    click.option("--weights", metavar="FORMAT", help="bf16, fp8, int8, nf4-dq, awq, gptq-4bit, q4_k_m, mxfp4, ..."),
    click.option("--kv-cache", metavar="FORMAT", help="bf16, fp8, q8_0, q4_0, ..."),
    click.option("--context", type=_TOKENS, metavar="TOKENS", help="Of each sequence, prompt and answer together."),
    click.option("--prompt", type=_TOKENS, metavar="TOKENS", help="Read at once; the whole context unless said."),
    click.option("--batch", type=click.IntRange(1, 2**20), default=1, show_default=True, help="Sequences at a time."),
    click.option("--runtime", type=_RuntimeName(), help="What runs it."),
    click.option("--max-sequences", type=click.IntRange(1, 2**16), help="That a server prepares for (256)."),
    click.option(
        "--memory-fraction", type=click.FloatRange(0.05, 1.0), help="Of each card, that a server takes (vLLM: 0.9)."
    ),
    _choice("--optimizer", _OPTIMIZERS, "For training."),
    _choice("--precision", ("bf16", "mixed", "fp32"), "For training; mixed keeps a 32-bit master copy."),
    _choice("--gradients", ("fp32",), "Kept in 32 bits beside 16-bit weights, as Megatron-LM does."),
    _choice("--checkpointing", tuple(_CHECKPOINTING), "Recompute activations when training."),
    click.option("--flash-attention/--no-flash-attention", default=None, help="Never hold the square of the sequence."),
    click.option("--lora-rank", type=click.IntRange(1, 2**16), help="Of LoRA and QLoRA."),
    _choice("--lora-targets", ("attention", "all-linear", "qv", "mlp"), "Which matrices have adapters."),
    click.option("--chunked-loss", is_flag=True, default=None, help="The loss in pieces (Liger, Unsloth)."),
    _choice("--sharding", _SHARDINGS, "What is cut over GPUs when training."),
    _choice("--offload", ("none", "optimizer", "all"), "What lies in RAM when training."),
    click.option("--gpus", type=_COUNT, help="How many take part."),
    click.option("--tensor-parallel", type=_COUNT, default=1, help="GPUs that each matrix is cut over."),
    click.option("--pipeline-parallel", type=_COUNT, default=1, help="GPUs that the layers are cut over."),
    click.option("--tokens", metavar="COUNT", help="That a training run reads: 2T, 300B."),
    click.option(
        "--grid", type=click.FloatRange(0, 5000), metavar="GRAMS", help="CO2 of a kWh, to estimate the run's."
    ),
    click.option("--assume-idle", is_flag=True, help="As if nothing else held memory."),
)


def fit_options(function: F) -> F:
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def asked(options: dict[str, Any]) -> tuple[ModelSource, Workload, dict[str, Any]]:
    """Takes its own out of all options: model, workload, and what else the question needs. Raises UsageError."""
    from llmcheck.api import model_source
    from llmcheck.schema.workload import Workload

    take = options.pop
    subject = model_source.ModelSource(
        model=take("name"), repository=take("repository"), config=take("config"), parameters=take("parameters")
    )
    tokens, checkpointing = take("tokens"), take("checkpointing")
    workload = Workload(
        **{
            name: take(name)
            for name in (
                "method", "weights", "kv_cache", "context", "prompt", "batch", "runtime", "max_sequences",
                "memory_fraction", "optimizer", "precision", "gradients", "flash_attention", "lora_rank",
                "lora_targets", "chunked_loss", "sharding", "offload", "gpus", "tensor_parallel", "pipeline_parallel",
            )
        },
        checkpointing=None if checkpointing is None else _CHECKPOINTING[checkpointing],  # type: ignore[arg-type]
        tokens=None if tokens is None else model_source.tokens(tokens),
    )  # fmt: skip
    return subject, workload, {"assume_idle": take("assume_idle"), "carbon_intensity_g_per_kwh": take("grid")}
