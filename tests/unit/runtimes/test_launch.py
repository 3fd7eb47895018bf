"""Given a use, the line has these options and not those."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from llmcheck import runtimes
from llmcheck.runtimes import Launch, LaunchLine
from llmcheck.schema.workload import Workload
from llmcheck.units import GIB


def line(runtime: str, work: dict[str, Any] | None = None, **fields: Any) -> LaunchLine | None:
    workload = Workload(**{"method": "inference", "runtime": runtime, **(work or {})})
    return runtimes.named(runtime).launch(replace(Launch(model="org/name", workload=workload), **fields))


def has(found: LaunchLine | None, *words: str) -> bool:
    """These words follow each other in the line."""
    assert found is not None
    return f" {' '.join(words)} " in f" {' '.join(found.argv)} "


def test_llama_cpp_downloads_a_repository_and_reads_a_file() -> None:
    assert has(line("llama.cpp", quantisation="Q4_K_M"), "-hf", "org/name:Q4_K_M")
    assert has(line("llama.cpp"), "-hf", "org/name", "-np")
    assert has(line("llama.cpp", model="a b.gguf", is_path=True), "-m", "a b.gguf")


def test_llama_cpp_places_layers_experts_and_cards() -> None:
    found = line("llama.cpp", gpu_layers=36, expert_layers_in_ram=20, tensor_split=(3, 1.25), gpus=2)
    assert has(found, "-ngl", "36", "--n-cpu-moe", "20", "-sm", "layer", "-ts", "3,1.25")
    assert not has(line("llama.cpp"), "-ngl")
    assert has(line("llama.cpp", gpus=0), "-dev", "none")


def test_the_context_of_llama_cpp_is_that_of_all_its_slots() -> None:
    assert has(line("llama.cpp", {"context": 8192, "batch": 4}), "-c", "32768", "-np", "4")


@pytest.mark.parametrize(("mapped", "mode"), [(True, "mmap"), (False, "none")])
def test_llama_cpp_names_how_a_file_is_loaded(mapped: bool, mode: str) -> None:
    assert has(line("llama.cpp", memory_map=mapped), "-lm", mode)


@pytest.mark.parametrize("name", ["llama.cpp", "ollama", "vllm", "sglang", "tgi", "mlx", "lmdeploy", "transformers"])
def test_a_cache_that_it_cannot_keep_has_no_line(name: str) -> None:
    assert line(name, {"kv_cache": "bf16"}) is not None
    assert line(name, {"kv_cache": "another"}) is None


@pytest.mark.parametrize("name", ["vllm", "sglang", "tgi", "tensorrt-llm", "lmdeploy", "mlx", "transformers"])
def test_a_server_answers_and_takes_no_tag(name: str) -> None:
    assert line(name) is not None
    assert line(name, quantisation="Q4_K_M") is None
    assert name == "transformers" or line(name, {"method": "lora"}) is None


def test_ollama_has_its_settings_from_its_server() -> None:
    found = line("ollama", {"context": 8192, "kv_cache": "q8_0", "batch": 2}, gpus=2, quantisation="Q4_K_M")
    assert found is not None
    assert found.argv == ("ollama", "run", "hf.co/org/name:Q4_K_M")
    assert found.service == ("ollama", "serve")
    assert found.environment == {
        "OLLAMA_CONTEXT_LENGTH": "8192", "OLLAMA_KV_CACHE_TYPE": "q8_0", "OLLAMA_FLASH_ATTENTION": "1",
        "OLLAMA_NUM_PARALLEL": "2", "OLLAMA_SCHED_SPREAD": "1",
    }  # fmt: skip
    assert line("ollama", is_path=True) is None


@pytest.mark.parametrize(
    ("name", "variable", "option"),
    [
        ("vllm", "VLLM_PP_LAYER_PARTITION", "--pipeline-parallel-size"),
        ("sglang", "SGLANG_PP_LAYER_PARTITION", "--pp-size"),
    ],
)
def test_uneven_stages_are_a_variable(name: str, variable: str, option: str) -> None:
    found = line(name, {"pipeline_parallel": 2}, gpus=2, stage_layers=(20, 12))
    assert found is not None
    assert found.environment == {variable: "20,12"}
    assert has(found, option, "2")
    even = line(name, {"pipeline_parallel": 2}, gpus=4)
    assert even is not None
    assert even.environment == {}
    assert has(even, "2", option, "2")


def test_vllm_keeps_experts_in_ram_and_quantises_while_loading() -> None:
    found = line(
        "vllm", {"weights": "fp8"}, offloaded_bytes=9 * GIB + 1, expert_layers_in_ram=4, quantises_on_load=True
    )
    assert has(found, "--cpu-offload-gb", "10", "--cpu-offload-params", "experts")
    assert has(found, "--quantization", "fp8")
    assert not has(line("vllm", {"weights": "fp8"}), "--quantization")


def test_sglang_quantises_only_to_8_bits_while_loading() -> None:
    assert has(line("sglang", {"weights": "fp8"}, quantises_on_load=True), "--quantization", "fp8")
    for weights in ("bf16", "awq"):
        found = line("sglang", {"weights": weights}, quantises_on_load=True)
        assert found is not None
        assert "--quantization" not in found.argv


def test_a_pipeline_longer_than_its_gpus_has_one_gpu_for_each_matrix() -> None:
    work = Workload(method="inference", pipeline_parallel=2)
    assert [Launch(model="m", workload=work, gpus=gpus).tensor_parallel for gpus in (1, 2, 4)] == [1, 1, 2]


def test_a_trainer_names_the_optimizers_that_it_has_and_refuses_others() -> None:
    assert has(train("full", runtime="litgpt", optimizer="adamw"), "--optimizer", "AdamW")
    assert train("full", runtime="litgpt", optimizer="paged-adamw") is None
    assert line("litgpt", {"method": "lora"}, dataset="some/data") is None
    assert line("litgpt", {"method": "lora"}) is not None


def test_fsdp_moves_weights_to_ram_only_on_request() -> None:
    assert has(train("full", 2, sharding="fsdp", offload="all"), "--fsdp_offload_params", "true")
    plain = train("full", 2, sharding="fsdp")
    assert plain is not None
    assert "--fsdp_offload_params" not in plain.argv


def test_accelerate_starts_one_process_at_least() -> None:
    assert has(train("full", 0, sharding="zero3", offload="all"), "--num_processes", "1")
    assert has(train("full", 4, sharding="zero3"), "--num_processes", "4")


def test_what_a_server_has_no_option_for_has_no_line() -> None:
    assert line("sglang", expert_layers_in_ram=3) is None
    assert line("tensorrt-llm", {"kv_cache": "fp8"}) is None
    assert line("lmdeploy", {"pipeline_parallel": 2}, gpus=2) is None
    assert line("tgi", offloaded_bytes=GIB) is None
    assert line("mlx", gpus=2) is None
    assert line("exllama") is None


def test_tgi_mounts_a_folder_and_names_a_volume_for_downloads() -> None:
    assert has(line("tgi", model="/m/x", is_path=True), "-v", "/m/x:/model")
    assert has(line("tgi", model="x", is_path=True), "-v", "./x:/model")
    assert has(line("tgi"), "-v", "tgi-models:/data")


def test_mlx_quantises_the_cache_from_the_first_token() -> None:
    assert has(line("mlx", {"kv_cache": "int4"}), "--kv-bits", "4", "--quantized-kv-start", "0")


def test_transformers_shares_out_layers_only_where_they_are_shared() -> None:
    assert has(line("transformers"), "--device", "cuda:0")
    assert has(line("transformers", gpus=2), "--device", "auto")
    assert has(line("transformers", offloaded_bytes=1), "--device", "auto")
    assert has(line("transformers", gpus=0), "--device", "cpu")


def train(method: str = "lora", gpus: int = 1, runtime: str = "transformers", **work: Any) -> LaunchLine | None:
    return line(runtime, {"method": method, "context": 2048, **work}, gpus=gpus)


def test_one_gpu_is_trained_on_by_trl_alone() -> None:
    found = train("qlora", lora_rank=16, lora_targets="all-linear", chunked_loss=True, optimizer="paged-adamw-8bit")
    assert found is not None
    assert found.argv[:2] == ("trl", "sft")
    assert found.valid_for.startswith("trl ")
    assert has(found, "--max_length", "2048", "--optim", "paged_adamw_8bit", "--loss_type", "chunked_nll")
    assert has(found, "--lora_r", "16", "--load_in_4bit", "true", "--use_bnb_nested_quant", "true")
    assert has(found, "--lora_target_modules", "all-linear")
    assert not has(train("full"), "--use_peft")


def test_sharding_is_accelerates() -> None:
    assert has(train("full", 2), "--multi_gpu", "-m", "trl.scripts.sft")
    assert has(train("full", 4, sharding="fsdp"), "--num_processes", "4")
    assert has(train("full", 4, sharding="fsdp"), "--use_fsdp", "--fsdp_version", "2")
    assert has(train("full", 2, sharding="fsdp1"), "--fsdp_version", "1")
    zero = train("full", 2, sharding="zero3", offload="all")
    assert has(zero, "--zero_stage", "3", "--offload_optimizer_device", "cpu", "--offload_param_device", "cpu")
    assert train("full", 2, sharding="zero2", offload="all") is None
    assert train("full", 2, sharding="fsdp", offload="optimizer") is None
    assert train("full", offload="optimizer") is None


def test_activations_are_recomputed_by_one_of_them_only() -> None:
    alone = train("full", checkpointing=True)
    sharded = train("full", 2, sharding="fsdp", checkpointing=True)
    assert has(alone, "--gradient_checkpointing", "true")
    assert has(sharded, "--fsdp_activation_checkpointing", "true")
    assert has(sharded, "--gradient_checkpointing", "false")
    assert has(train("full", checkpointing=False), "--gradient_checkpointing", "false")
    assert train("full", checkpointing="selective") is None


@pytest.mark.parametrize(
    ("precision", "words"),
    [("bf16", "--dtype bfloat16"), ("mixed", "--dtype float32"), ("fp32", "--dtype float32 --bf16 false")],
)
def test_a_model_is_loaded_in_the_numbers_that_are_meant(precision: str, words: str) -> None:
    assert has(train("full", precision=precision), *words.split())


def test_torchtune_and_litgpt_take_what_their_keys_say() -> None:
    tune = train("lora", 2, "torchtune", lora_rank=8, offload="all", optimizer="adamw-8bit")
    assert has(tune, "--nproc_per_node", "2", "lora_finetune_distributed")
    assert has(tune, "model.lora_rank=8", "optimizer._component_=bitsandbytes.optim.AdamW8bit", "fsdp_cpu_offload=True")
    assert train("lora", 1, "torchtune", offload="all") is None
    assert train("full", 1, "torchtune", precision="mixed") is None
    assert has(train("qlora", 1, "litgpt", lora_rank=8), "--quantize", "bnb.nf4-dq")
    assert has(train("lora", 2, "litgpt", lora_rank=8), "--devices", "2")
    assert train("qlora", 2, "litgpt") is None
    assert not has(train("full", 1, "litgpt", lora_rank=8), "--lora_r")
    assert train("lora", 2, "litgpt", sharding="zero3") is None


def test_only_torchtitan_pre_trains() -> None:
    trainers = [each.id for each in runtimes.every() if each.trains and each.id != "torchtitan"]
    assert all(train("pretrain", 1, each) is None for each in trainers)
    launch = runtimes.named("torchtitan").example.launch
    work = replace(launch.workload, method="pretrain", tensor_parallel=4, context_parallel=2)
    line = runtimes.named("torchtitan").launch(replace(launch, gpus=8, workload=work))
    assert has(line, "--nproc_per_node", "8")
    assert has(line, "--parallelism.tensor_parallel_degree", "4", "--parallelism.context_parallel_degree", "2")
