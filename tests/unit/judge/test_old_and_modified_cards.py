"""Old cards, cards with error correction, modified and rare ones: one answer everywhere."""

from __future__ import annotations

from typing import Any

import pytest

from llmcheck import api, catalog
from llmcheck.api.model_source import ModelSource
from llmcheck.gpus import ecc
from llmcheck.gpus.identify import identify
from llmcheck.schema.machine import Driver, Ecc, Gpu, Machine, Os, Ram
from llmcheck.schema.report import Finding
from llmcheck.schema.workload import Workload
from llmcheck.units import GIB, MIB


def machine(
    name: str, mib: int, capability: str = "8.6", *, count: int = 1, on: bool | None = None, driver: str = "580.95"
) -> Machine:
    gpus = tuple(
        Gpu(
            vendor="nvidia", index=index, name=name, memory_total=mib * MIB, memory_used=0, memory_free=mib * MIB,
            compute_capability=capability, ecc=None if on is None else Ecc(mode=on),
        )
        for index in range(count)
    )  # fmt: skip
    found = Machine(
        os=Os(system="linux", architecture="x86_64", libc="glibc 2.39"),
        ram=Ram(total=64 * GIB, available=60 * GIB, usable=64 * GIB),
        gpus=gpus,
        drivers={"nvidia": Driver(version=driver)},
    )
    return identify(found, catalog.gpu_specs())


def gpu_finding(found: Machine, profile: str = "inference-7b") -> Finding:
    report = api.check([profile], lambda: found, only=["gpu"])
    return next(each for each in report.profiles[0].findings if each.id == "gpu")


def fit(found: Machine, **work: Any) -> Any:
    return api.fit(ModelSource(model="8B"), Workload(**{"method": "inference", **work}), lambda: found)


@pytest.mark.parametrize(
    ("name", "mib", "capability", "driver"),
    [
        ("Tesla K80", 11441, "3.7", "410.104"),
        ("Tesla K80", 12206, "3.7", "470.256.02"),
        ("Tesla K40m", 11441, "3.5", "470.256.02"),
        ("NVIDIA GeForce GTX TITAN Black", 6083, "3.5", "470.256.02"),
    ],
)
class TestTooOld:
    """No current build has kernels for it, so that it is no GPU in any answer."""

    def test_check(self, name: str, mib: int, capability: str, driver: str) -> None:
        finding = gpu_finding(machine(name, mib, capability, count=2, driver=driver))
        assert finding.status == "fail"
        assert f"compute capability {capability}" in finding.message

    def test_fit(self, name: str, mib: int, capability: str, driver: str) -> None:
        answer = fit(machine(name, mib, capability, count=2, driver=driver))
        assert (answer.per_gpu, answer.workload.runtime) == ((), "llama.cpp")
        assert any(name in note and "not used" in note for note in answer.assumptions)

    def test_torch_and_install(self, name: str, mib: int, capability: str, driver: str) -> None:
        where = machine(name, mib, capability, count=2, driver=driver)
        assert api.torch_index(lambda: where).tag == "cpu"
        plan = api.install_plan(["llama-cpp"], lambda: where)
        steps = [step for each in plan.environments for step in each.steps]
        assert not any("GGML_CUDA" in step.command for step in steps)
        assert any("not used" in step.reason for step in steps)


def test_the_oldest_that_runs_is_used() -> None:
    assert len(fit(machine("NVIDIA GeForce GTX 980 Ti", 6144, "5.2")).per_gpu) == 1


class TestErrorCorrection:
    @pytest.mark.parametrize(
        ("name", "mib", "capability", "profile"),
        [("Tesla M40", 11448, "5.2", "inference-7b"), ("NVIDIA A10", 22731, "8.6", "inference-13b-30b")],
    )
    def test_what_it_takes_is_counted_and_told(self, name: str, mib: int, capability: str, profile: str) -> None:
        finding = gpu_finding(machine(name, mib, capability, on=True), profile)
        assert finding.status == "pass"
        assert "ECC takes" in finding.message

    def test_without_it_nothing_is_added(self) -> None:
        finding = gpu_finding(machine("NVIDIA A10", 22731, "8.6", on=False), "inference-13b-30b")
        assert finding.status == "fail"

    @pytest.mark.parametrize(
        ("name", "mib"),
        [
            ("NVIDIA A100-SXM4-80GB", 81920),
            ("NVIDIA H100 80GB HBM3", 81559),
            ("NVIDIA B300 SXM6 AC", 275040),
            ("No Name", 11441),
        ],
    )
    def test_nothing_is_taken_of_hbm_or_of_unknown_cards(self, name: str, mib: int) -> None:
        (gpu,) = machine(name, mib, "8.0", on=True).gpus or ()
        assert ecc.taken(gpu) is None


@pytest.mark.parametrize(
    ("name", "mib"),
    [
        ("NVIDIA GeForce RTX 4090", 49140),
        ("NVIDIA GeForce RTX 4080 SUPER", 32760),
        ("NVIDIA GeForce RTX 3080", 20480),
        ("NVIDIA GeForce RTX 2080 Ti", 22528),
        ("NVIDIA A100-SXM-64GB", 65536),
    ],
)
def test_of_a_modified_card_the_name_decides_the_rates_and_the_driver_the_memory(name: str, mib: int) -> None:
    answer = fit(machine(name, mib), runtime="llama.cpp")
    assert answer.speed is not None
    assert answer.speed.decode is not None
    (share,) = answer.per_gpu
    assert share.free == mib * MIB


@pytest.mark.parametrize("name", ["NVIDIA CMP 170HX", "NVIDIA CMP 90HX", "NVIDIA CMP 40HX"])
def test_a_throttled_mining_card_is_known_and_promised_no_speed(name: str) -> None:
    (gpu,) = machine(name, 8192 if "90" not in name else 10240).gpus or ()
    assert gpu.spec is not None
    assert "throttled" in gpu.spec.source
    answer = fit(machine(name, 8192, "8.0"), runtime="llama.cpp", weights="q4_k_m")
    assert answer.verdict == "fits"
    assert answer.speed is None or answer.speed.decode is None


@pytest.mark.parametrize("name", ["HL-225 (Gaudi2)", "HL-288 (Gaudi2)", "HL-325L (Gaudi3)", "HL-338 (Gaudi3)"])
def test_a_gaudi_has_the_memory_that_its_name_is_sold_with(name: str) -> None:
    found = identify(Machine(gpus=(Gpu(vendor="habana", index=0, name=name),)), catalog.gpu_specs())
    (gpu,) = found.gpus or ()
    assert gpu.memory_total == (96 if "Gaudi2" in name else 128) * GIB


def test_an_unknown_memory_of_other_vendors_stays_unknown() -> None:
    found = identify(Machine(gpus=(Gpu(vendor="nvidia", name="NVIDIA L4"),)), catalog.gpu_specs())
    assert [gpu.memory_total for gpu in found.gpus or ()] == [None]


@pytest.mark.parametrize("written", ["1.0", "1.3", "0.0", "99.0"])
def test_an_impossible_compute_capability_is_unknown(written: str) -> None:
    from llmcheck.schema.plausible import plausible
    from tests.unit.schema.test_plausible import NOW

    found = plausible(machine("GRID V100D-8Q", 8192, written), NOW)
    assert [gpu.compute_capability for gpu in found.gpus or ()] == [None]
    assert [problem.code for problem in found.problems] == ["implausible"]
