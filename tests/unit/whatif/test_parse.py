"""A machine in words is the machine that one would meet, or a line that says which words to write instead."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llmcheck import catalog
from llmcheck.errors import DataError, UsageError
from llmcheck.gpus.identify import GpuRecord
from llmcheck.schema.machine import Machine
from llmcheck.units import GB, GIB, MIB
from llmcheck.whatif.parse import WhatIf, looks_like, machine

TABLE = catalog.gpu_specs()
TB = 1000 * GB

R4090 = (1, "NVIDIA GeForce RTX 4090", 24564)
R3090 = (1, "NVIDIA GeForce RTX 3090", 24576)
TWO_4090 = (2, "NVIDIA GeForce RTX 4090", 24564)
H100_SXM = "NVIDIA H100 80GB HBM3"
H100_PCIE = "NVIDIA H100 PCIe"

Card = tuple[int, str, int]


def stated(text: str) -> Machine:
    return machine(text, TABLE).machine


def cards(found: Machine) -> list[Card]:
    """Count, name and MiB of each kind of card, in the order of the words."""
    kinds: dict[tuple[str, int], int] = {}
    for gpu in found.gpus or ():
        kind = (gpu.name or "", (gpu.memory_total or 0) // MIB)
        kinds[kind] = kinds.get(kind, 0) + 1
    return [(count, name, mib) for (name, mib), count in kinds.items()]


def refusal(text: str) -> str:
    with pytest.raises((DataError, UsageError)) as error:
        machine(text, TABLE)
    return str(error.value)


# --- what is understood: text, cards (count, name of the table, MiB), RAM, disk ---

UNDERSTOOD: list[tuple[str, list[Card], int | None, int | None]] = [
    ("2x RTX 4090, 64 GB RAM, 1 TB", [TWO_4090], 64 * GB, TB),
    ("2x RTX 4090, 64 GB RAM, 1 TB disk", [TWO_4090], 64 * GB, TB),
    ("2 x RTX 4090; 64gb ram; 500 GB ssd", [TWO_4090], 64 * GB, 500 * GB),
    ("2×RTX 4090 with 64GiB memory and 2TiB nvme", [TWO_4090], 64 * GIB, 2048 * GIB),
    ("2x RTX 4090 64GB RAM 1TB SSD", [TWO_4090], 64 * GB, TB),
    ("RTX 4090 x2, 64 GB", [TWO_4090], 64 * GB, None),
    ("4090x2", [TWO_4090], None, None),
    ("2 RTX 4090s", [TWO_4090], None, None),
    ("rtx4090", [R4090], None, None),
    ("RTX 4090", [R4090], None, None),
    ("4090", [R4090], None, None),
    ("geforce rtx 4090", [R4090], None, None),
    ("NVIDIA GeForce RTX 4090", [R4090], None, None),
    ("  rtx   4090  ", [R4090], None, None),
    ("RTX 4090 24GB", [R4090], None, None),
    ("RTX 4090 24 GB VRAM, 64 GB RAM", [R4090], 64 * GB, None),
    ("RTX 4090, 64 GB, 500 GB", [R4090], 64 * GB, 500 * GB),
    ("RTX 4090, 64 GB RAM, 512 GB", [R4090], 64 * GB, 512 * GB),
    ("RTX 4090, RAM 64 GB, disk: 1.5 TB", [R4090], 64 * GB, 1500 * GB),
    ("64 GB DDR5, RTX 4090, 1 TB NVMe SSD", [R4090], 64 * GB, TB),
    ("RTX 4090, 2 TB", [R4090], None, 2 * TB),
    ("RTX 4090 Laptop", [(1, "NVIDIA GeForce RTX 4090 Laptop GPU", 16376)], None, None),
    ("RTX 4090 mobile", [(1, "NVIDIA GeForce RTX 4090 Laptop GPU", 16376)], None, None),
    ("RTX 4090 D", [(1, "NVIDIA GeForce RTX 4090 D", 24564)], None, None),
    ("RTX 4090D", [(1, "NVIDIA GeForce RTX 4090 D", 24564)], None, None),
    ("RTX 4070", [(1, "NVIDIA GeForce RTX 4070", 12282)], None, None),
    ("4070 ti", [(1, "NVIDIA GeForce RTX 4070 Ti", 12282)], None, None),
    ("4070ti super", [(1, "NVIDIA GeForce RTX 4070 Ti SUPER", 16376)], None, None),
    ("rtx4070tisuper", [(1, "NVIDIA GeForce RTX 4070 Ti SUPER", 16376)], None, None),
    ("RTX 4070 Super", [(1, "NVIDIA GeForce RTX 4070 SUPER", 12282)], None, None),
    ("RTX 4060 Ti 16GB", [(1, "NVIDIA GeForce RTX 4060 Ti", 16380)], None, None),
    ("RTX 3060 12GB", [(1, "NVIDIA GeForce RTX 3060", 12288)], None, None),
    ("GTX 1080 Ti", [(1, "NVIDIA GeForce GTX 1080 Ti", 11264)], None, None),
    ("2080 Ti, 32 GB", [(1, "NVIDIA GeForce RTX 2080 Ti", 11264)], 32 * GB, None),
    ("4x2080", [(4, "NVIDIA GeForce RTX 2080", 8192)], None, None),
    ("RTX 5090", [(1, "NVIDIA GeForce RTX 5090", 32607)], None, None),
    ("Titan RTX", [(1, "NVIDIA TITAN RTX", 24576)], None, None),
    ("2x 4090 + 1x 3090, 128 GB", [TWO_4090, R3090], 128 * GB, None),
    ("RTX 4090 and RTX 3090", [R4090, R3090], None, None),
    ("4090+3090", [R4090, R3090], None, None),
    ("A6000", [(1, "NVIDIA RTX A6000", 49140)], None, None),
    ("RTX 6000 Ada", [(1, "NVIDIA RTX 6000 Ada Generation", 49140)], None, None),
    ("RTX 4000 Ada", [(1, "NVIDIA RTX 4000 Ada Generation", 20475)], None, None),
    ("RTX 4000 SFF Ada", [(1, "NVIDIA RTX 4000 SFF Ada Generation", 20475)], None, None),
    ("RTX PRO 6000 Max-Q", [(1, "NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", 97887)], None, None),
    ("RTX PRO 6000 Workstation", [(1, "NVIDIA RTX PRO 6000 Blackwell Workstation Edition", 97887)], None, None),
    ("T4", [(1, "Tesla T4", 15360)], None, None),
    ("4x Tesla T4", [(4, "Tesla T4", 15360)], None, None),
    ("P40", [(1, "Tesla P40", 24576)], None, None),
    ("A10", [(1, "NVIDIA A10", 23028)], None, None),
    ("A10G", [(1, "NVIDIA A10G", 23028)], None, None),
    ("L4", [(1, "NVIDIA L4", 23034)], None, None),
    ("L40", [(1, "NVIDIA L40", 46068)], None, None),
    ("L40S", [(1, "NVIDIA L40S", 46068)], None, None),
    ("L40Sx4", [(4, "NVIDIA L40S", 46068)], None, None),
    ("V100 32GB", [(1, "Tesla V100-SXM2-32GB", 32768)], None, None),
    ("V100 16GB", [(1, "Tesla V100-PCIE-16GB", 16384)], None, None),
    ("a100 40gb", [(1, "NVIDIA A100-PCIE-40GB", 40960)], None, None),
    ("4 x A100 80GB, 512 GiB RAM, 2 TB disk", [(4, "NVIDIA A100 80GB PCIe", 81920)], 512 * GIB, 2 * TB),
    ("2×A100-SXM4-80GB", [(2, "NVIDIA A100-SXM4-80GB", 81920)], None, None),
    ("A100 SXM 80 GB", [(1, "NVIDIA A100-SXM4-80GB", 81920)], None, None),
    ("A100 PCIe 40GB", [(1, "NVIDIA A100-PCIE-40GB", 40960)], None, None),
    ("H100", [(1, H100_PCIE, 81559)], None, None),
    ("H100x8", [(8, H100_PCIE, 81559)], None, None),
    ("H100 PCIe", [(1, H100_PCIE, 81559)], None, None),
    ("8x H100 SXM", [(8, H100_SXM, 81559)], None, None),
    ("8 H100s SXM", [(8, H100_SXM, 81559)], None, None),
    ("H100 SXM5 x 8, 2 TB RAM, 30 TB disk", [(8, H100_SXM, 81559)], 2 * TB, 30 * TB),
    ("8x H100 80GB HBM3", [(8, H100_SXM, 81559)], None, None),
    ("H100 NVL", [(1, "NVIDIA H100 NVL", 95830)], None, None),
    ("H100 94GB", [(1, "NVIDIA H100 NVL", 95830)], None, None),
    ("8xH200", [(8, "NVIDIA H200", 143771)], None, None),
    ("8x H200 141GB", [(8, "NVIDIA H200", 143771)], None, None),
    ("8x B200", [(8, "NVIDIA B200", 183359)], None, None),
    ("8x B300", [(8, "NVIDIA B300 SXM6 AC", 275040)], None, None),
    ("GH200 96GB, 480 GB RAM", [(1, "NVIDIA GH200 480GB", 97871)], 480 * GB, None),
    ("GH200 144GB", [(1, "NVIDIA GH200 144G HBM3e", 146831)], None, None),
    ("MI300X", [(1, "AMD Instinct MI300X", 196592)], None, None),
    ("8x AMD Instinct MI325X", [(8, "AMD Instinct MI325X", 256 * 1024)], None, None),
    ("MI210 64GB", [(1, "AMD Instinct MI210", 65520)], None, None),
    ("7900 XTX", [(1, "AMD Radeon RX 7900 XTX", 24560)], None, None),
    ("2x7900xtx", [(2, "AMD Radeon RX 7900 XTX", 24560)], None, None),
    ("RX 7900 20GB", [(1, "AMD Radeon RX 7900 XT", 20464)], None, None),
    ("RX7900XT", [(1, "AMD Radeon RX 7900 XT", 20464)], None, None),
    ("RX 6800", [(1, "AMD Radeon RX 6800", 16368)], None, None),
    ("W7900", [(1, "AMD Radeon PRO W7900", 49136)], None, None),
    ("Arc A770", [(1, "Intel(R) Arc(TM) A770 Graphics", 16225)], None, None),
    ("Intel Arc B580, 32 GB", [(1, "Intel(R) Arc(TM) B580 Graphics", 12168)], 32 * GB, None),
    ("8x Gaudi3", [(8, "HL-325L (Gaudi3)", 131072)], None, None),
    ("Gaudi 2", [(1, "HL-225 (Gaudi2)", 98304)], None, None),
    ("cpu, 32 GB RAM", [], 32 * GB, None),
    ("no gpu, 32 GB RAM, 100 GB free", [], 32 * GB, 100 * GB),
    ("16 GB RAM", [], 16 * GB, None),
    ("CPU only", [], None, None),
    ("m3-max 64GB", [(1, "Apple M3 Max", 48 * 1024)], 64 * GIB, None),
    ("M3 Max, 64 GB", [(1, "Apple M3 Max", 48 * 1024)], 64 * GIB, None),
    ("M3Max 64GB", [(1, "Apple M3 Max", 48 * 1024)], 64 * GIB, None),
    ("Apple M1 16 GB, 256 GB", [(1, "Apple M1", 16 * GIB * 2 // 3 // MIB)], 16 * GIB, 256 * GB),
    ("Mac Studio M2 Ultra 192GB", [(1, "Apple M2 Ultra", 144 * 1024)], 192 * GIB, None),
    ("MacBook Pro M4 Pro 24GB", [(1, "Apple M4 Pro", 16 * 1024)], 24 * GIB, None),
    ("M2 Ultra with 192 GB unified memory", [(1, "Apple M2 Ultra", 144 * 1024)], 192 * GIB, None),
    ("Jetson AGX Orin 64GB", [(1, "Orin (nvgpu)", 64 * GB // MIB)], 64 * GB, None),
    ("M3 Max 36GB", [(1, "Apple M3 Max", 27 * 1024)], 36 * GIB, None),
    ("M3 Max, 64 GB RAM", [(1, "Apple M3 Max", 48 * 1024)], 64 * GIB, None),
    ("DGX Spark", [(1, "NVIDIA GB10", 125_508_468 // 1024)], 125_508_468 * 1024, None),
    ("DGX Spark 128GB", [(1, "NVIDIA GB10", 125_508_468 // 1024)], 125_508_468 * 1024, None),
    ("Ryzen AI Max+ 395 128GB", [(1, "AMD Ryzen AI Max+ 395 (Radeon 8060S)", 96 * GB // MIB)], 128 * GB, None),
    ("4x MI300A", [(4, "AMD Instinct MI300A", 128 * 1024)], 512 * GIB, None),
]


@pytest.mark.parametrize(("text", "gpus", "ram", "disk"), UNDERSTOOD, ids=[each[0] for each in UNDERSTOOD])
def test_words_are_a_machine(text: str, gpus: list[Card], ram: int | None, disk: int | None) -> None:
    found = stated(text)
    assert cards(found) == gpus
    assert (found.ram.total, found.ram.usable, found.ram.available) == (ram, ram, ram)
    assert [(each.size, each.free) for each in found.disks or ()] == ([] if disk is None else [(disk, disk)])


# --- what is refused, and what its line must contain ---

REFUSED: list[tuple[str, tuple[str, ...]]] = [
    ("", ("RTX 4090",)),
    ("   ", ("RTX 4090",)),
    (", ;", ("no GPU",)),
    ("x" * 501, ("501",)),
    ("RTX 4900", ("unknown GPU 'RTX 4900'", "nearest", "RTX 4090")),
    ("rtx 4091", ("unknown GPU 'rtx 4091'", "RTX 4090")),
    ("MI300Y", ("unknown GPU 'MI300Y'", "MI300X")),
    ("H1OO", ("unknown GPU", "H100")),
    ("quantum accelerator", ("unknown GPU",)),
    ("RTX", ("RTX",)),
    ("NVIDIA", ("NVIDIA",)),
    ("2x GeForce", ("GeForce",)),
    ("XTX", ("unknown GPU",)),
    ("80GB HBM3 SXM", ("SXM",)),
    ("RTX 4090 Ti", ("unknown GPU 'RTX 4090 Ti'", "RTX 4090")),
    ("24 GB VRAM", ("24 GB VRAM",)),
    ("A100", ("'A100' matches several", "40 GB", "80 GB", "A100 80GB")),
    ("4x A100 SXM", ("40 GB", "80 GB")),
    ("V100", ("16 GB", "32 GB")),
    ("GH200", ("96 GB", "144 GB")),
    ("7900", ("7900 XTX", "7900 XT ", "7900 GRE")),
    ("RTX 5000", ("Quadro RTX 5000", "RTX 5000 Ada")),
    ("RTX 4500", ("RTX 4500 Ada", "RTX PRO 4500")),
    ("RTX 6000", ("RTX 6000 Ada", "RTX PRO 6000")),
    ("RTX 4090 64GB", ("24 GB", "RAM")),
    ("RTX 4090 16GB", ("24 GB", "RTX 4090 Laptop GPU")),
    ("RTX 4070 16GB", ("12 GB", "RTX 4070 Ti SUPER")),
    ("A100 32GB", ("40 GB", "80 GB")),
    ("B200 192GB", ("180 GB",)),
    ("RTX 4090, 64", ("'64'", "unit")),
    ("RTX 4090, 2", ("'2'", "unit")),
    ("RTX 4090, 64 RAM", ("'64 RAM'", "unit")),
    ("RTX 4090, RAM 64", ("'RAM 64'", "unit")),
    ("RTX 4090, 64 GB RAM, 32 GB RAM", ("'32 GB RAM'",)),
    ("RTX 4090, 1 TB disk, 2 TB ssd", ("2 TB",)),
    ("RTX 4090, 64 GB, 1 TB, 2 TB", ("2 TB",)),
    ("RTX 4090, 0 GB RAM", ("0 GB",)),
    ("RTX 4090, 2000000 TB disk", ("2000000",)),
    ("0x RTX 4090", ("0 GPUs",)),
    ("5000x T4", ("5,000", "4,096")),
    ("4000x T4, 97x L4", ("4,097", "4,096")),
    ("4096x MI250X", ("8,192", "4,096")),
    ("99999999x RTX 4090", ("99,999,999", "4,096")),
    ("RTX 4090, no gpu", ("none",)),
    ("M3 Max", ("M3 Max", "64GB")),
    ("M3 Max 64GB, 32 GB RAM", ("64 GB", "32 GB")),
    ("2x M3 Max 64GB", ("Apple M3 Max", "one")),
    ("3x DGX Spark", ("GB10", "at most 2")),
    ("M3 Max 64GB + RTX 4090", ("Apple M3 Max", "RTX 4090")),
    ("-2x RTX 4090", ("-2x", "negative")),
    ("RTX 4090, -5 GB RAM", ("negative", "64 GB RAM")),
    ("-5 GB RAM", ("negative",)),
    ("RTX 4090 \x1b[31m", ("\\x1b",)),
    ("RTX\u202e 4090", ("\\u202e",)),
    ("RTX 4090, 64 GB\x00RAM", ("\\x00",)),
]


@pytest.mark.parametrize(("text", "said"), REFUSED, ids=[repr(each[0][:40]) for each in REFUSED])
def test_refusals_say_what_to_write(text: str, said: tuple[str, ...]) -> None:
    line = refusal(text)
    assert [each for each in said if each not in line] == [], line
    assert line.isprintable()
    assert len(line) < 1200


# --- every row of the table ---


@pytest.mark.parametrize(
    ("known", "name"),
    [
        pytest.param(known, name, id=f"{known.spec.name} as {name}")
        for known in TABLE
        for name in (known.spec.name, *known.aliases)
    ],
)
def test_every_name_of_the_table_is_its_card(known: GpuRecord, name: str) -> None:
    shared = known.spec.memory_gb is None
    found = stated(f"{name} 64GB" if shared else name)
    assert {gpu.name for gpu in found.gpus or ()} == {known.spec.name}


# --- anything ---

_PIECES = [
    "2x", "x2", "RTX", "4090", "H100", "A100", "M3 Max", "64 GB", "1TB", "RAM", "disk", "cpu", "and", "+", ",", "with",
    "80GB", "SXM", "×", "0", "64", "no gpu", "MI250", "MI300A", "\x1b", "٣x", "²", "İ", "ram:", "9" * 30, ".", "-",
]  # fmt: skip


@settings(deadline=None, max_examples=400)
@given(st.text(max_size=200) | st.lists(st.sampled_from(_PIECES), max_size=20).map(" ".join))
@example("2²x RTX 4090")
@example("٣x RTX 4090")
@example("RTX 4090, 999999999.9999 tib disk")
def test_any_text_is_a_machine_or_one_line(text: str) -> None:
    try:
        found = machine(text, TABLE)
    except (DataError, UsageError) as error:
        assert str(error).isprintable()  # noqa: PT017 - a property of either way out
        return
    assert isinstance(found, WhatIf)
    assert found.machine.gpus is not None
    assert len(found.machine.gpus) <= 4096
    assert found.words.isprintable()


@settings(deadline=None, max_examples=50)
@given(
    st.integers(1, 4096), st.sampled_from(["{}x {}", "{} x {}", "{}×{}", "{}* {}"]), st.sampled_from(["RTX 4090", "T4"])
)
def test_the_count_is_that_of_the_words(count: int, form: str, name: str) -> None:
    assert len(stated(form.format(count, name)).gpus or ()) == count


@given(st.integers(1, 999), st.sampled_from(["GB", "gb", " GB", " GiB", "GIB", " gib"]))
def test_sizes_are_read_in_any_case(number: int, unit: str) -> None:
    factor = GIB if "i" in unit.lower() else GB
    assert stated(f"RTX 4090, {number}{unit} RAM").ram.total == number * factor


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2x RTX 4090", True),
        ("RTX 4090, 64 GB RAM, 1.5 TB", True),
        ("H100", True),
        ("cpu", True),
        ("-", False),
        ("", True),
        ("box.json", False),
        ("BOX.JSON", False),
        ("./box", False),
        ("/tmp/box", False),
        ("..\\box", False),
    ],
)
def test_words_are_told_from_files(text: str, words: bool) -> None:
    assert looks_like(text) is words


@pytest.mark.parametrize(
    ("text", "count", "gigabytes", "ram"),
    [
        ("24GB", 1, 24, None),
        ("24 GB", 1, 24, None),
        ("288 GB", 1, 288, None),
        ("2x 24GB", 2, 24, None),
        ("24GB x 4, 128 GB RAM", 4, 24, 128 * GB),
        ("16 GB, 64 GB RAM, 1 TB disk", 1, 16, 64 * GB),
    ],
)
def test_a_bare_size_is_a_card_of_that_memory(text: str, count: int, gigabytes: int, ram: int | None) -> None:
    found = machine(text, TABLE)
    gpus = found.machine.gpus or ()
    assert [each.memory_total for each in gpus] == [gigabytes * GIB] * count
    assert found.machine.ram.total == ram
    assert gpus[0].spec is None  # no rates are published of it
    (note,) = found.assumptions
    assert "no particular kind" in note
    assert "RAM'" in note


@pytest.mark.parametrize(
    ("text", "ram"),
    [("64 GB RAM", 64 * GB), ("512 GB", 512 * GB), ("64 GB, 1 TB", 64 * GB), ("cpu, 24 GB", 24 * GB)],
)
def test_a_size_that_is_ram_is_no_card(text: str, ram: int) -> None:
    found = machine(text, TABLE)
    assert (found.machine.gpus, found.machine.ram.total) == ((), ram)
