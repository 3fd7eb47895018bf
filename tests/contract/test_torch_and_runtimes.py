"""One answer on what runs on a GPU: the planner, the build of PyTorch and the installation plan do not contradict."""

from __future__ import annotations

import functools

import pytest
from msgspec.structs import replace

from llmcheck import api, catalog, runtimes
from llmcheck.api.model_source import ModelSource
from llmcheck.fit.installed import installed
from llmcheck.fit.obstacles import has_build, obstacle
from llmcheck.gpus import vendors
from llmcheck.probe import software
from llmcheck.runtimes import Runtime
from llmcheck.runtimes.behaviour.torch_platforms import ROCM
from llmcheck.schema.machine import Driver, Gpu, Machine, Os, Package, Ram, Software, Tool
from llmcheck.schema.workload import Method, Workload
from llmcheck.units import GB, GIB

EVERY = pytest.mark.parametrize("runtime", runtimes.every(), ids=lambda each: each.id)


def of(gpu: Gpu, system: str = "linux", architecture: str = "x86_64") -> Machine:
    return Machine(
        hypothetical=True,
        gpus=(replace(gpu, memory_total=64 * GIB, memory_free=64 * GIB),),
        os=Os(system=system, architecture=architecture),
        ram=Ram(total=256 * GB, available=250 * GB, usable=256 * GB),
    )


@functools.cache
def machines() -> dict[str, Machine]:
    """Every card of the table, and cards and systems for which PyTorch has no build."""
    found: dict[str, Machine] = {}
    for row in catalog.gpu_specs():
        vendor = vendors.named(row.vendor)
        gpu = Gpu(
            vendor=row.vendor,
            name=row.spec.name,
            compute_capability=row.capability if vendor.has_compute_capability else None,
            gfx=row.capability if vendor.architecture_field == "gfx" else None,
        )
        system, architecture = vendor.system or ("linux", row.host_architecture or "x86_64")
        found[row.spec.name] = of(gpu, system, architecture)
    xavier = Gpu(vendor="nvidia", name="NVIDIA Xavier (nvgpu)", compute_capability="7.2")
    found["Jetson Xavier"] = of(xavier, architecture="aarch64")
    found["AMD gfx803"] = of(Gpu(vendor="amd", name="RX 580", gfx="gfx803"))
    found["AMD gfx1032"] = of(Gpu(vendor="amd", name="RX 6600", gfx="gfx1032"))
    found["AMD on Windows"] = of(Gpu(vendor="amd", name="RX 7900 XTX", gfx="gfx1100"), "windows")
    found["Intel on Windows"] = of(Gpu(vendor="intel", name="Arc B580"), "windows")
    found["AMD in a Mac with Intel's processor"] = of(Gpu(vendor="amd", name="Radeon Pro 580X"), "darwin")
    found["an unknown vendor"] = of(Gpu(vendor="newcomer", name="N1"))
    return found


@pytest.mark.parametrize("name", machines())
def test_what_computes_with_pytorch_runs_where_pytorch_has_a_build(name: str) -> None:
    machine = machines()[name]
    (gpu,) = machine.gpus or ()
    vendor, system = vendors.of(gpu), machine.os.system if machine.os else None
    build = api.torch_index(lambda: machine)
    on_gpu = build.none is None and build.tag != "cpu"
    for runtime in (each for each in runtimes.every() if each.torch):
        if obstacle(runtime, (gpu,), system) is None and has_build(runtime, gpu, system):
            # the build of PyTorch is one that an index has, or that the card's maker has
            assert on_gpu or (vendor.torch_from is not None and vendor.torch_from in (build.none or "")), runtime.id
    if on_gpu and build.tag != "mps":
        assert obstacle(runtimes.named("transformers"), (gpu,), system) is None


@pytest.mark.parametrize("name", machines())
def test_what_fit_proposes_and_the_plan_leaves_out_have_one_reason(name: str) -> None:
    machine = machines()[name]
    (gpu,) = machine.gpus or ()
    found = api.fit(ModelSource(model="7B"), Workload(method="inference", context=4096), lambda: machine)
    assert found.plans, found.reason
    build = api.torch_index(lambda: machine)
    for plan in found.plans:
        runtime = runtimes.named(plan.runtime)
        if plan.gpus == 0:
            continue
        assert has_build(runtime, gpu, machine.os.system if machine.os else None)
        if runtime.library is None:
            continue
        left_out = {each.library: each.reason for each in api.install_plan([runtime.library], lambda: machine).left_out}
        if plan.build is not None:
            assert plan.build in left_out[runtime.library]
        elif runtime.library in left_out and runtime.torch:
            assert build.none is not None, left_out


GAUDI = "HL-325L (Gaudi3)"


def test_gaudi_has_one_answer() -> None:
    machine = machines()[GAUDI]
    build = api.torch_index(lambda: machine)
    assert build.none is not None
    assert "not on PyPI" in build.none
    (left_out,) = api.install_plan(["torch"], lambda: machine).left_out
    assert build.none in left_out.reason
    found = api.fit(ModelSource(model="7B"), Workload(method="inference"), lambda: machine)
    assert {plan.runtime for plan in found.plans if plan.gpus} == {"vllm"}
    assert "plug-in" in (found.plans[0].build or "")
    computed = next(
        each for each in api.check(["inference-7b"], lambda: machine).profiles[0].findings if each.is_computed
    )
    assert computed.status == "pass"
    plan = api.install_plan(["inference-7b"], lambda: machine)
    assert {each.library for each in plan.left_out} == {"torch"}
    assert "plug-in" in plan.choices[0].rejected["vLLM"]


def test_training_on_gaudi_is_not_known_and_the_reason_is_said() -> None:
    machine = machines()[GAUDI]
    found = api.fit(ModelSource(model="7B"), Workload(method="qlora"), lambda: machine)
    assert (found.verdict, found.plans) == ("unknown", ())
    assert "Intel's own software for Gaudi" in found.reason
    report = api.check(["finetune-7b"], lambda: machine).profiles[0]
    assert next(each for each in report.findings if each.is_computed).status == "unknown"


def test_training_where_no_build_exists_does_not_fit() -> None:
    found = api.fit(ModelSource(model="7B"), Workload(method="qlora"), lambda: machines()["AMD gfx803"])
    assert found.verdict == "does-not-fit"
    assert found.reason == "transformers has no build for the GPUs of this machine"


def test_the_targets_of_rocm_are_those_of_the_advised_builds() -> None:
    advised = [each for each in catalog.torch_wheels() if each.advised and each.tag.startswith("rocm")]
    assert {target for wheel in advised for target in wheel.gpu_archs} == set(ROCM)


# --- what is installed ---


@EVERY
def test_a_runtime_is_the_library_of_the_catalogue(runtime: Runtime) -> None:
    libraries = catalog.libraries()
    assert runtime.distributions or runtime.programs
    if runtime.library is not None:
        library = libraries[runtime.library]
        assert set(library.distributions) == set(runtime.distributions)
        assert set(library.binaries) <= set(runtime.programs)
    if runtime.libraries_beside is not None:
        methods: tuple[Method, ...] = ("inference", "full", "lora", "qlora")
        for method in methods:
            work = Workload(method=method, sharding="zero3", weights="awq" if method == "inference" else None)
            for each in runtime.libraries_beside(work):
                assert libraries[each].distributions == (each,)


@EVERY
def test_an_installed_runtime_is_found_and_a_missing_one_is_missing(runtime: Runtime) -> None:
    nothing = Machine(software=Software(packages=(), tools=tuple(Tool(name=each) for each in runtime.programs)))
    assert installed(nothing).has(runtime) is False
    for name in runtime.distributions:
        there = Machine(software=Software(packages=(Package(name=name, version="1"),), tools=()))
        assert installed(there).has(runtime) is True
    for name in runtime.programs:
        there = Machine(software=Software(packages=None, tools=(Tool(name=name, path=f"/usr/bin/{name}"),)))
        assert installed(there).has(runtime) is True


@EVERY
def test_nothing_is_known_of_a_machine_in_words(runtime: Runtime) -> None:
    assert installed(Machine(hypothetical=True, software=Software(packages=(), tools=()))).has(runtime) is None
    assert installed(Machine()).has(runtime) is None


def test_the_probe_looks_for_every_program() -> None:
    programs = {name for each in runtimes.every() for name in each.programs}
    assert programs <= set(software.TOOLS)


def test_a_driver_that_is_too_old_for_a_build_leaves_only_what_is_there() -> None:
    """The plan and fit agree: with driver 550 today's vLLM is not installed, and one that is there is used."""
    card = Gpu(vendor="nvidia", name="NVIDIA GeForce RTX 4090", compute_capability="8.9")
    drivers = {"nvidia": Driver(version="550.54.15")}

    def proposed(*packages: str) -> set[str]:
        software = Software(packages=tuple(Package(name=each, version="0.8") for each in packages), tools=())
        machine = replace(of(card), hypothetical=False, drivers=drivers, software=software)
        assert "vllm" in {each.library for each in api.install_plan(["vllm"], lambda: machine).left_out} or packages
        found = api.fit(ModelSource(model="7B"), Workload(method="inference", context=4096), lambda: machine)
        return {plan.runtime for plan in found.plans}

    assert "vllm" not in proposed()
    assert "vllm" in proposed("vllm")
    assert {each.id for each in runtimes.every() if any(p.min_driver for p in each.platforms)} == {"vllm", "sglang"}
    for each in runtimes.every():
        for platform in each.platforms:
            if platform.min_driver is not None:
                assert catalog.libraries()[each.library or ""].driver == platform.min_driver
