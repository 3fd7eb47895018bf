"""One measurement of ``benchmarks/gpu.py`` in a process of its own: reads it as JSON, prints the figures as JSON."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import random
import subprocess
import sys
import time
from typing import Any

_STEPS = 4
_WARM = 1
"""Steps before the clock starts: kernels are loaded and the allocator has its blocks."""


def main() -> int:
    asked = json.loads(sys.stdin.read())
    print(json.dumps(measure(asked)))
    return 0


def measure(asked: dict[str, Any]) -> dict[str, Any]:
    try:
        torch: Any = importlib.import_module("torch")
        transformers: Any = importlib.import_module("transformers")
    except ImportError as error:
        return {"error": f"{error}: install PyTorch and transformers"}
    if not torch.cuda.is_available():
        return {"error": "PyTorch sees no GPU"}
    torch.manual_seed(20261127)
    try:
        speed = (
            _trained(asked, torch, transformers)
            if asked["task"] in ("full", "lora", "qlora")
            else _answered(asked, torch, transformers)
        )
    except ImportError as error:
        return {"error": str(error)}
    except torch.cuda.OutOfMemoryError:
        return {"error": "out of memory"}
    return {
        "allocated": torch.cuda.max_memory_allocated(),
        "reserved": torch.cuda.max_memory_reserved(),
        "smi": _of_process(),
        "tokens_per_second": speed,
        "versions": _versions(),
    }


def _model(asked: dict[str, Any], torch: Any, transformers: Any) -> Any:
    fields = {name: value for name, value in asked["config"].items() if name not in ("architectures", "torch_dtype")}
    config = transformers.AutoConfig.for_model(**fields)
    attention = "sdpa" if asked["flash"] else "eager"
    with torch.device("cuda"):
        return transformers.AutoModelForCausalLM.from_config(
            config, torch_dtype=torch.bfloat16, attn_implementation=attention
        )


def _answered(asked: dict[str, Any], torch: Any, transformers: Any) -> float:
    """Tokens per second of the prompt, or of the answer where one is generated; of all sequences together."""
    model = _model(asked, torch, transformers).eval()
    prompt = torch.randint(0, model.config.vocab_size, (asked["batch"], asked["context"]), device="cuda")
    with torch.inference_mode():
        for step in range(_WARM + 1):
            torch.cuda.synchronize()
            began = time.perf_counter()
            made = _generated(model, prompt, asked["answer"])
            torch.cuda.synchronize()
            seconds = time.perf_counter() - began
            if step < _WARM:
                torch.cuda.reset_peak_memory_stats()
    if not asked["answer"]:
        return float(prompt.numel() / seconds)
    with torch.inference_mode():
        began = time.perf_counter()
        _generated(model, prompt, 1)
        torch.cuda.synchronize()
        first = time.perf_counter() - began
    return float(made * asked["batch"] / max(seconds - first, 1e-9))


def _generated(model: Any, prompt: Any, tokens: int) -> int:
    if not tokens:
        model(prompt, use_cache=True, logits_to_keep=1)
        return 0
    model.generate(prompt, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False, pad_token_id=0)
    return tokens - 1


def _trained(asked: dict[str, Any], torch: Any, transformers: Any) -> float:
    model = (
        _with_adapters(asked, torch, transformers) if asked["task"] != "full" else _model(asked, torch, transformers)
    )
    model.train()
    model.config.use_cache = False
    if asked["recompute"]:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.enable_input_require_grads()
    trained = [each for each in model.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-5, fused=True)
    lengths = random.Random(20261127)
    tokens, began = 0, 0.0
    for step in range(_WARM + _STEPS):
        if step == _WARM:
            torch.cuda.synchronize()
            tokens, began = 0, time.perf_counter()
        context = asked["context"]
        if asked["lengths_vary"] and step != _WARM + _STEPS - 1:
            context = max(round(context * lengths.uniform(0.3, 1.0)), 1)
        batch = torch.randint(0, model.config.vocab_size, (asked["batch"], context), device="cuda")
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=asked["task"] != "full"):
            loss = model(batch, labels=batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        tokens += batch.numel()
    torch.cuda.synchronize()
    return float(tokens / (time.perf_counter() - began))


def _with_adapters(asked: dict[str, Any], torch: Any, transformers: Any) -> Any:
    peft: Any = importlib.import_module("peft")
    model = _model(asked, torch, transformers)
    if asked["task"] == "qlora":
        model = _quantised(model, torch)
    return peft.get_peft_model(model, peft.LoraConfig(r=16, target_modules="all-linear", task_type="CAUSAL_LM"))


def _quantised(model: Any, torch: Any) -> Any:
    """The matrices of the layers in nf4, embeddings and norms in 32 bits as PEFT makes them."""
    bitsandbytes: Any = importlib.import_module("bitsandbytes")
    peft: Any = importlib.import_module("peft")
    for name, layer in list(model.named_modules()):
        if isinstance(layer, torch.nn.Linear) and "lm_head" not in name:
            new = bitsandbytes.nn.Linear4bit(
                layer.in_features, layer.out_features, bias=layer.bias is not None,
                compute_dtype=torch.bfloat16, quant_type="nf4",
            )  # fmt: skip
            new.weight = bitsandbytes.nn.Params4bit(layer.weight.data.cpu(), requires_grad=False, quant_type="nf4")
            parent = model.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], new.to("cuda"))
    model.is_loaded_in_4bit = True
    return peft.prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)


def _of_process() -> int | None:
    """Bytes that nvidia-smi shows of this process; None in a container, where it has another number."""
    query = ["nvidia-smi", "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    rows = [line.split(",") for line in done.stdout.splitlines() if line.count(",") == 1]
    own = [size for pid, size in rows if pid.strip() == str(os.getpid())]
    sizes = own or ([rows[0][1]] if len(rows) == 1 else [])
    return int(sizes[0]) * 2**20 if sizes and sizes[0].strip().isdigit() else None


def _versions() -> dict[str, str]:
    found = {}
    for name in ("torch", "transformers", "peft", "bitsandbytes", "accelerate"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    sys.exit(main())
