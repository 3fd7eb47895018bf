"""Every runtime is complete: its example fits and is started by its line, and its formats exist."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from llmcheck import catalog, registry, runtimes
from llmcheck.api.model_source import known_model
from llmcheck.errors import UsageError
from llmcheck.fit import validation
from llmcheck.fit.answer import answer
from llmcheck.fit.obstacles import obstacle
from llmcheck.fit.shapes import formats, weights
from llmcheck.gpus import vendors
from llmcheck.runtimes import LaunchLine, Runtime
from llmcheck.schema.machine import Gpu, Machine, Os, Ram
from llmcheck.schema.workload import Workload
from llmcheck.units import GIB

MODEL = known_model("qwen3-8b") or known_model("llama-3.1-8b")
EVERY = pytest.mark.parametrize("runtime", runtimes.every(), ids=lambda each: each.id)


def machine_for(runtime: Runtime) -> Machine:
    """A machine on which it runs: two GPUs of its first vendor with the architecture that it needs."""
    platform = runtime.platforms[0] if runtime.platforms else None
    least = platform.min_compute_capability if platform is not None else None
    card = Gpu(
        vendor="nvidia" if platform is None else platform.vendor,
        name="card",
        memory_total=80 * GIB,
        memory_free=80 * GIB,
        compute_capability=f"{least[0]}.{least[1]}" if least else None,
        gfx=platform.gfx[0] if platform is not None and platform.gfx else None,
    )
    system = Os(system=runtime.systems[0], architecture="x86_64") if runtime.systems else None
    return Machine(hypothetical=True, gpus=(card, card), os=system, ram=Ram(total=64 * GIB, available=64 * GIB))


def test_the_list_of_runtimes() -> None:
    assert runtimes.ids() == (
        "exllama", "litgpt", "llama.cpp", "lmdeploy", "mlx", "ollama", "sglang", "tensorrt-llm", "tgi", "torchtitan",
        "torchtune", "transformers", "vllm",
    )  # fmt: skip


def test_the_default_runtimes_exist() -> None:
    assert {runtimes.DEFAULT, runtimes.LEAST_MEMORY} <= set(runtimes.ids())
    assert runtimes.named(None).id == runtimes.DEFAULT


@EVERY
def test_an_id_finds_its_file(runtime: Runtime) -> None:
    assert runtimes.named(runtime.id) is runtime
    with pytest.raises(UsageError, match="there is no runtime"):
        runtimes.named(f"{runtime.id}x")


@EVERY
def test_its_facts_have_a_source_and_a_date(runtime: Runtime) -> None:
    assert runtime.version
    assert runtime.source
    assert len(runtime.as_of) == len("2026-11-27")
    assert {each.vendor for each in runtime.platforms} <= set(vendors.ids())


@EVERY
def test_its_ladder_has_formats_that_it_reads_in_falling_size(runtime: Runtime) -> None:
    assert MODEL is not None
    assert runtime.four_bits in runtime.ladder
    assert set(runtime.common_ladder) <= set(runtime.ladder)
    forms = [formats.weights(name) for name in runtime.ladder]
    assert {form.family for form in forms} <= set(runtime.families)
    sizes = [weights.stored(MODEL, form).total for form in forms]
    assert sizes == sorted(sizes, reverse=True)
    caches = [formats.cache_bits(name) for name in runtime.cache_ladder]
    assert caches == sorted(caches, reverse=True)
    assert runtime.native_family is None or runtime.native_family in runtime.families
    assert (runtime.sequences_option is not None) == runtime.is_server


@EVERY
def test_its_example_fits_on_one_of_its_platforms(runtime: Runtime) -> None:
    assert MODEL is not None
    workload, machine = runtime.example.launch.workload, machine_for(runtime)
    assert workload.runtime == runtime.id
    assert obstacle(runtime, machine.gpus, machine.os.system if machine.os else None) is None
    assert validation.validated(workload) == workload
    validation.check_machine(workload, machine)
    found = answer(MODEL, workload, machine)
    assert found.verdict == "fits"
    assert found.workload.runtime == runtime.id
    assert found.memory.low <= found.memory.total <= found.memory.high
    assert found.memory.weights > 0
    assert (found.memory.kv_cache > 0) == (workload.method == "inference")
    if runtime.is_server:
        assert found.placement is not None
        assert found.placement.kv_tokens is not None
        assert found.placement.kv_tokens >= (workload.context or 1)


@EVERY
def test_its_launch_line_is_that_of_its_example(runtime: Runtime) -> None:
    assert runtime.launch(runtime.example.launch) == runtime.example.line
    assert runtime.example.line.valid_for.endswith(f" {runtime.version}")


@EVERY
def test_each_cache_format_changes_its_launch_line(runtime: Runtime) -> None:
    """A line that leaves out a quantised cache starts a server that needs more memory than was estimated."""
    launch = runtime.example.launch

    def line(cache: str | None) -> LaunchLine | None:
        return runtime.launch(replace(launch, workload=replace(launch.workload, kv_cache=cache)))

    assert set(runtime.cache_ladder) <= set(runtime.cache_formats)
    assert {"bf16", "fp16"} <= set(runtime.cache_formats) <= set(formats.CACHE_NAMES)
    if launch.workload.method == "inference":
        for name in runtime.cache_formats:
            same = formats.cache_bits(name) == 16
            assert (line(name) == line(None)) == same or line(name) is None


@EVERY
def test_tensor_and_pipeline_parallelism_use_all_gpus_in_its_launch_line(runtime: Runtime) -> None:
    if not runtime.tensor_parallel:
        return
    launch = replace(runtime.example.launch, gpus=8)
    whole = runtime.launch(launch)
    staged = runtime.launch(replace(launch, workload=replace(launch.workload, pipeline_parallel=2)))
    assert whole is not None
    assert "8" in whole.argv
    # half the GPUs in each of two stages, or no line where the runtime has no stages
    assert staged is None or ("8" not in staged.argv and {"4", "2"} <= set(staged.argv))


@EVERY
def test_a_machine_that_it_does_not_run_on_is_an_obstacle(runtime: Runtime) -> None:
    stranger = Gpu(vendor="nobody", name="card")
    found = obstacle(runtime, (stranger,), None)
    assert (found is None) == (not runtime.platforms)
    assert found is None or found.code == "vendor"
    # what is not known of a machine forbids nothing
    assert obstacle(runtime, None, None) is None
    for platform in runtime.platforms:
        assert obstacle(runtime, (Gpu(vendor=platform.vendor, name="card"),), None) is None
        if platform.min_compute_capability is not None:
            old = Gpu(vendor=platform.vendor, name="card", compute_capability="3.0")
            refused = obstacle(runtime, (old,), None)
            assert refused is not None
            assert refused.code == "compute-capability"
            # one card that it runs on is enough
            assert obstacle(runtime, (old, Gpu(vendor=platform.vendor, compute_capability="12.0")), None) is None
    if runtime.systems:
        wrong = obstacle(runtime, (), "plan9")
        assert wrong is not None
        assert wrong.code == "system"


@EVERY
def test_it_trains_or_training_is_refused(runtime: Runtime) -> None:
    training = Workload(method="lora", runtime=runtime.id)
    if runtime.training is not None:
        assert validation.validated(training) == training
        assert runtime.training((99, 0)).loss_bytes > 0
    else:
        with pytest.raises(UsageError, match="does not train"):
            validation.validated(training)


@EVERY
def test_its_rates_are_fractions_of_the_published_ones(runtime: Runtime) -> None:
    for spec in catalog.gpu_specs()[:40]:
        pace = runtime.pace([Gpu(vendor=spec.vendor, name=spec.spec.name)])
        assert 0 < pace.bandwidth_share.low <= pace.bandwidth_share.expected <= pace.bandwidth_share.high <= 1
        assert pace.layer_overhead.low >= pace.layer_overhead.expected >= pace.layer_overhead.high > 0
        assert 0 < pace.flops_share.low <= pace.flops_share.expected <= pace.flops_share.high


def test_a_family_is_native_to_one_runtime_at_most() -> None:
    own = [each.native_family for each in runtimes.every() if each.native_family is not None]
    assert len(own) == len(set(own))


def test_no_module_outside_compares_the_name_of_a_runtime() -> None:
    """Only ``runtimes.DEFAULT`` and ``runtimes.LEAST_MEMORY`` name one."""
    package = Path(str(sys.modules["llmcheck"].__file__)).parent
    quoted = [f'{sign} "{each.id}"' for each in runtimes.every() for sign in ("==", "!=")]
    found = [
        (path.name, line.strip())
        for path in package.rglob("*.py")
        if "runtimes" not in path.parts
        for line in path.read_text().splitlines()
        if any(each in line for each in quoted)
    ]
    assert found == []


def test_a_new_file_is_a_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of a runtime under another name is found, and passes the tests above."""
    folder = Path(str(runtimes.__file__)).parent
    text = (folder / "vllm.py").read_text().replace('"vllm"', '"brand-new"')
    (tmp_path / "brand_new.py").write_text(text.replace('("brand-new", "serve"', '("vllm", "serve"'))
    monkeypatch.setattr(runtimes, "__path__", [*runtimes.__path__, str(tmp_path)])
    caches = (registry.names, runtimes.every, runtimes.named)
    for cached in caches:
        cached.cache_clear()
    try:
        assert "brand-new" in runtimes.ids()
        new = runtimes.named("brand-new")
        test_an_id_finds_its_file(new)
        test_its_ladder_has_formats_that_it_reads_in_falling_size(new)
        test_its_example_fits_on_one_of_its_platforms(new)
        test_a_machine_that_it_does_not_run_on_is_an_obstacle(new)
        test_it_trains_or_training_is_refused(new)
    finally:
        monkeypatch.undo()
        for cached in caches:
            cached.cache_clear()
        sys.modules.pop("llmcheck.runtimes.brand_new", None)
