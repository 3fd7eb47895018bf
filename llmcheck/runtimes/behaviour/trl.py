"""How TRL's supervised fine-tuning is started: by itself on one GPU, else through accelerate."""

from __future__ import annotations

from llmcheck.runtimes.behaviour.launch import Launch, LaunchLine, options
from llmcheck.schema.workload import Workload

VALID_FOR = "trl 1.16.0"
"""With accelerate 1.15.0 and transformers 5.23.0."""
_DATASET = "trl-lib/Capybara"
_OPTIMIZERS = {
    "adamw": "adamw_torch", "adamw-fused": "adamw_torch_fused", "adamw-8bit": "adamw_8bit",
    "adamw-4bit": "adamw_torch_4bit", "paged-adamw": "paged_adamw_32bit", "paged-adamw-8bit": "paged_adamw_8bit",
    "adafactor": "adafactor", "sgd": "sgd", "lion": "lion_32bit",
}  # fmt: skip
_TARGETS = {
    "attention": ("q_proj", "k_proj", "v_proj", "o_proj"), "qv": ("q_proj", "v_proj"),
    "mlp": ("gate_proj", "up_proj", "down_proj"), "all-linear": ("all-linear",),
}  # fmt: skip
"""Names in the layers of Llama's kind; ``all-linear`` is a word of PEFT, for any model."""


def line(what: Launch) -> LaunchLine | None:
    """None for what TRL or accelerate has no option for: pre-training, models cut over GPUs by matrices or stages,
    recomputing a part of each layer, adapters other than LoRA and DoRA, offloading without ZeRO or FSDP, activations in
    RAM, steps in the backward pass, and leaving the frozen model of QLoRA as it is."""
    work = what.workload
    if _has_no_option(work):
        return None
    program = _program(what)
    if program is None:
        return None
    argv = (
        *program, "--model_name_or_path", what.model, "--dataset_name", what.dataset or _DATASET,
        *options(
            ("--per_device_train_batch_size", max(work.batch, 1)),
            ("--max_length", work.context),
            ("--optim", _OPTIMIZERS.get(work.optimizer or "")),
            ("--loss_type", "chunked_nll" if work.chunked_loss else None),
            ("--torch_compile", "true" if work.compiled else None),
        ),
        *_numbers(work), *_checkpointing(work), *_adapters(work),
    )  # fmt: skip
    return LaunchLine(argv=argv, valid_for=VALID_FOR)


def libraries(work: Workload) -> tuple[str, ...]:
    """Ids of the libraries that a training by TRL needs beside transformers, PyTorch and accelerate."""
    quantised = work.method == "qlora" or (work.optimizer or "").endswith("8bit")
    return (
        "trl",
        *(("peft",) if work.method in ("lora", "qlora") else ()),
        *(("bitsandbytes",) if quantised else ()),
        *(("deepspeed",) if (work.sharding or "").startswith("zero") else ()),
    )


def _has_no_option(work: Workload) -> bool:
    cut = work.tensor_parallel > 1 or work.pipeline_parallel > 1
    cut = cut or work.context_parallel > 1 or bool(work.layer_split) or work.sharding == "shard-grad-op"
    other = isinstance(work.checkpointing, str) or work.adapter in ("prefix", "scale") or work.gradients is not None
    other = other or bool(work.optimizer_in_backward or work.activation_offload) or work.base_in_fp32 is False
    return work.method not in ("full", "lora", "qlora") or cut or other


def _program(what: Launch) -> tuple[str, ...] | None:
    """What comes before the options of the training itself."""
    work, offload = what.workload, what.workload.offload or "none"
    sharding = work.sharding or ("ddp" if what.gpus > 1 else "none")
    if sharding in ("none", "ddp"):
        if offload != "none":
            return None
        if what.gpus <= 1:
            return ("trl", "sft")
        return _accelerate(what, "--multi_gpu")
    if sharding.startswith("zero"):
        stage = sharding[-1]
        if offload == "all" and stage != "3":
            return None
        moved = options(
            ("--offload_optimizer_device", "cpu" if offload != "none" else None),
            ("--offload_param_device", "cpu" if offload == "all" else None),
        )
        return _accelerate(what, "--use_deepspeed", "--zero_stage", stage, *moved)
    if offload == "optimizer":
        return None
    return _accelerate(
        what, "--use_fsdp", "--fsdp_version", "1" if sharding == "fsdp1" else "2",
        "--fsdp_auto_wrap_policy", "TRANSFORMER_BASED_WRAP",
        "--fsdp_reshard_after_forward", "FULL_SHARD" if sharding == "fsdp1" else "true",
        *options(
            ("--fsdp_offload_params", "true" if offload == "all" else None),
            ("--fsdp_activation_checkpointing", "true" if work.checkpointing else None),
        ),
    )  # fmt: skip


def _accelerate(what: Launch, *options_of_sharding: str) -> tuple[str, ...]:
    numbers = "no" if what.workload.precision == "fp32" else "bf16"
    return (
        "accelerate", "launch", "--num_processes", str(max(what.gpus, 1)), "--num_machines", "1",
        "--mixed_precision", numbers, *options_of_sharding, "-m", "trl.scripts.sft",
    )  # fmt: skip


def _numbers(work: Workload) -> tuple[str, ...]:
    """A model that is loaded by its name comes in 32 bits unless ``--dtype`` says otherwise."""
    if work.precision == "fp32":
        return ("--dtype", "float32", "--bf16", "false")
    if work.precision == "bf16" or work.method != "full":
        return ("--dtype", "bfloat16")
    return ("--dtype", "float32") if work.precision == "mixed" else ()


def _checkpointing(work: Workload) -> tuple[str, ...]:
    """On unless it is turned off. FSDP recomputes by an option of its own, and the two exclude each other."""
    if work.checkpointing is None:
        return ()
    by_fsdp = work.sharding in ("fsdp", "fsdp1")
    return ("--gradient_checkpointing", "true" if work.checkpointing and not by_fsdp else "false")


def _adapters(work: Workload) -> tuple[str, ...]:
    if work.method == "full":
        return ()
    quantised = work.weights or ("nf4-dq" if work.method == "qlora" else "")
    return (
        "--use_peft", "true",
        *options(
            ("--lora_r", work.lora_rank),
            ("--use_dora", "true" if work.adapter == "dora" else None),
            ("--load_in_8bit", "true" if quantised == "int8" else None),
            ("--load_in_4bit", "true" if quantised in ("nf4", "nf4-dq") else None),
            ("--use_bnb_nested_quant", "true" if quantised == "nf4-dq" else None),
        ),
        *(("--lora_target_modules", *_TARGETS[work.lora_targets]) if work.lora_targets else ()),
        *(("--lora_modules_to_save", "embed_tokens", "lm_head") if work.trained_embeddings else ()),
    )  # fmt: skip
