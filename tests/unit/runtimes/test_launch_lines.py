"""The parts of a launch line that the examples leave out: one GPU and several, cache formats, batches, 32 bits.

The options are those of each program's own parser, at the version that its file names.
"""

from __future__ import annotations

from typing import Any

import pytest

from llmcheck import runtimes
from llmcheck.runtimes import Launch
from llmcheck.schema.machine import Gpu
from llmcheck.schema.workload import Workload
from llmcheck.units import GIB


def line(runtime: str, gpus: int = 1, model: str = "some/model", **options: Any) -> str | None:
    work = Workload(**{"method": "inference", "runtime": runtime, **options})
    launch = Launch(model=model, workload=work, gpus=gpus, is_path=runtime == "exllama")
    found = runtimes.named(runtime).launch(launch)
    if found is None:
        return None
    return " ".join((*(f"{name}={value}" for name, value in found.environment.items()), *found.argv))


@pytest.mark.parametrize(
    ("runtime", "expected"),
    [
        ("vllm", "vllm serve some/model --gpu-memory-utilization 0.9"),
        ("sglang", "python -m sglang.launch_server --model-path some/model"),
        ("lmdeploy", "lmdeploy serve api_server some/model"),
        ("tensorrt-llm", "trtllm-serve some/model"),
        ("exllama", "python main.py --model-dir some --model-name model"),
        ("ollama", "ollama run some/model"),
        ("mlx", "mlx_lm.server --model some/model --decode-concurrency 1"),
        ("llama.cpp", "llama-server -hf some/model -np 1"),
        ("transformers", "transformers serve some/model --dtype auto --device cuda:0"),
        # a server, not a trainer
        ("litgpt", None),
        ("torchtune", None),
    ],
)
def test_a_line_names_nothing_that_was_left_open(runtime: str, expected: str | None) -> None:
    assert line(runtime) == expected


@pytest.mark.parametrize(
    ("runtime", "option"),
    [("vllm", "--tensor-parallel-size 2"), ("sglang", "--tp-size 2"), ("lmdeploy", "--tp 2"),
     ("tensorrt-llm", "--tp_size 2"), ("tgi", "--num-shard 2"), ("transformers", "--device auto")],
)  # fmt: skip
def test_several_gpus_are_named_and_one_is_not(runtime: str, option: str) -> None:
    assert option in (line(runtime, 2) or "")
    assert option.split()[0] not in (line(runtime, 1) or "").replace("--device cuda:0", "")


def test_vllm_shares_gpus_out_to_stages_and_matrices() -> None:
    assert "--tensor-parallel-size 2 --pipeline-parallel-size 2" in (line("vllm", 4, pipeline_parallel=2) or "")
    two = line("vllm", 2, pipeline_parallel=2) or ""
    assert "--pipeline-parallel-size 2" in two
    assert "tensor" not in two
    assert "tensor" not in (line("vllm", 1, pipeline_parallel=2) or "")
    assert "--tensor-parallel-size 2" in (line("vllm", 2, pipeline_parallel=0) or "")
    assert "--gpu-memory-utilization 0.5" in (line("vllm", memory_fraction=0.5) or "")


@pytest.mark.parametrize(
    ("runtime", "cache", "option"),
    [
        ("vllm", "fp8", "--kv-cache-dtype fp8"), ("vllm", "bf16", None),
        ("sglang", "fp8", "--kv-cache-dtype fp8_e5m2"), ("sglang", "bf16", None),
        ("tgi", "fp8", "--kv-cache-dtype fp8_e4m3fn"), ("tgi", None, None),
        # its policies: 4 and 8 bits, and 16 for fp8
        ("lmdeploy", "int8", "--quant-policy 8"), ("lmdeploy", "int4", "--quant-policy 4"),
        ("lmdeploy", "fp8", "--quant-policy 16"), ("lmdeploy", "bf16", None),
        # bits of keys and of values
        ("exllama", "int8", "--cache-mode 8,8"), ("exllama", "q4_0", "--cache-mode 4,4"), ("exllama", "fp16", None),
        ("llama.cpp", "q8_0", "-ctk q8_0 -ctv q8_0"), ("llama.cpp", "fp16", None), ("llama.cpp", "bf16", None),
        # a quantised cache needs flash attention there
        ("ollama", "q8_0", "OLLAMA_KV_CACHE_TYPE=q8_0 OLLAMA_FLASH_ATTENTION=1"), ("ollama", "fp16", None),
        ("ollama", "bf16", None),
    ],
)  # fmt: skip
def test_the_format_of_the_cache_is_named_where_it_is_not_the_usual_one(
    runtime: str, cache: str | None, option: str | None
) -> None:
    found = line(runtime, kv_cache=cache)
    assert found == line(runtime) if option is None else option in (found or "")


@pytest.mark.parametrize(
    ("runtime", "weights", "option"),
    [
        ("lmdeploy", "gptq-4bit", "--model-format gptq"), ("lmdeploy", "mxfp4", "--model-format mxfp4"),
        ("lmdeploy", "bf16", None), ("tgi", "gptq-4bit-g128", "--quantize gptq"),
        ("tgi", "nf4-dq", "--quantize bitsandbytes-nf4"), ("tgi", "bf16", None),
        ("transformers", "nf4-dq", "--quantization bnb-4bit"), ("transformers", "int8", "--quantization bnb-8bit"),
        ("transformers", "bf16", "--dtype bfloat16"),
    ],
)  # fmt: skip
def test_the_format_of_weights_is_named_where_the_files_do_not_say_it(
    runtime: str, weights: str, option: str | None
) -> None:
    found = line(runtime, weights=weights)
    assert found == line(runtime) if option is None else option in (found or "")


@pytest.mark.parametrize(
    ("runtime", "batch", "option"),
    [("llama.cpp", 4, "-np 4"), ("llama.cpp", 0, "-np 1"), ("mlx", 3, "--decode-concurrency 3"),
     ("mlx", 0, "--decode-concurrency 1"), ("ollama", 2, "OLLAMA_NUM_PARALLEL=2")],
)  # fmt: skip
def test_sequences_at_a_time_are_named(runtime: str, batch: int, option: str) -> None:
    assert option in (line(runtime, batch=batch) or "")
    assert "PARALLEL" not in (line("ollama", batch=1) or "")


@pytest.mark.parametrize(
    ("context", "batch", "size"), [(1000, 1, 1024), (1024, 1, 1024), (1025, 1, 1280), (1000, 3, 3072), (256, 0, 256)]
)
def test_exllama_s_cache_holds_all_sequences_in_blocks_of_256(context: int, batch: int, size: int) -> None:
    found = line("exllama", context=context, batch=batch)
    assert f"--cache-size {size} --max-seq-len {context}" in (found or "")


def test_exllama_takes_a_folder_and_a_name_in_it() -> None:
    assert "--model-dir . --model-name alone" in (line("exllama", model="alone") or "")
    assert "--model-dir a/b --model-name c" in (line("exllama", model="a/b/c") or "")


@pytest.mark.parametrize(
    ("gibibytes", "context"),
    # server/routes.go: below 23 GiB, below 47 GiB, and more
    [(0, 4096), (22.9, 4096), (23, 32_768), (24, 32_768), (46.9, 32_768), (47, 262_144), (80, 262_144)],
)
def test_ollama_s_own_context_grows_with_the_cards(gibibytes: float, context: int) -> None:
    default = runtimes.named("ollama").default_context
    assert default is not None
    assert default(round(gibibytes * GIB)) == context


@pytest.mark.parametrize(
    ("options", "gpus", "expected"),
    [
        ({"method": "full"}, 1, "tune run full_finetune_single_device --config c batch_size=1"),
        ({"method": "lora"}, 1, "tune run lora_finetune_single_device --config c batch_size=1"),
        ({"method": "qlora"}, 2, "tune run --nproc_per_node 2 lora_finetune_distributed --config c batch_size=1"),
        ({"method": "lora", "checkpointing": True}, 1,
         "tune run lora_finetune_single_device --config c batch_size=1 enable_activation_checkpointing=True"),
        ({"method": "lora", "checkpointing": "selective"}, 1, None),
        ({"method": "lora", "batch": 2}, 1, "tune run lora_finetune_single_device --config c batch_size=2"),
        ({"method": "pretrain"}, 1, None),
    ],
)  # fmt: skip
def test_torchtune_has_a_recipe_for_each_method(options: dict[str, Any], gpus: int, expected: str | None) -> None:
    assert line("torchtune", gpus, model="c", **options) == expected


@pytest.mark.parametrize(
    ("options", "gpus", "expected"),
    [
        ({"method": "full"}, 1, "litgpt finetune_full m --precision bf16-true --train.micro_batch_size 1"),
        ({"method": "full", "precision": "fp32"}, 2,
         "litgpt finetune_full m --precision 32-true --devices 2 --train.micro_batch_size 1"),
        ({"method": "lora", "lora_rank": 8}, 1,
         "litgpt finetune_lora m --precision bf16-true --train.micro_batch_size 1 --lora_r 8"),
        ({"method": "qlora", "weights": "nf4"}, 1,
         "litgpt finetune_lora m --precision bf16-true --quantize bnb.nf4 --train.micro_batch_size 1"),
        ({"method": "lora", "weights": "int8"}, 1,
         "litgpt finetune_lora m --precision bf16-true --quantize bnb.int8-training --train.micro_batch_size 1"),
        ({"method": "pretrain"}, 1, None),
    ],
)  # fmt: skip
def test_litgpt_has_a_command_for_each_method(options: dict[str, Any], gpus: int, expected: str | None) -> None:
    assert line("litgpt", gpus, model="m", **options) == expected


def test_a_training_run_of_transformers_is_trl_s() -> None:
    assert (line("transformers", method="lora") or "").startswith("trl sft --model_name_or_path some/model ")


@pytest.mark.parametrize(
    ("runtime", "tokens"),
    # vLLM, TensorRT-LLM and ExLlamaV3: pages; LMDeploy: blocks; llama.cpp: padding; MLX: steps by which it grows
    [("vllm", 16), ("tensorrt-llm", 32), ("lmdeploy", 64), ("llama.cpp", 256), ("ollama", 256), ("exllama", 256),
     ("transformers", 1), ("mlx", 256)],
)  # fmt: skip
def test_blocks_of_a_cache(runtime: str, tokens: int) -> None:
    assert runtimes.named(runtime).cache_block == tokens


def test_servers_multiply_8_bit_floats_as_they_are_and_only_vllm_prepares_for_more_on_large_cards() -> None:
    servers = {each.id for each in runtimes.every() if each.is_server}
    assert servers == {each.id for each in runtimes.every() if each.fp8_arithmetic}
    assert servers == {"vllm", "sglang", "tgi", "tensorrt-llm", "lmdeploy"}
    assert [each.id for each in runtimes.every() if each.default_sequences] == ["vllm"]
    # of the card, SGLang's for weights and cache alone; LMDeploy's and TensorRT-LLM's of what is free after the weights
    assert {each.id: each.reservation.fraction for each in runtimes.every() if each.reservation} == {
        "vllm": 0.9, "sglang": 0.88, "tgi": 0.95, "tensorrt-llm": 0.9, "lmdeploy": 0.8,
    }  # fmt: skip
    assert {each.id: each.reservation.of for each in runtimes.every() if each.reservation} == {
        "vllm": "total", "tgi": "total", "sglang": "weights-and-cache", "lmdeploy": "free-after-weights",
        "tensorrt-llm": "free-after-weights",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("mib", "options", "fraction"),
    [
        # its own formula, by hand: 512 + 1.5 x chunk + 128 + graphs
        (16 * 1024, {}, 0.752), (24_564, {}, 0.704), (24_564, {"tensor_parallel": 2}, 0.698), (32_607, {}, 0.777),
        (49_140, {}, 0.853), (81_559, {}, 0.830), (24_564, {"max_batched_tokens": 2048}, 0.829),
    ],
)  # fmt: skip
def test_sglang_computes_its_share_for_each_card(mib: int, options: dict[str, Any], fraction: float) -> None:
    reservation = runtimes.named("sglang").reservation
    assert reservation is not None
    assert reservation.by_card is not None
    assert reservation.by_card(mib * 2**20, Workload(method="inference", **options)) == pytest.approx(
        fraction, abs=0.001
    )


def test_what_llama_cpp_leaves_in_ram_is_computed_there() -> None:
    """And in Ollama, which starts it; accelerate moves such layers to the GPU for every token."""
    assert {each.id for each in runtimes.every() if each.offloads} == {"llama.cpp", "ollama", "transformers"}
    computes = {"llama.cpp", "ollama"}
    assert {each.id for each in runtimes.every() if each.computes_in_ram} == computes
    assert {each.id for each in runtimes.every() if each.counts_gpu_layers} == computes
    assert {each.id for each in runtimes.every() if each.embedding_in_ram} == computes
    alone = {"exllama", "llama.cpp", "ollama", "mlx"}
    assert {each.id for each in runtimes.every() if not each.collectives} == alone
    assert {each.id for each in runtimes.every() if each.dequantises_group} == {"transformers"}
    assert {each.id for each in runtimes.every() if each.pads_mxfp4} == {"vllm"}
    assert {each.id for each in runtimes.every() if not each.gpu_context} == {"mlx"}


@pytest.mark.parametrize(
    ("name", "memory", "sequences"),
    [
        ("NVIDIA H100", 79.6, 1024), ("NVIDIA H100", 70, 1024), ("NVIDIA H100", 69.9, 256), (None, 80, 1024),
        ("NVIDIA A100-SXM4-80GB", 80, 256), ("NVIDIA GB10", 119, 256), ("NVIDIA RTX A5000", None, 256),
    ],
)  # fmt: skip
def test_vllm_prepares_for_more_sequences_on_large_gpus(name: str | None, memory: float | None, sequences: int) -> None:
    """vllm/engine/arg_utils.py: on GPUs of 70 GiB and more, except A100 and GB10."""
    default = runtimes.named("vllm").default_sequences
    assert default is not None
    gpu = Gpu(vendor="nvidia", name=name, memory_total=None if memory is None else round(memory * GIB))
    assert default((gpu,)) == sequences
    assert default((gpu, Gpu(vendor="nvidia", memory_total=24 * GIB))) == 256
    assert default(()) == 256


@pytest.mark.parametrize(
    ("runtime", "options", "found"),
    [
        ("vllm", {"max_batched_tokens": 4096}, "--max-num-batched-tokens 4096"),
        ("vllm", {"speculative": "mtp"}, '--speculative-config {"method": "mtp", "num_speculative_tokens": 1}'),
        ("vllm", {"lora_slots": 2, "lora_rank": 64}, "--max-loras 2 --max-lora-rank 64 --enable-lora"),
        ("vllm", {"cuda_graphs": False, "images": False}, "--enforce-eager --language-model-only"),
        ("vllm", {"prefix_caching": False}, "--no-enable-prefix-caching"),
        ("sglang", {"max_batched_tokens": 2048}, "--chunked-prefill-size 2048"),
        ("sglang", {"speculative": "mtp"}, "--speculative-algorithm NEXTN"),
        ("sglang", {"prefix_caching": False}, "--disable-radix-cache"),
        ("llama.cpp", {"ubatch": 1024, "swa_full": True}, "-ub 1024 -np 1 --swa-full"),
        ("llama.cpp", {"kv_cache": "q8_0", "kv_cache_values": "q4_0"}, "-ctk q8_0 -ctv q4_0"),
        ("llama.cpp", {"batch": 4, "context": 8192, "kv_unified": True}, "-c 8192 -np 4 -kvu"),
        ("llama.cpp", {"batch": 4, "context": 8192}, "-c 32768 -np 4"),
        ("llama.cpp", {"speculative": "mtp", "images": False}, "--spec-type draft-mtp --no-mmproj"),
        ("llama.cpp", {"split_mode": "tensor"}, "-sm tensor"),
    ],
)
def test_options_of_one_runtime_are_in_its_line(runtime: str, options: dict[str, Any], found: str) -> None:
    assert found in (line(runtime, **options) or "")


@pytest.mark.parametrize(
    ("runtime", "options"),
    [
        # the line would have to name the second model's files
        ("vllm", {"speculative": "eagle3"}), ("llama.cpp", {"speculative": "qwen3-0.6b"}),
        # no option for it
        ("tgi", {"max_batched_tokens": 4096}), ("lmdeploy", {"images": False}),
        ("transformers", {"static_cache": True}),
        ("mlx", {"speculative": "qwen3-0.6b"}), ("ollama", {"ubatch": 1024}), ("tensorrt-llm", {"lora_slots": 1}),
    ],
)  # fmt: skip
def test_a_line_that_would_leave_something_out_is_none(runtime: str, options: dict[str, Any]) -> None:
    assert line(runtime, **options) is None
