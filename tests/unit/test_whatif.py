"""Machines in words: each card of the table by its names, what is refused, and nothing that is ever a crash."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmcheck import catalog, whatif
from llmcheck.errors import LlmcheckError
from llmcheck.identify import Known
from llmcheck.units import GB, GIB, MIB

SPECS = catalog.gpu_specs()
TB = 1000 * GB
SHARED = ("apple", "AMD Ryzen")


@pytest.mark.parametrize(
    ("words", "count", "name", "memory", "ram", "disk"),
    [  # the memory that drivers report, in MiB
        ("2x RTX 4090, 64 GB RAM, 1 TB", 2, "NVIDIA GeForce RTX 4090", 24564, 64 * GB, TB),
        ("2x RTX 4090, 64 GB RAM", 2, "NVIDIA GeForce RTX 4090", 24564, 64 * GB, None),
        ("rtx4090", 1, "NVIDIA GeForce RTX 4090", 24564, None, None),
        ("4090", 1, "NVIDIA GeForce RTX 4090", 24564, None, None),
        ("RTX 4090 x2, 64GB RAM", 2, "NVIDIA GeForce RTX 4090", 24564, 64 * GB, None),
        ("4x4090", 4, "NVIDIA GeForce RTX 4090", 24564, None, None),
        ("2×4090", 2, "NVIDIA GeForce RTX 4090", 24564, None, None),
        ("RTX 4090 64 GB RAM", 1, "NVIDIA GeForce RTX 4090", 24564, 64 * GB, None),
        ("RTX 4090 with 64 GiB of RAM and 2 TB NVMe", 1, "NVIDIA GeForce RTX 4090", 24564, 64 * GIB, 2 * TB),
        ("rtx 4090 24gb", 1, "NVIDIA GeForce RTX 4090", 24564, None, None),
        ("rtx 4090 laptop", 1, "NVIDIA GeForce RTX 4090 Laptop GPU", 16376, None, None),
        ("RTX 4070", 1, "NVIDIA GeForce RTX 4070", 12282, None, None),
        ("rtx 4070 ti super", 1, "NVIDIA GeForce RTX 4070 Ti SUPER", 16376, None, None),
        ("3060ti", 1, "NVIDIA GeForce RTX 3060 Ti", 8192, None, None),
        ("RTX 3060 12GB", 1, "NVIDIA GeForce RTX 3060", 12288, None, None),
        ("GTX 1080 Ti", 1, "NVIDIA GeForce GTX 1080 Ti", 11264, None, None),
        ("8x H100 SXM", 8, "NVIDIA H100 80GB HBM3", 81559, None, None),
        ("8xH100 sxm5, 2 TB RAM", 8, "NVIDIA H100 80GB HBM3", 81559, 2 * TB, None),
        ("H100 PCIe", 1, "NVIDIA H100 PCIe", 81559, None, None),
        ("h100 nvl", 1, "NVIDIA H100 NVL", 95830, None, None),
        ("4 x A100-SXM4-80GB", 4, "NVIDIA A100-SXM4-80GB", 81920, None, None),
        ("a100 pcie 40gb", 1, "NVIDIA A100-PCIE-40GB", 40960, None, None),
        ("8x H200", 8, "NVIDIA H200", 143771, None, None),
        ("L40S, 128 GB", 1, "NVIDIA L40S", 46068, 128 * GB, None),
        ("L40", 1, "NVIDIA L40", 46068, None, None),
        ("A10G", 1, "NVIDIA A10G", 23028, None, None),
        ("A10", 1, "NVIDIA A10", 23028, None, None),
        ("T4", 1, "Tesla T4", 15360, None, None),
        ("V100 32GB", 1, "Tesla V100-SXM2-32GB", 32768, None, None),
        ("RTX 6000 Ada", 1, "NVIDIA RTX 6000 Ada Generation", 49140, None, None),
        ("MI300X", 1, "AMD Instinct MI300X", 196592, None, None),
        ("2x 7900 XTX", 2, "AMD Radeon RX 7900 XTX", 24560, None, None),
        ("radeon 7900xtx", 1, "AMD Radeon RX 7900 XTX", 24560, None, None),
        ("Arc B580", 1, "Intel(R) Arc(TM) B580 Graphics", 12168, None, None),
        ("Gaudi2", 1, "HL-225 (Gaudi2)", 98304, None, None),
        ("B200", 1, "NVIDIA B200", 183359, None, None),
        ("2x RTX 4090, 64GB, 2TB", 2, "NVIDIA GeForce RTX 4090", 24564, 64 * GB, 2 * TB),
        ("RTX 3090, ram: 32GB, ssd: 500 GB", 1, "NVIDIA GeForce RTX 3090", 24576, 32 * GB, 500 * GB),
    ],
)
def test_words_make_the_machine(
    words: str, count: int, name: str, memory: int, ram: int | None, disk: int | None
) -> None:
    found = whatif.machine(words, SPECS).machine
    assert found.gpus is not None
    assert [gpu.name for gpu in found.gpus] == [name] * count
    assert [gpu.index for gpu in found.gpus] == list(range(count))
    assert {gpu.memory_total for gpu in found.gpus} == {gpu.memory_free for gpu in found.gpus} == {memory * MIB}
    assert all(gpu.spec is not None and gpu.spec.name == name for gpu in found.gpus)
    assert (found.ram.total, found.ram.available, found.ram.usable) == (ram, ram, ram)
    assert (found.disks[0].free if found.disks else None) == disk


def test_the_memory_of_apple_silicon_is_the_machines() -> None:
    small, large = (whatif.machine(words, SPECS).machine for words in ("m2 24GB", "m3-max 64GB"))
    assert (small.gpus or ())[0].memory_total == 16 * GB
    gpu = (large.gpus or ())[0]
    assert gpu.unified
    assert gpu.memory_total == 48 * GB
    assert large.ram.total == 64 * GB
    assert large.os is not None
    assert (large.os.system, large.os.architecture) == ("darwin", "arm64")
    assert whatif.machine("MacBook Pro M3 Max, 64GB RAM", SPECS).machine == large


def test_several_kinds_stand_in_one_machine() -> None:
    found = whatif.machine("2x 4090 + 1x 3090, 128 GB RAM", SPECS).machine
    assert [gpu.name for gpu in found.gpus or ()] == ["NVIDIA GeForce RTX 4090"] * 2 + ["NVIDIA GeForce RTX 3090"]


@pytest.mark.parametrize("words", ["cpu, 32 GB RAM", "32 GB RAM", "no gpu, 32GB", "32gb"])
def test_a_machine_may_have_no_gpu(words: str) -> None:
    found = whatif.machine(words, SPECS).machine
    assert found.gpus == ()
    assert found.ram.total == 32 * GB


def test_a_form_that_is_left_open_is_the_slowest_and_said() -> None:
    found = whatif.machine("4x A100 80GB", SPECS)
    assert {gpu.name for gpu in found.machine.gpus or ()} == {"NVIDIA A100 80GB PCIe"}
    assert any("A100-SXM4-80GB" in each for each in found.assumptions)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("RTX 4900", ["unknown GPU", "nearest", "RTX 4090"]),
        ("A100", ["more than one card", "40 GB", "80 GB"]),
        ("GH200", ["96 GB", "144 GB"]),
        ("RTX 4060 Ti 8GB", ["16 GB", "RAM"]),
        ("RTX 4090 64GB", ["24 GB", "RAM"]),
        ("m3 max", ["M3 Max", "64GB"]),
        ("0x H100", ["0 GPUs"]),
        ("5000x H100", ["5,000"]),
        ("4096x H100 SXM, 1x H100 SXM", ["4,097"]),
        ("", ["2x RTX 4090"]),
        ("x" * 600, ["600"]),
        ("cpu, RTX 4090", ["none"]),
        ("RTX 4090, 64 GB RAM, 32 GB RAM", ["again"]),
        ("RTX 4090, 64 GB, 1 TB, 2 TB", ["too many"]),
        ("gpu", ["unknown GPU"]),
        ("rtx", ["unknown GPU"]),
        ("1 TB", ["no GPU and no RAM"]),
        ("M3 Max 64GB, 32 GB RAM", ["shares"]),
        ("\x1b[31mRTX", ["\\x1b"]),
        ("orin nano", ["unknown GPU"]),
        ("RTX 4090, 99999999 TB RAM", ["no size"]),
    ],
)  # fmt: skip
def test_what_names_no_machine_is_one_line(words: str, said: list[str]) -> None:
    with pytest.raises(LlmcheckError) as raised:
        whatif.machine(words, SPECS)
    line = str(raised.value)
    assert "\n" not in line
    assert "\x1b" not in line
    for each in said:
        assert each in line


@pytest.mark.parametrize("known", SPECS, ids=lambda known: known.spec.name)
def test_every_card_is_found_by_each_of_its_names(known: Known) -> None:
    shared = known.vendor == "apple" or "Ryzen" in known.spec.name
    for name in (known.spec.name, *known.aliases):
        found = whatif.machine(f"{name} 64GB" if shared else name, SPECS).machine
        assert [gpu.name for gpu in found.gpus or ()] == [known.spec.name]


@pytest.mark.parametrize(
    ("text", "words"),
    [("2x RTX 4090", True), ("m3-max 64GB", True), ("-", False), ("a.json", False), ("./x", False), ("/tmp/x", False)],
)  # fmt: skip
def test_words_are_told_from_files(text: str, words: bool) -> None:
    assert whatif.looks_like(text) is words


PIECES = ["2x ", "rtx 4090", "h100", "a100 80gb", " sxm", ", ", " + ", "64 gb ram", "1 tb", "m3 max", "cpu", "x", "9"]


@settings(deadline=None, max_examples=300)
@given(st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PIECES), max_size=8).map("".join)))
def test_any_words_make_a_machine_or_one_line(text: str) -> None:
    try:
        found = whatif.machine(text, SPECS)
    except LlmcheckError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017
        return
    assert len(found.machine.gpus or ()) <= 4096
