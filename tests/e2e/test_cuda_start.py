"""NVML answers and no program could compute: each kind is seen from files and NVML, and no tier is ready on it."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from llmcheck import catalog
from llmcheck.api.judgement import report_of
from llmcheck.catalog import profiles
from llmcheck.install.torch import torch_build
from llmcheck.schema.machine import Cpu, Disk, Machine, Os, Package, Python, Ram, Software, Tool, Torch
from llmcheck.schema.report import Finding
from tests.nvml import build
from tests.probe.trees import plant

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = "/usr/lib/x86_64-linux-gnu"
TIB = 2**40
FILES = {
    "/dev/nvidiactl": "",
    "/dev/nvidia-uvm": "",
    "/proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release\n",
    "/proc/sys/kernel/osrelease": "6.8.0-31-generic\n",
    f"{LIBRARIES}/libcuda.so.580.95.05": "",
    f"{LIBRARIES}/libcuda.so.1": "->libcuda.so.580.95.05",
}
CACHED = {"libnvidia-ml.so.1": f"{LIBRARIES}/libnvidia-ml.so.1", "libcuda.so.1": f"{LIBRARIES}/libcuda.so.1"}
CONTAINER = {"/run/.containerenv": ""}
WSL = {"/proc/sys/kernel/osrelease": "5.15.167.4-microsoft-standard-WSL2\n", "/dev/dxg": ""}
SLOT = "/sys/bus/pci/devices/0000:01:00.0"
BLACKWELL = {
    "/sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de\n",
    "/sys/bus/pci/devices/0000:01:00.0/device": "0x2b85\n",
    "/sys/bus/pci/devices/0000:01:00.0/class": "0x030000\n",
}
PROPRIETARY = {
    "/proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.95.05  Release Build\n"
}
DEP = "/lib/modules/6.8.0-31-generic/modules.dep"
MODULE = "updates/dkms/nvidia.ko"
SECURE = {"/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c": "\x06\0\0\0\x01"}
SWITCHES = {"/proc/driver/nvidia-nvswitch/devices/0000:c0:00.0": "", "/proc/1/comm": "systemd\n"}


def cache(libraries: Mapping[str, str], flags: int = 0x0303) -> bytes:
    """A loader's cache, as ldconfig of glibc writes it: header, entries, strings."""
    strings, entries = b"", b""
    start = 48 + 24 * len(libraries)
    for name, path in libraries.items():
        key, value = start + len(strings), start + len(strings) + len(name) + 1
        strings += f"{name}\0{path}\0".encode()
        entries += struct.pack("=iIIIQ", flags, key, value, 0, 0)
    header = struct.pack("=20sIIB3xI12x", b"glibc-ld.so.cache1.1", len(libraries), len(strings), 2, 0)
    return header + entries + strings


Inspect = Callable[..., Machine]


@pytest.fixture
def inspect(nvml_folder: Path, tmp_path: Path) -> Inspect:
    """What is read of a tree with the driver of a scenario; a file of None is left out."""

    def inspected(
        scenario: str,
        files: Mapping[str, str | None] = {},
        cached: Mapping[str, str] | None = CACHED,
        environ: Mapping[str, str] = {},
        flags: int = 0x0303,
    ) -> Machine:
        root = tmp_path / "tree"
        planted = {**FILES, **files}
        plant(root, {name: text for name, text in planted.items() if text is not None})
        (root / "etc").mkdir(exist_ok=True)
        if cached is not None:
            (root / "etc" / "ld.so.cache").write_bytes(cache(cached, flags))
        found = {**os.environ, **build.environment(nvml_folder, build.SCENARIOS / f"{scenario}.ini")}
        words = [sys.executable, "-m", "tests.e2e.inspected_tree", str(root)]
        done = subprocess.run(
            words, input=json.dumps(dict(environ)).encode(), capture_output=True, env=found, cwd=ROOT, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return complete(msgspec.json.decode(done.stdout, type=Machine))

    return inspected


def complete(machine: Machine) -> Machine:
    """With all else that the tiers for inference want, so that only the driver and the cards decide."""
    packages = ("torch", "transformers", "vllm", "peft", "trl", "datasets", "accelerate", "deepspeed", "bitsandbytes")
    return msgspec.structs.replace(
        machine,
        os=Os(system="linux", architecture="x86_64", distribution="Ubuntu 24.04", libc="glibc 2.39"),
        cpu=Cpu(cores=64, threads=128, threads_usable=128),
        ram=Ram(total=2 * TIB, available=2 * TIB, usable=2 * TIB),
        disks=(Disk(role="models", path="/models", kind="nvme", size=20 * TIB, free=20 * TIB),),
        software=Software(
            python=Python(version="3.12.3", executable="/usr/bin/python3"),
            packages=tuple(Package(name=name, version="9.0") for name in packages),
            torch=Torch(version="2.14.1", build="cu130"),
            tools=(Tool(name="llama-server", path="/usr/bin/llama-server"),),
        ),
    )


def judged(machine: Machine) -> dict[str, Any]:
    """The report of every shipped tier that needs a GPU, by its id."""
    tiers = [each for each in profiles.shipped() if any(need.kind == "driver" for need in each.require)]
    return {each.id: each for each in report_of(tiers, machine, (), frozenset()).profiles}


def driver_line(machine: Machine) -> Finding:
    found: Finding = next(each for each in judged(machine)["inference-7b"].findings if each.id == "driver")
    return found


def codes(machine: Machine) -> list[str]:
    return [each.code for each in machine.problems]


STUB = {"/opt/cuda/lib64/stubs/libcuda.so.1": ""}
COMPAT = "/usr/local/cuda-13.0/compat"
NEWER = {f"{COMPAT}/libcuda.so.590.44.01": "", f"{COMPAT}/libcuda.so.1": "->libcuda.so.590.44.01"}
OLDER = {f"{COMPAT}/libcuda.so.550.54.15": "", f"{COMPAT}/libcuda.so.1": "->libcuda.so.550.54.15"}
ONLY_NVML = {"libnvidia-ml.so.1": f"{LIBRARIES}/libnvidia-ml.so.1"}
GONE: dict[str, str | None] = {f"{LIBRARIES}/libcuda.so.1": None, f"{LIBRARIES}/libcuda.so.580.95.05": None}
UTILITY = {"NVIDIA_DRIVER_CAPABILITIES": "utility"}
IN_WSL_FOLDER = {"/usr/lib/wsl/lib/libcuda.so.1": "", "/dev/nvidiactl": None, "/dev/nvidia-uvm": None}

BROKEN: dict[str, tuple[str, dict[str, Any], str, str]] = {
    # what: (scenario, the machine, code, a word of the mend)
    "no libcuda": ("2x4090", {"files": GONE, "cached": ONLY_NVML}, "cuda-library-missing", "libnvidia-compute"),
    "no libcuda in a container": (
        "2x4090",
        {"files": {**GONE, **CONTAINER}, "cached": ONLY_NVML},
        "cuda-library-missing",
        "NVIDIA_DRIVER_CAPABILITIES=compute,utility",
    ),
    "only a libcuda of 32 bits": ("2x4090", {"files": GONE, "flags": 0x0003}, "cuda-library-missing", "libnvidia"),
    "a container with only utility": (
        "2x4090",
        {"files": {**GONE, **CONTAINER}, "cached": ONLY_NVML, "environ": UTILITY},
        "container-without-compute",
        "NVIDIA_DRIVER_CAPABILITIES=compute,utility",
    ),
    "a container with only utility and a libcuda of its image": (
        "2x4090",
        {"files": {**CONTAINER, "/dev/nvidia-uvm": None}, "environ": {"NVIDIA_DRIVER_CAPABILITIES": "utility,video"}},
        "container-without-compute",
        "NVIDIA_DRIVER_CAPABILITIES=compute,utility",
    ),
    "a stub first": (
        "2x4090",
        {"files": STUB, "environ": {"LD_LIBRARY_PATH": "/opt/cuda/lib64/stubs:/usr/lib"}},
        "cuda-library-stub",
        "take /opt/cuda/lib64/stubs out of LD_LIBRARY_PATH",
    ),
    "a stub in the cache": (
        "2x4090",
        {"files": STUB, "cached": {**CACHED, "libcuda.so.1": "/opt/cuda/lib64/stubs/libcuda.so.1"}},
        "cuda-library-stub",
        "ldconfig",
    ),
    "an old compat copy": (
        "8xh100",
        {"files": OLDER, "environ": {"LD_LIBRARY_PATH": COMPAT}},
        "cuda-library-mismatch",
        f"take {COMPAT} out of LD_LIBRARY_PATH",
    ),
    "a new compat copy on GeForce": (
        "2x4090",
        {"files": NEWER, "environ": {"LD_LIBRARY_PATH": COMPAT}},
        "cuda-library-mismatch",
        f"take {COMPAT} out of LD_LIBRARY_PATH",
    ),
    "libcuda of another driver": (
        "2x4090",
        {
            "files": {f"{LIBRARIES}/libcuda.so.570.10.01": "", f"{LIBRARIES}/libcuda.so.1": "->libcuda.so.570.10.01"},
        },
        "cuda-library-mismatch",
        "uninstall",
    ),
    "no nvidia-uvm": ("2x4090", {"files": {"/dev/nvidia-uvm": None}}, "uvm-missing", "modprobe nvidia-uvm"),
    "no nvidia-uvm in a container": (
        "2x4090",
        {"files": {**CONTAINER, "/dev/nvidia-uvm": None, "/usr/bin/nvidia-modprobe": ""}},
        "uvm-missing",
        "--gpus all",
    ),
    "WSL's folder is not on the loader's path": (
        "2x4090",
        {"files": {**GONE, **WSL, **IN_WSL_FOLDER}, "cached": ONLY_NVML},
        "cuda-library-missing",
        "/etc/ld.so.conf.d/ld.wsl.conf",
    ),
    "WSL without its folder": (
        "2x4090",
        {"files": {**GONE, **WSL}, "cached": ONLY_NVML},
        "cuda-library-missing",
        "wsl --update",
    ),
    "a Linux driver in WSL": ("2x4090", {"files": {**WSL, **IN_WSL_FOLDER}}, "cuda-library-mismatch", "purge"),
    "fabric not started": ("fabric-off", {}, "fabric-not-ready", "nvidia-fabricmanager"),
    "fabric failed": ("fabric-failed", {}, "fabric-not-ready", "nvidia-fabricmanager"),
    "A100s without a fabric manager": ("a100-80", {"files": SWITCHES}, "fabric-not-ready", "nvidia-fabricmanager"),
    "compute mode prohibited": ("prohibited", {}, "compute-prohibited", "nvidia-smi -i 0 -c DEFAULT"),
    "an exclusive card in use": ("exclusive", {}, "compute-exclusive", "nvidia-smi -i 0 -c DEFAULT"),
    "a vGPU without a licence": ("vgpu-unlicensed", {}, "vgpu-unlicensed", "nvidia-gridd"),
    "MIG without instances": ("a100-mig-empty", {}, "mig-without-instances", "nvidia-smi mig -i 0 -lgip"),
    "no card listed, proprietary modules": (
        "no-cards",
        {"files": {**BLACKWELL, **PROPRIETARY}},
        "no-devices",
        "install the open kernel modules",
    ),
    "no card listed, open modules": ("no-cards", {"files": BLACKWELL}, "no-devices", "Above 4G decoding"),
    "no card listed, modules unknown": (
        "no-cards",
        {"files": {**BLACKWELL, "/proc/driver/nvidia/version": None}},
        "no-devices",
        "open kernel modules, the only ones for Blackwell",
    ),
    "a container that was given no card": (
        "no-cards",
        {"files": {**BLACKWELL, **CONTAINER}, "environ": {"NVIDIA_VISIBLE_DEVICES": "void"}},
        "no-gpu-access",
        "--gpus all",
    ),
    "a container without a card of the host's": (
        "no-cards",
        {"files": {**BLACKWELL, **CONTAINER, "/proc/driver/nvidia/gpus/0000:01:00.0/information": ""}},
        "no-gpu-access",
        "--gpus all",
    ),
    "a container on a host that lists no card": (
        "no-cards",
        {"files": {**BLACKWELL, **CONTAINER}},
        "no-devices",
        "Above 4G decoding",
    ),
    "no module for this kernel": (
        "not-loaded",
        {
            "files": {
                **BLACKWELL,
                DEP: "kernel/fs/ext4.ko: \n",
                "/lib/modules/6.8.0-30-generic/modules.dep": f"{MODULE}.zst: kernel/x.ko\n",
                "/var/lib/dkms/nvidia/580.95.05/": "",
            }
        },
        "kernel-module-missing",
        "sudo dkms install nvidia/580.95.05 -k 6.8.0-31-generic",
    ),
    "Secure Boot and a module without a signature": (
        "not-loaded",
        {"files": {**BLACKWELL, **SECURE, DEP: f"{MODULE}: \n", f"/lib/modules/6.8.0-31-generic/{MODULE}": "ELF"}},
        "kernel-module-unsigned",
        "mokutil",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_no_tier_is_ready_where_cuda_would_not_start(inspect: Inspect, what: str) -> None:
    scenario, arranged, code, mend = BROKEN[what]
    machine = inspect(scenario, **arranged)
    reports = judged(machine)
    assert "ready" not in {each.verdict for each in reports.values()}
    assert code in codes(machine)
    line = driver_line(machine)
    problem = next(each for each in machine.problems if each.code == code)
    assert line.status == ("unknown" if code == "compute-exclusive" else "fail")
    assert (line.message, line.remedy) == (problem.message, problem.remedy)
    assert mend in (line.remedy or "")
    assert machine.gpus != ()


HEALTHY: dict[str, tuple[str, dict[str, Any]]] = {
    "a server": ("8xh100", {}),
    "a server with its fabric": ("fabric-on", {"files": SWITCHES}),
    "a workstation": ("2x4090", {}),
    "A100s with a fabric manager": (
        "a100-80",
        {"files": {**SWITCHES, "/proc/77/comm": "nv-fabricmanage\n"}},
    ),
    "A100s in a container": ("a100-80", {"files": {**SWITCHES, **CONTAINER}}),
    "a stub behind the library": (
        "2x4090",
        {"files": STUB, "environ": {"LD_LIBRARY_PATH": f"{LIBRARIES}:/opt/cuda/lib64/stubs"}},
    ),
    "a stub without the name that is loaded": (
        "2x4090",
        {"files": {"/opt/stubs/libcuda.so": ""}, "environ": {"LD_LIBRARY_PATH": "/opt/stubs"}},
    ),
    "a new compat copy on a server": ("8xh100", {"files": NEWER, "environ": {"LD_LIBRARY_PATH": COMPAT}}),
    "a licensed vGPU": ("vgpu-licensed", {}),
    "MIG with instances": ("a100-mig", {}),
    "nvidia-modprobe makes the node": (
        "2x4090",
        {"files": {"/dev/nvidia-uvm": None, "/usr/bin/nvidia-modprobe": ""}},
    ),
    "WSL": (
        "2x4090",
        {"files": {**WSL, **IN_WSL_FOLDER}, "cached": {**CACHED, "libcuda.so.1": "/usr/lib/wsl/lib/libcuda.so.1"}},
    ),
    "WSL by LD_LIBRARY_PATH": (
        "2x4090",
        {
            "files": {**GONE, **WSL, **IN_WSL_FOLDER},
            "cached": ONLY_NVML,
            "environ": {"LD_LIBRARY_PATH": "/usr/lib/wsl/lib"},
        },
    ),
    "an exclusive card of the multi-process service": (
        "exclusive",
        {"files": {"/proc/4242/comm": "nvidia-cuda-mps\n"}},
    ),
    "all capabilities": ("2x4090", {"files": CONTAINER, "environ": {"NVIDIA_DRIVER_CAPABILITIES": "all"}}),
    "a loader's cache that cannot be read": ("2x4090", {"files": GONE, "cached": None}),
    "a Jetson": (
        "2x4090",
        {"files": {"/dev/nvidia-uvm": None, "/proc/device-tree/compatible": "nvidia,p3701\0nvidia,tegra234\0"}},
    ),
}


@pytest.mark.parametrize("what", HEALTHY)
def test_what_works_raises_no_alarm(inspect: Inspect, what: str) -> None:
    scenario, arranged = HEALTHY[what]
    machine = inspect(scenario, **arranged)
    assert codes(machine) == []
    assert driver_line(machine).status == "pass"


@pytest.mark.parametrize("what", BROKEN)
def test_no_plan_is_for_the_processor_where_the_driver_has_to_be_mended(inspect: Inspect, what: str) -> None:
    """A GPU that does not work for now is no reason to install what runs without it."""
    scenario, arranged, _, _ = BROKEN[what]
    machine = inspect(scenario, **arranged)
    wheels, drivers = catalog.torch_wheels(), catalog.cuda_drivers()
    assert torch_build(machine, wheels, drivers).tag.startswith("cu")


NVIDIA_CARD = {"vendor": "0x10de\n", "class": "0x030000\n", "device": "0x2235\n"}


def card(bus_id: str, driver: str = "nvidia") -> dict[str, str | None]:
    folder = f"/sys/bus/pci/devices/{bus_id}"
    files: dict[str, str | None] = {f"{folder}/{name}": text for name, text in NVIDIA_CARD.items()}
    return {**files, f"{folder}/uevent": f"DRIVER={driver}\nPCI_SLOT_NAME={bus_id}\n"}


IOMMU = {f"/sys/bus/pci/devices/0000:{bus}:00.0/iommu_group/type": "DMA-FQ\n" for bus in ("41", "42")}
SLOWER: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    # what: (scenario, the machine, words of the message by code)
    "NVLinks partly down": ("links-down", {}, {"nvlink-down": "only 2 of 18 NVLinks of GPU 5 are up"}),
    "one lane of sixteen": ("pcie-x1", {}, {"pcie-narrow": "GPU 1 uses 1 of 16 PCIe lanes"}),
    "a slot of one lane": (
        "riser",
        {"files": {"/sys/bus/pci/devices/0000:01:00.0/max_link_width": "16\n"}},
        {"pcie-narrow": "GPU 0 has a slot with 1 of the 16 PCIe lanes"},
    ),
    "power and heat": (
        "slowed",
        {},
        {
            "power-brake": "GPU 0 is slowed by the power brake",
            "gpu-hot": "GPU 1 is slowed by heat at 94 °C",
            "pcie-slow": "at generation 1 of 4",
        },
    ),
    "a small window": ("small-bar1", {}, {"bar1-small": "GPU 0, 1: other cards reach only 256 MiB"}),
    "an IOMMU that translates": (
        "small-bar1",
        {"files": IOMMU},
        {"bar1-small": "256 MiB", "iommu-translates": "GPU 0, 1"},
    ),
    "a card that fell off the bus": (
        "t4",
        {"files": {**card("0000:00:1e.0"), **card("0000:00:1f.0")}},
        {"not-listed-by-driver": "1 of the 2 NVIDIA GPUs on the PCI bus is not listed by the driver"},
    ),
    "a card that is set aside for a virtual machine": (
        "t4",
        {"files": {**card("0000:00:1e.0"), **card("0000:00:1f.0", "vfio-pci")}},
        {"not-listed-by-driver": "reserved for virtual machines (bound to vfio-pci): 0000:00:1f.0"},
    ),
}


@pytest.mark.parametrize("what", SLOWER)
def test_what_is_slower_or_worn_is_a_problem_with_a_mend(inspect: Inspect, what: str) -> None:
    scenario, arranged, expected = SLOWER[what]
    machine = inspect(scenario, **arranged)
    problems = {each.code: each for each in machine.problems}
    assert set(problems) == set(expected)
    for code, words in expected.items():
        assert words in problems[code].message
        assert problems[code].remedy
    assert driver_line(machine).status == "pass"


XID = "NVRM: Xid (PCI:{}): {}, pid='<unknown>', name=<unknown>, more\n"


@pytest.mark.parametrize(
    ("log", "text", "seen", "serious"),
    [
        ("/dev/kmsg", "6,100,2000,-;" + XID.format("0000:01:00", 79), (79,), 1),
        ("/dev/kmsg", "4,1,2,-;" + XID.format("0000:01:00", 31) * 3 + XID.format("0000:02:00.0", 74), (31,), 1),
        ("/dev/kmsg", "4,1,2,-;" + XID.format("00000000:01:00", 48) + XID.format("0000:01:00", 13), (13, 48), 1),
        ("/dev/kmsg", "4,1,2,-;usb 1-1: new device\n", (), 0),
        (
            "/var/log/kern.log",
            f"kernel: {XID.format('0000:01:00', 79)}kernel: Linux version 6.8\nkernel: {XID.format('0000:01:00', 119)}",
            (119,),
            1,
        ),
        ("/var/log/messages", "kernel: Linux version 6.8\n", (), 0),
        ("/nowhere", "", None, 0),
    ],
    ids=["kmsg", "of a program", "several", "none", "file of several starts", "messages", "not readable"],
)
def test_errors_of_the_kernels_log(
    inspect: Inspect, log: str, text: str, seen: tuple[int, ...] | None, serious: int
) -> None:
    machine = inspect("2x4090", {log: text})
    assert (machine.gpus or ())[0].xids == seen
    told = [each for each in machine.problems if each.code == "xid"]
    assert len(told) == serious
    assert all("Xid" in each.message and each.remedy for each in told)


@pytest.mark.parametrize(
    ("scenario", "files"),
    [
        ("t4", {**card("0000:00:1e.0"), **card("0000:00:1f.0"), **CONTAINER}),
        ("2x4090", {"/sys/bus/pci/devices/0000:01:00.0/max_link_width": "16\n", **IOMMU}),
        ("8xh100", {"/sys/bus/pci/devices/0000:18:00.0/iommu_group/type": "DMA\n"}),
        ("small-bar1", {"/sys/bus/pci/devices/0000:41:00.0/iommu_group/type": "identity\n"}),
    ],
    ids=["a container has some", "consumer cards", "NVLink", "pass-through"],
)
def test_links_as_they_should_be_raise_no_alarm(inspect: Inspect, scenario: str, files: dict[str, str]) -> None:
    assert set(codes(inspect(scenario, files))) <= {"bar1-small"}


def test_two_of_eighteen_links_are_not_up(inspect: Inspect) -> None:
    findings = {each.id: each for each in judged(inspect("links-down"))["pretrain"].findings}
    assert (findings["nvlink"].status, findings["nvlink"].shortfall) == ("fail", "nvlink-partly")
    assert findings["nvlink"].found == "2 of 18 NVLinks up on 1 of 8 GPUs"


def test_facts_of_the_driver_and_the_cards_are_told(inspect: Inspect) -> None:
    machine = inspect("fabric-on", SWITCHES)
    driver = machine.drivers["nvidia"]
    assert (driver.library, driver.library_version) == (f"{LIBRARIES}/libcuda.so.1", "580.95.05")
    assert driver.kernel_module == "open"
    gpus = machine.gpus or ()
    assert {(gpu.fabric_state, gpu.bar1_total, gpu.nvlinks, len(gpu.links)) for gpu in gpus} == {
        ("completed", 2**37, 18, 18)
    }


def test_the_licence_of_a_vgpu_is_told(inspect: Inspect) -> None:
    assert [gpu.licensed for gpu in inspect("vgpu-licensed").gpus or ()] == [True]


@pytest.mark.parametrize(
    "module", [FILES, PROPRIETARY, {"/proc/driver/nvidia/version": None}], ids=["open", "other", "unknown"]
)
def test_for_blackwell_all_that_keeps_a_card_away_is_named(inspect: Inspect, module: dict[str, str | None]) -> None:
    (problem,) = inspect("no-cards", {**BLACKWELL, **module}).problems
    told = f"{problem.message} {problem.remedy}"
    assert all(words in told for words in ("open kernel modules", "Above 4G decoding", "Resizable BAR", "10de:2b85"))


def test_a_card_before_turing_needs_the_other_modules(inspect: Inspect) -> None:
    (problem,) = inspect("no-cards", {**BLACKWELL, f"{SLOT}/device": "0x1b06\n"}).problems
    assert "proprietary kernel modules" in (problem.remedy or "")


def test_the_tiers_of_a_server_are_ready_without_a_fault(inspect: Inspect) -> None:
    ready = {name for name, each in judged(inspect("fabric-on")).items() if each.verdict == "ready"}
    assert {"inference-7b", "inference-70b", "finetune-7b"} <= ready
