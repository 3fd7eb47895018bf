"""What a plan has to download: known where caches were read, held against the disk, and preferred where it is there."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from llmcheck import catalog
from llmcheck.api.model_source import known_model
from llmcheck.fit.plans import Candidate, Wishes, downloads, plan_of, plans
from llmcheck.fit.plans.downloads import Names
from llmcheck.fit.use import ModelUse
from llmcheck.schema.architecture import Architecture, TensorGroup
from llmcheck.schema.machine import CachedModel, Disk, Machine, ModelCache
from llmcheck.schema.workload import Workload
from llmcheck.units import GB
from llmcheck.whatif import parse

REPOSITORY = "Qwen/Qwen3-8B"
GGUF = ("unsloth/Qwen3-8B-GGUF",)
FULL = 16_400_000_000
RUNTIMES = ("vllm", "llama.cpp", "ollama")


def model(name: str = REPOSITORY) -> Architecture:
    found = known_model(name)
    assert found is not None
    return found


def machine(words: str = "2x RTX 4090, 64 GB RAM", free: int | None = 800 * GB, *cached: CachedModel) -> Machine:
    """A real machine on which these models are in the hub's cache."""
    return with_caches(parse.machine(words, catalog.gpu_specs()).machine, free, huggingface=cached)


def with_caches(of: Machine, free: int | None, **cached: tuple[CachedModel, ...]) -> Machine:
    caches = tuple(
        ModelCache(program=name.replace("_", "."), path=f"/data/{name}", free=free, models=models)
        for name, models in cached.items()
    )
    return replace(of, hypothetical=False, model_caches=caches)


def here(name: str, kind: str | None, size: int) -> CachedModel:
    return CachedModel(repository=name, format=kind, bytes=size)


def found(where: Machine, *, names: Names | None = None, **work: Any) -> tuple[Candidate, ...]:
    workload = Workload(method="inference", **work)
    return plans(ModelUse(model(), workload), where, Wishes(names=names))


def test_weights_that_are_not_there_are_downloaded_whole() -> None:
    plan = plan_of(found(machine(), runtime="vllm")[0], (REPOSITORY,))
    assert plan.download_bytes == plan.file_bytes == pytest.approx(FULL, rel=0.01)
    assert (plan.cached, plan.download_folder, plan.download_free_bytes) == (None, "/data/huggingface", 800 * GB)
    assert plan.download_short_bytes == 0


def test_weights_in_the_hubs_cache_are_not_downloaded_again() -> None:
    where = machine("RTX 4090", 5 * GB, here(REPOSITORY, "safetensors", FULL))
    plan = plan_of(found(where, runtime="vllm")[0], (REPOSITORY,))
    assert (plan.download_bytes, plan.cached, plan.download_short_bytes) == (0, "huggingface", None)


@pytest.mark.parametrize(
    "other",
    [
        here(REPOSITORY, "safetensors", FULL // 2),
        here("Qwen/Qwen3-8B-Base", "safetensors", FULL),
        here("somebody/Qwen3-8B", "safetensors", FULL),
        here(REPOSITORY, "q8_0", FULL),
    ],
)
def test_files_of_another_model_or_a_part_of_one_do_not_count(other: CachedModel) -> None:
    plan = plan_of(found(machine("RTX 4090", 800 * GB, other), runtime="vllm")[0], (REPOSITORY,))
    assert plan.download_bytes == pytest.approx(FULL, rel=0.01)


def test_a_runtime_that_quantises_while_it_loads_takes_the_published_weights() -> None:
    where = machine("RTX 4090", 800 * GB, here(REPOSITORY, "safetensors", FULL))
    for runtime, weights in (("transformers", "nf4-dq"), ("transformers", "int8"), ("vllm", "fp8")):
        plan = plan_of(found(where, runtime=runtime, weights=weights)[0], (REPOSITORY,))
        assert (plan.download_bytes, plan.file_bytes) == (0, FULL)
        assert plan.launch is not None
        assert "--quantization" in plan.launch


def test_a_quantised_copy_that_was_downloaded_is_what_is_started() -> None:
    without = plan_of(found(machine(), runtime="vllm", weights="awq")[0], (REPOSITORY,))
    assert without.launch is None
    assert without.download_bytes
    where = machine("RTX 4090", 800 * GB, here("Qwen/Qwen3-8B-AWQ", "safetensors", 6_100_000_000))
    plan = plan_of(found(where, runtime="vllm", weights="awq")[0], (REPOSITORY,))
    assert plan.launch is not None
    assert plan.launch[2] == "Qwen/Qwen3-8B-AWQ"


@pytest.mark.parametrize("repository", ["unsloth/Qwen3-8B-GGUF", "bartowski/Qwen_Qwen3-8B-GGUF", "Qwen/Qwen3-8B-GGUF"])
def test_a_gguf_file_of_the_model_is_found_under_the_names_that_people_give_it(repository: str) -> None:
    where = machine("RTX 4090", 800 * GB, here(repository, "q8_0", 8_710_000_000))
    plan = plan_of(found(where, runtime="llama.cpp", weights="q8_0")[0], (REPOSITORY,))
    assert (plan.download_bytes, plan.cached) == (0, "huggingface")
    assert plan.launch is not None
    assert plan.launch[:3] == ("llama-server", "-hf", f"{repository}:Q8_0")


def test_of_several_copies_the_listed_one_is_started() -> None:
    copies = [here(name, "q8_0", 8_710_000_000) for name in ("a/Qwen3-8B-GGUF", *GGUF)]
    where = machine("RTX 4090", 800 * GB, *copies)
    candidate = found(where, runtime="llama.cpp", weights="q8_0", names=Names(gguf=GGUF))[0]
    plan = plan_of(candidate, (REPOSITORY,), GGUF)
    assert plan.launch is not None
    assert plan.launch[2] == f"{GGUF[0]}:Q8_0"


def test_llama_cpp_is_never_given_a_repository_without_gguf_files() -> None:
    for candidate in found(machine("RTX 3060, 64 GB RAM"), runtime="llama.cpp"):
        assert plan_of(candidate, (REPOSITORY,)).launch is None
        line = plan_of(candidate, (REPOSITORY,), GGUF).launch
        assert line is not None
        assert line[2] == f"{GGUF[0]}:{candidate.use.weight_format.name.upper()}"


def test_ollama_loads_what_it_downloaded_by_its_own_name() -> None:
    base = parse.machine("RTX 4090", catalog.gpu_specs()).machine
    where = with_caches(base, 800 * GB, huggingface=(), ollama=(here("qwen3:8b", "q4_k_m", 5_200_000_000),))
    names = Names(gguf=GGUF, ollama="qwen3:8b")
    candidate = found(where, runtime="ollama", weights="q4_k_m", names=names)[0]
    plan = plan_of(candidate, (REPOSITORY,))
    assert (plan.cached, plan.launch) == ("ollama", ("ollama", "run", "qwen3:8b"))
    other = plan_of(found(where, runtime="ollama", weights="q8_0", names=names)[0], (REPOSITORY,))
    assert other.launch == ("ollama", "run", "hf.co/unsloth/Qwen3-8B-GGUF:Q8_0")
    assert other.download_folder == "/data/ollama"


def test_ollama_is_not_told_of_the_hubs_cache() -> None:
    where = machine("RTX 4090", 800 * GB, here(GGUF[0], "q4_k_m", 5_200_000_000))
    plan = plan_of(found(where, runtime="ollama", weights="q4_k_m")[0], (REPOSITORY,))
    assert plan.cached is None
    assert plan.download_bytes


def of_file(source: str, name: str) -> ModelUse:
    """A model whose tensors were read in a file with weights in Q4_K."""
    groups = (
        TensorGroup(part="embedding", layer=None, type="Q4_K", elements=622_000_000, bytes=350_000_000),
        TensorGroup(part="layer", layer=0, type="Q4_K", elements=7_500_000_000, bytes=4_200_000_000),
    )
    shapes = replace(model(), name=name, source=source, dtype="q4_k_m", tensors=groups, file_size=4_550_000_000)
    return ModelUse(shapes, Workload(method="inference", runtime="llama.cpp"))


def test_a_file_that_was_named_is_started_by_its_path() -> None:
    use = of_file("/models/a model.gguf", "Qwen3 8B")
    plan = plan_of(plans(use, machine("RTX 4090, 64 GB RAM"))[0], ("/models/a model.gguf",))
    assert (plan.download_bytes, plan.cached) == (0, "file")
    assert plan.launch is not None
    assert plan.launch[:3] == ("llama-server", "-m", "/models/a model.gguf")


def test_a_repository_of_gguf_files_in_the_cache_is_started_by_its_name() -> None:
    use = of_file("some/Qwen3-8B-GGUF in the Hugging Face cache, revision abc", "some/Qwen3-8B-GGUF")
    plan = plan_of(plans(use, machine("RTX 4090, 64 GB RAM"))[0], ("some/Qwen3-8B-GGUF",))
    assert plan.download_bytes == 0
    assert plan.launch is not None
    assert plan.launch[:3] == ("llama-server", "-hf", "some/Qwen3-8B-GGUF:Q4_K_M")


# --- what is not known ---


def test_caches_that_were_not_looked_for_leave_the_download_unknown() -> None:
    where = replace(machine(), model_caches=None, disks=(Disk(role="models", path="/data", free=900 * GB),))
    plan = plan_of(found(where, runtime="vllm")[0], (REPOSITORY,))
    assert (plan.download_bytes, plan.download_unknown) == (None, "cache-not-read")
    assert plan.file_bytes == pytest.approx(FULL, rel=0.01)
    assert plan.download_free_bytes == 900 * GB


@pytest.mark.parametrize("fields", [{"models": None}, {"models": (), "truncated": True}])
def test_a_cache_that_was_not_read_to_the_end_leaves_the_download_unknown(fields: dict[str, Any]) -> None:
    where = replace(machine(), model_caches=(ModelCache(program="huggingface", path="/data", **fields),))
    plan = plan_of(found(where, runtime="vllm")[0], (REPOSITORY,))
    assert (plan.download_bytes, plan.download_unknown) == (None, "cache-not-read")


def test_free_space_that_is_not_known_is_not_taken_for_too_little() -> None:
    best = found(machine("2x RTX 4090, 64 GB RAM", None))[0]
    assert best == replace(found(machine())[0], storage=best.storage, download=best.download)
    assert plan_of(best, (REPOSITORY,)).download_short_bytes is None


def test_the_disk_of_models_takes_downloads_of_runtimes_that_use_the_hubs_cache() -> None:
    """The hub's cache itself does not exist yet; Ollama has a folder of its own, whose disk is unknown."""
    where = with_caches(machine(), None, ollama=())
    where = replace(where, disks=(Disk(role="models", path="/data", free=900 * GB),))
    free = {name: plan_of(found(where, runtime=name)[0], (REPOSITORY,)).download_free_bytes for name in RUNTIMES}
    assert free == {"vllm": 900 * GB, "llama.cpp": 900 * GB, "ollama": None}


def test_nothing_was_downloaded_to_a_machine_that_is_only_described() -> None:
    where = parse.machine("RTX 4090, 64 GB RAM, 10 GB disk", catalog.gpu_specs()).machine
    plan = plan_of(found(where, runtime="vllm", weights="bf16")[0], (REPOSITORY,))
    assert plan.download_bytes == pytest.approx(FULL, rel=0.01)
    assert plan.download_short_bytes == pytest.approx(FULL - 10 * GB, rel=0.02)


# --- the order ---


def test_a_download_that_does_not_fit_the_disk_comes_after_those_that_fit() -> None:
    with_space, without = found(machine("RTX 4090, 64 GB RAM")), found(machine("RTX 4090, 64 GB RAM", 10 * GB))
    assert with_space[0].use.weight_format.name == "bf16"
    assert without[0].use.weight_format.name == "q8_0"
    short = [bool(each.download.short) for each in without if each.download]
    assert short == sorted(short)
    assert any(short)


def test_the_search_goes_on_to_smaller_formats_where_the_disk_is_too_small() -> None:
    where = machine("RTX 4090, 64 GB RAM", 6 * GB)
    best = found(where, runtime="llama.cpp")[0]
    assert best.download is not None
    assert best.download.short == 0
    assert best.use.weight_format.bits < 6


def test_of_equal_ways_the_downloaded_one_comes_first() -> None:
    plain = found(machine("RTX 4090, 64 GB RAM"))
    finest = [each for each in plain if each.use.weight_format.name == "bf16"]
    first, other = finest[0].use.runtime.id, "llama.cpp"
    assert first != other
    where = machine("RTX 4090, 64 GB RAM", 800 * GB, here(GGUF[0], "bf16", FULL))
    assert found(where)[0].use.runtime.id == other


def test_a_format_that_was_downloaded_is_tried_though_a_finer_one_fits() -> None:
    where = machine("RTX 4090, 64 GB RAM", 800 * GB, here(GGUF[0], "q4_k_m", 5_020_000_000))
    names = [each.use.weight_format.name for each in found(where, runtime="llama.cpp")]
    assert names == ["bf16", "q4_k_m"]


def test_storage_of_a_machine_is_found_by_name() -> None:
    where = machine("RTX 4090", 800 * GB, here("bartowski/Qwen_Qwen3-8B-GGUF", "q8_0", 5))
    stored = downloads.storage(where)
    assert set(stored.by_name) == {"qwen_qwen3-8b", "qwen3-8b"}
    assert downloads.anything_of(REPOSITORY, Names(), stored)
    assert not downloads.anything_of("Qwen/Qwen3-14B", Names(), stored)
    alone = downloads.storage(machine("RTX 4090", 800 * GB, here("gpt2", "safetensors", 5)))
    assert downloads.anything_of("gpt2", Names(), alone)
