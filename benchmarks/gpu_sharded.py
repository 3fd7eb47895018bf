"""A model as one rank of many has it, on one GPU: PyTorch's ``fake`` backend sends nothing, the memory is real."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any


def sharded(asked: dict[str, Any], torch: Any, made: Callable[[Any], Any]) -> Any:
    """The sharded model with random weights. ``made``: the model from its configuration, of this type."""
    distributed: Any = importlib.import_module("torch.distributed")
    fake: Any = importlib.import_module("torch.testing._internal.distributed.fake_pg")
    torch.cuda.set_device(0)
    distributed.init_process_group("fake", rank=0, world_size=asked["gpus"], store=fake.FakeStore())
    wide = asked["task"] == "full" and asked["precision"] == "mixed"
    with torch.device("meta"):
        found = made(torch.float32 if wide else torch.bfloat16)
    if asked["recompute"]:
        found.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        found.enable_input_require_grads()
    if asked["sharding"] == "fsdp2":
        return _fsdp2(found, torch, asked["gpus"])
    return _fsdp1(found, torch, asked["sharding"])


def _layers(whole: Any) -> list[Any]:
    named = [(name, each) for name, each in whole.named_modules() if name.rpartition(".")[2].isdigit()]
    return [each for name, each in named if name.rpartition(".")[0].endswith("layers")]


def _fsdp2(whole: Any, torch: Any, ranks: int) -> Any:
    fsdp: Any = importlib.import_module("torch.distributed.fsdp")
    mesh = importlib.import_module("torch.distributed.device_mesh").init_device_mesh("cuda", (ranks,))
    policy = fsdp.MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    for layer in _layers(whole):
        fsdp.fully_shard(layer, mesh=mesh, mp_policy=policy)
    fsdp.fully_shard(whole, mesh=mesh, mp_policy=policy)
    whole.to_empty(device="cuda")
    with torch.no_grad():
        for each in whole.parameters():
            each.to_local().normal_(0, 0.02)
    _rotary(whole, torch)
    return whole


def _fsdp1(whole: Any, torch: Any, sharding: str) -> Any:
    fsdp: Any = importlib.import_module("torch.distributed.fsdp")
    wrap: Any = importlib.import_module("torch.distributed.fsdp.wrap")
    narrow = fsdp.MixedPrecision(param_dtype=torch.bfloat16, reduce_dtype=torch.bfloat16, buffer_dtype=torch.float32)
    strategies = fsdp.ShardingStrategy
    found = fsdp.FullyShardedDataParallel(
        whole,
        auto_wrap_policy=functools.partial(
            wrap.transformer_auto_wrap_policy, transformer_layer_cls={type(each) for each in _layers(whole)}
        ),
        mixed_precision=narrow,
        sharding_strategy=strategies.FULL_SHARD if sharding == "fsdp1" else strategies.SHARD_GRAD_OP,
        param_init_fn=lambda module: module.to_empty(device="cuda", recurse=False),
        device_id=0,
        use_orig_params=True,
    )
    with torch.no_grad():
        for each in found.parameters():
            each.normal_(0, 0.02)
    _rotary(found, torch)
    return found


def _rotary(whole: Any, torch: Any) -> None:
    """The buffers that the checkpoint does not hold."""
    for module in whole.modules():
        for name, each in list(module.named_buffers(recurse=False)):
            setattr(module, name, torch.full(each.shape, 0.5, device="cuda", dtype=each.dtype))
