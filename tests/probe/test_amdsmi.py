"""AMD SMI's library, stood in for by a small C file: asked only for what sysfs does not tell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from llmcheck.probe import Reading
from llmcheck.probe.gpu.amd import _with_amdsmi
from llmcheck.schema.machine import Gpu
from tests.nvml import build

LIBRARY = """
#include <stdint.h>
typedef void *handle;
int amdsmi_init(uint64_t flags) { return flags == 2 ? FAIL : 1; }
int amdsmi_get_socket_handles(uint32_t *count, handle *sockets) {
    if (sockets) for (uint32_t i = 0; i < *count; i++) sockets[i] = (handle)(uintptr_t)(0x100 + i);
    *count = 2;
    return 0;
}
int amdsmi_get_processor_handles(handle socket, uint32_t *count, handle *devices) {
    if (devices) devices[0] = (handle)((uintptr_t)socket + 0x700000000);
    *count = 1;
    return 0;
}
static int nth(handle device) { return (int)((uintptr_t)device & 0xff); }
int amdsmi_get_gpu_bdf_id(handle device, uint64_t *out) {
    *out = ((uint64_t)nth(device) << 32) | (0xc1 << 8) | (3 << 3) | 1;
    return 0;
}
int amdsmi_get_gpu_memory_total(handle device, int type, uint64_t *out) {
    *out = 206142726144 + (uint64_t)nth(device);
    return type;
}
int amdsmi_get_gpu_memory_usage(handle device, int type, uint64_t *out) {
    *out = 1024;
    return type || nth(device);
}
"""
PROGRAM = (
    "from llmcheck.system.host import Host; from llmcheck.probe.gpu._amdsmi import memory_by_bus;"
    " print(memory_by_bus(Host()))"
)


def ask(folder: Path, fail: int) -> str:
    compiler = build.compiler()
    if compiler is None:
        pytest.skip("no C compiler")
    source = folder / "amd_smi.c"
    source.write_text(LIBRARY.replace("FAIL", str(fail)), encoding="utf-8")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", folder / "libamd_smi.so", source], check=True)
    environ = {**os.environ, "LD_LIBRARY_PATH": str(folder)}
    words = [sys.executable, "-c", PROGRAM]
    return subprocess.run(words, env=environ, capture_output=True, text=True, check=True).stdout.strip()


def test_memory_is_told_by_bus_id(tmp_path: Path) -> None:
    expected = {"0000:c1:03.1": (206142726144, 1024), "0001:c1:03.1": (206142726145, None)}
    assert ask(tmp_path, 0) == str(expected)


def test_a_library_that_does_not_start_tells_nothing(tmp_path: Path) -> None:
    assert ask(tmp_path, 34) == "{}"


def test_only_whole_cards_without_a_figure_take_it() -> None:
    known = Gpu(vendor="amd", index=0, memory_total=5, pci_bus_id="0000:01:00.0")
    unknown = Gpu(vendor="amd", index=1, pci_bus_id="0000:02:00.0")
    part = Gpu(vendor="amd", index=2, parent=2, pci_bus_id="0000:03:00.0")
    told: dict[str, tuple[int, int | None]] = {f"0000:0{number}:00.0": (1000, 100) for number in (1, 2, 3)}
    reading = _with_amdsmi(Reading(gpus=(known, unknown, part)), told)
    assert [gpu.memory_total for gpu in reading.gpus or ()] == [5, 1000, None]
    assert (reading.gpus or ())[1].memory_free == 900
