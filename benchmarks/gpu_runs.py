"""The measurements of ``benchmarks/gpu.py``: reads one as a line of JSON, prints the figures as a line of JSON.

Each is made in a child of its own, forked before the GPU is touched, with the deadline that the line states.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gpu_sharded

# a package of PyTorch's world has the name of a benchmark
sys.path[:] = [each for each in sys.path if Path(each or ".").resolve() != Path(__file__).resolve().parent]

_STEPS = 4
_WARM = 1
"""Steps before the clock starts: kernels are loaded and the allocator has its blocks."""
_PACKAGES = ("torch", "transformers")


def main() -> int:
    for line in sys.stdin:
        if line.strip():
            print(json.dumps(_in_child(json.loads(line))), flush=True)
    return 0


def _in_child(asked: dict[str, Any]) -> dict[str, Any]:
    """The figures, or ``error``. Raises OSError where no child can be made."""
    for name in _PACKAGES:
        try:
            importlib.import_module(name)
        except ImportError as error:
            if name in ("torch", "transformers"):
                return {"error": f"{error}: install PyTorch and transformers"}
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.dup2(2, 1)  # what packages print is not an answer
        with os.fdopen(writing, "w") as answer:
            answer.write(json.dumps(measure(asked)))
        os._exit(0)
    os.close(writing)
    text = b""
    with os.fdopen(reading, "rb", 0) as answer:
        end = time.monotonic() + asked.get("seconds", 120.0)
        while select.select([answer], [], [], max(end - time.monotonic(), 0.0))[0]:
            part = answer.read(65536)
            if not part:
                break
            text += part
        else:
            os.kill(child, signal.SIGKILL)
            text = b""
    _, status = os.waitpid(child, 0)
    if text:
        found: dict[str, Any] = json.loads(text)
        return found
    return {"error": f"no answer within {asked.get('seconds', 120.0):.0f} s or ended by signal {status & 127}"}


def measure(asked: dict[str, Any]) -> dict[str, Any]:
    torch: Any = importlib.import_module("torch")
    transformers: Any = importlib.import_module("transformers")
    if not torch.cuda.is_available():
        return {"error": "PyTorch sees no GPU"}
    torch.manual_seed(20261127)
    phases = _Phases(torch)
    measured = _trained if asked["task"] in ("full", "lora", "qlora") else _answered
    try:
        if asked.get("expandable"):
            torch.cuda.memory._set_allocator_settings("expandable_segments:True")
        speed = measured(asked, torch, transformers, phases)
    except torch.cuda.OutOfMemoryError:
        return {"error": "out of memory"}
    except Exception as error:  # another version of a package; the other runs go on
        return {"error": f"{type(error).__name__}: {error}"[:500]}
    phases.end("end")
    return {
        "allocated": phases.allocated,
        "reserved": phases.reserved,
        "smi": _of_process(),
        "tokens_per_second": None if asked.get("sharding") else speed,
        "versions": _versions(),
        "phases": phases.found,
    }


class _Phases:
    """The peaks of the parts of a step."""

    def __init__(self, torch: Any) -> None:
        self._cuda = torch.cuda
        self.allocated = 0
        self.reserved = 0
        self.found: dict[str, tuple[int, int]] = {}

    def end(self, name: str) -> None:
        """Ends a part: its peak and what is left. The parts of a later step replace those of an earlier one."""
        peak = self._cuda.max_memory_allocated()
        self.found[name] = (peak, self._cuda.memory_allocated())
        self.allocated = max(self.allocated, peak)
        self.reserved = max(self.reserved, self._cuda.max_memory_reserved())
        self._cuda.reset_peak_memory_stats()

    def loaded(self) -> None:
        """Forgets what it took to make the model, which is not what loading a checkpoint takes."""
        self._cuda.empty_cache()
        self._cuda.reset_peak_memory_stats()
        self.found["model"] = (self._cuda.memory_allocated(), self._cuda.memory_allocated())


def _from_config(asked: dict[str, Any], transformers: Any, dtype: Any) -> Any:
    fields = {name: value for name, value in asked["config"].items() if name not in ("architectures", "torch_dtype")}
    config = transformers.AutoConfig.for_model(**fields)
    attention = "sdpa" if asked["flash"] else "eager"
    major, minor = (int(part) for part in transformers.__version__.split(".")[:2])
    name = "dtype" if (major, minor) >= (4, 56) else "torch_dtype"
    return transformers.AutoModelForCausalLM.from_config(config, attn_implementation=attention, **{name: dtype})


def _model(asked: dict[str, Any], torch: Any, transformers: Any, dtype: Any = None) -> Any:
    with torch.device("cuda"):
        return _from_config(asked, transformers, dtype or torch.bfloat16)


def _answered(asked: dict[str, Any], torch: Any, transformers: Any, phases: _Phases) -> float:
    """Tokens per second of the prompt, or of the answer where one is generated; of all sequences together."""
    model = _model(asked, torch, transformers).eval()
    phases.loaded()
    prompt = torch.randint(0, model.config.vocab_size, (asked["batch"], asked["context"]), device="cuda")
    with torch.inference_mode():
        for _ in range(_WARM + 1):
            torch.cuda.synchronize()
            began = time.perf_counter()
            made = _generated(model, prompt, asked["answer"])
            torch.cuda.synchronize()
            seconds = time.perf_counter() - began
            phases.end("answer")
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


def _trained(asked: dict[str, Any], torch: Any, transformers: Any, phases: _Phases) -> float:
    if asked.get("sharding"):
        model = gpu_sharded.sharded(asked, torch, lambda dtype: _as_configured(asked, transformers, dtype))
    elif asked["task"] == "full":
        model = _model(asked, torch, transformers, torch.float32 if asked["precision"] == "mixed" else None)
    else:
        model = _with_adapters(asked, torch, transformers)
    phases.loaded()
    model.train()
    model.config.use_cache = False
    if asked.get("chunked"):
        liger: Any = importlib.import_module("liger_kernel.transformers")
        liger.apply_liger_kernel_to_llama(
            rope=False, swiglu=False, rms_norm=False, cross_entropy=False, fused_linear_cross_entropy=True, model=model
        )
    if asked["recompute"] and not asked.get("sharding"):
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.enable_input_require_grads()
    trained = [each for each in model.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-5, fused=True)
    autocast = not asked.get("sharding") and (asked["task"] != "full" or asked["precision"] == "mixed")
    tokens, began = 0, 0.0
    for step, context in enumerate(_contexts(asked)):
        if step == _WARM:
            torch.cuda.synchronize()
            tokens, began = 0, time.perf_counter()
        batch = torch.randint(0, asked["config"]["vocab_size"], (asked["batch"], context), device="cuda")
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=autocast):
            loss = model(input_ids=batch, labels=batch).loss
        phases.end("forward")
        loss.backward()
        phases.end("backward")
        optimizer.step()
        phases.end("optimizer")
        optimizer.zero_grad(set_to_none=True)
        tokens += batch.numel()
    torch.cuda.synchronize()
    return float(tokens / (time.perf_counter() - began))


def _contexts(asked: dict[str, Any]) -> Iterator[int]:
    """Tokens of the sequences of each step; the last has the longest."""
    lengths = random.Random(20261127)
    steps = _WARM + (2 if asked.get("sharding") else _STEPS)
    for step in range(steps):
        varies = asked["lengths_vary"] and step != steps - 1
        yield max(round(asked["context"] * lengths.uniform(0.3, 1.0)), 1) if varies else asked["context"]


def _as_configured(asked: dict[str, Any], transformers: Any, dtype: Any) -> Any:
    """The model of this type that is to be sharded, with adapters where they are trained."""
    model = _from_config(asked, transformers, dtype)
    if asked["task"] == "full":
        return model
    peft: Any = importlib.import_module("peft")
    return peft.get_peft_model(model, _adapters(asked, peft), autocast_adapter_dtype=False)


def _with_adapters(asked: dict[str, Any], torch: Any, transformers: Any) -> Any:
    peft: Any = importlib.import_module("peft")
    model = _model(asked, torch, transformers)
    if asked["task"] == "qlora":
        model = _quantised(model, torch)
    return peft.get_peft_model(model, _adapters(asked, peft))


def _adapters(asked: dict[str, Any], peft: Any) -> Any:
    targets = "all-linear" if asked["targets"] == "all-linear" else ["q_proj", "v_proj"]
    dropout = 0.05 if asked["dropout"] else 0.0
    return peft.LoraConfig(r=16, target_modules=targets, lora_dropout=dropout, task_type="CAUSAL_LM")


def _quantised(model: Any, torch: Any) -> Any:
    """The matrices of the layers in nf4, embeddings and norms in 32 bits as PEFT makes them."""
    bitsandbytes: Any = importlib.import_module("bitsandbytes")
    peft: Any = importlib.import_module("peft")
    for name, layer in list(model.named_modules()):
        if isinstance(layer, torch.nn.Linear) and "lm_head" not in name:
            new = bitsandbytes.nn.Linear4bit(
                layer.in_features, layer.out_features, bias=layer.bias is not None, compute_dtype=torch.bfloat16,
                quant_type="nf4", compress_statistics=False, device="meta",
            )  # fmt: skip
            new.weight = bitsandbytes.nn.Params4bit(
                layer.weight.data, requires_grad=False, quant_type="nf4", compress_statistics=False
            ).to("cuda")
            parent = model.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], new)
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
