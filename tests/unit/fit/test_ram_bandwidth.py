"""How fast RAM is read: by the name of the processor where it tells the channels, and by the cores that there are."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from llmcheck import catalog
from llmcheck.api.model_source import known_model
from llmcheck.fit import answer
from llmcheck.fit.speed import ram, speed
from llmcheck.fit.use import ModelUse
from llmcheck.schema.machine import Cpu
from llmcheck.schema.workload import Workload
from llmcheck.units import GB
from llmcheck.whatif import parse


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("AMD EPYC 7763", 204.8), ("AMD EPYC 7R32", 204.8), ("AMD EPYC 9554 64-Core Processor", 460.8),
        ("AMD EPYC 9R14", 460.8), ("AMD EPYC 9755", 576.0), ("AMD EPYC 7551 32-Core Processor", 170.6),
        ("Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz", 307.2), ("Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz", 140.8),
        ("INTEL(R) XEON(R) PLATINUM 8592+", 358.4), ("Intel(R) Xeon(R) 6787P", 409.6),
        ("Intel(R) Xeon(R) CPU E5-2690 v4 @ 2.60GHz", 76.8), ("AMD Ryzen Threadripper PRO 7995WX 96-Cores", 332.8),
        ("AMD Ryzen Threadripper 3970X 32-Core Processor", 93.9), ("Neoverse-V2", 537.6),
    ],
)  # fmt: skip
def test_a_servers_channels_are_known_by_its_name(name: str, peak: float) -> None:
    found = ram.bandwidth(Cpu(model=name))
    assert found.low < found.expected < found.high < peak * GB
    assert found.expected == pytest.approx(0.6 * peak * GB, rel=0.01)


@pytest.mark.parametrize("name", [None, "", "AMD Ryzen 9 7950X 16-Core Processor", "Intel(R) Xeon(R) CPU @ 2.20GHz",
                                  "Intel(R) Core(TM) i7-13700K", "AMD EPYC 4464P"])  # fmt: skip
def test_other_names_have_the_wide_band(name: str | None) -> None:
    assert ram.bandwidth(Cpu(model=name, threads=16, threads_usable=16)) == ram.UNKNOWN
    assert "20 to 110 GB/s" in ram.note(Cpu(model=name))


def test_a_slice_of_a_server_reads_as_much_as_its_cores_do() -> None:
    whole = Cpu(model="AMD EPYC 9554 64-Core Processor", cores=64, threads=128, threads_usable=128)
    part = replace(whole, threads_usable=8)
    assert ram.bandwidth(whole) == ram.bandwidth(Cpu(model=whole.model))
    assert ram.bandwidth(part).expected == 4 * 12 * GB
    assert ram.bandwidth(part).high < ram.bandwidth(whole).high


def test_a_server_without_gpus_is_faster_than_a_desktop_and_says_why() -> None:
    model = known_model("llama-3.1-8b")
    assert model is not None
    use = ModelUse(model, Workload(method="inference", runtime="llama.cpp", weights="q4_k_m", context=2048))
    server, desktop = Cpu(model="AMD EPYC 9554"), Cpu(model="AMD Ryzen 9 7950X")
    (fast, said), (slow, other) = (speed(use, (), cpu=each) for each in (server, desktop))
    assert fast.decode is not None
    assert slow.decode is not None
    assert fast.decode.expected > 3 * slow.decode.expected
    assert any("12 channels at 4,800 MT/s" in note for note in said)
    assert any("was not measured" in note for note in other)


def test_the_answer_for_a_machine_knows_its_processor() -> None:
    machine = parse.machine("1x RTX 3090, 256 GB RAM", catalog.gpu_specs()).machine
    model = known_model("llama-3.3-70b")
    assert model is not None
    work = Workload(method="inference", runtime="llama.cpp", weights="q8_0", context=2048)
    rates = []
    for name in ("AMD EPYC 9554", "AMD Ryzen 9 7950X"):
        found = answer.answer(model, work, replace(machine, cpu=Cpu(model=name)))
        assert found.verdict == "fits-with-offload"
        assert found.speed is not None
        assert found.speed.decode is not None
        assert found.plans[0].tokens_per_second == found.speed.decode
        rates.append(found.speed.decode.expected)
    assert rates[0] > 2 * rates[1]
