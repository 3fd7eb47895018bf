"""What people call the entries of the machine's lists, and its facts: ``GPU 3``, ``mlx5_ib3 port 1``, ``ECC mode``.

The one place for the natural key of each list. Only what is not as it should be is named, so nothing here costs a pass.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from llmcheck.judge.facts import paths
from llmcheck.judge.facts.meaning import ABSENT, UNKNOWN
from llmcheck.judge.facts.paths import Path

_MOST_NAMED = 4
_LONGEST = 80


class Entry(Struct, frozen=True):
    """How the entries of one list are called."""

    noun: str
    plural: str
    key: str
    """With the fields of the entry that tell it from the others: ``GPU {index}``."""


ENTRIES: dict[str, Entry] = {
    "Accelerator": Entry("accelerator", "accelerators", "{name}"),
    "CachedModel": Entry("downloaded model", "downloaded models", "{repository}"),
    "CompiledFor": Entry("package", "packages", "{name}"),
    "CudaToolkit": Entry("CUDA toolkit", "CUDA toolkits", "{path}"),
    "Disk": Entry("disk", "disks", "{path}"),
    "DistributionIssue": Entry("damaged package", "damaged packages", "{name}"),
    "Driver": Entry("driver", "drivers", ""),
    "Endpoint": Entry("address", "addresses", "{name}"),
    "FabricPort": Entry("port", "ports", "{device} port {port}"),
    "Gpu": Entry("GPU", "GPUs", "GPU {index}"),
    "GpuProcess": Entry("process", "processes", "process {pid}"),
    "InstallerSetting": Entry("installer setting", "installer settings", "{tool} {option}"),
    "ModelCache": Entry("model cache", "model caches", "{path}"),
    "Nic": Entry("network card", "network cards", "{name}"),
    "NumaNode": Entry("NUMA node", "NUMA nodes", "NUMA node {node}"),
    "NvLink": Entry("NVLink", "NVLinks", "link {link}"),
    "NvmeDrive": Entry("NVMe drive", "NVMe drives", "{name}"),
    "Package": Entry("package", "packages", "{name}"),
    "PackageRequires": Entry("package", "packages", "{name}"),
    "Problem": Entry("problem", "problems", "{code}"),
    "Source": Entry("source", "sources", "{fact}"),
    "Tool": Entry("tool", "tools", "{name}"),
}
"""By the struct of the entries; an entry of a table is called by its key."""
_WORDS = {
    "bar1": "BAR1", "cpu": "CPU", "cuda": "CUDA", "cudnn": "cuDNN", "dram": "DRAM", "drivers": "driver", "ecc": "ECC",
    "efa": "EFA", "gpu": "GPU", "gpudirect": "GPUDirect", "gpus": "GPUs", "mig": "MIG", "nccl": "NCCL", "numa": "NUMA",
    "nvidia": "NVIDIA", "nvlink": "NVLink", "nvlinks": "NVLinks", "nvme": "NVMe", "os": "system's", "pci": "PCI",
    "pcie": "PCIe", "ram": "RAM", "sram": "SRAM", "vbios": "VBIOS", "wsl": "WSL", "xids": "Xids", "zfs": "ZFS",
}  # fmt: skip
_UNITS = re.compile(r"_(?:gbps|mbps|mhz|percent|tflops|gb_s|gb|w|c)$")


def label(path: Path) -> str:
    """The fact in words, without the list that its elements are in: ``PCIe width``; "" where an element is the fact."""
    if path.to_elements and not path.of_element:
        return ""
    steps = path.of_element if path.to_elements else (*path.to_elements, *path.of_element)
    names = [step.name for step in steps if step.name]
    if names[0] == "drivers" and len(names) > 1:
        names[:2] = [names[1], names[0]]  # the NVIDIA driver
    return _in_words(names)


def nouns(path: Path) -> tuple[str, str]:
    """One element and several: ``GPU`` and ``GPUs``, ``throttle reason`` and ``throttle reasons``."""
    entry = ENTRIES.get(getattr(path.element, "__name__", ""))
    if entry is not None:
        return entry.noun, entry.plural
    plural = _in_words([next((step.name for step in reversed(path.to_elements) if step.name), "entries")])
    return (plural[:-1] if plural.endswith("s") else f"entry of {plural}"), plural


def _in_words(names: Sequence[str]) -> str:
    found: list[str] = []
    for name in names:
        found += _UNITS.sub("", name).replace("bytes_per_second", "speed").split("_")
    return " ".join(_WORDS.get(each, each) for each in found)


def of_elements(path: Path, machine: object) -> tuple[str, ...]:
    """The names of ``paths.elements(path, machine).known``; "" for one that is nothing but its value."""
    current: list[tuple[Any, Any, str]] = [(machine, None, "")]
    for step in path.to_elements:
        if step.kind != "every":
            reached = [
                (paths.part(value, step, owner), value if step.kind == "field" else owner, name)
                for value, owner, name in current
            ]
            current = [each for each in reached if each[0] is not UNKNOWN and each[0] is not ABSENT]
            continue
        following = []
        for value, _, before in current:
            for key, entry in value.items() if isinstance(value, dict) else enumerate(value):
                if entry is not None:
                    name = str(key) if isinstance(value, dict) else _of_entry(entry, key)
                    following.append((entry, None, f"{before} {name}".strip()))
        current = following
    return tuple(name[:_LONGEST] for *_, name in current)


def _of_entry(entry: Any, position: int) -> str:
    known = ENTRIES.get(type(entry).__name__)
    if known is None:
        return f"row {position}" if isinstance(entry, tuple) else ""
    fields = {name: getattr(entry, name) for name in re.findall(r"{(\w+)}", known.key)}
    if None in fields.values():
        return f"{known.noun} at place {position + 1}"
    return known.key.format(**fields)


def joined(names: Sequence[str], most: int = _MOST_NAMED) -> str:
    """``GPU 3, 5 and 2 more``: what names have in common stands once."""
    different = list(dict.fromkeys(names))
    if len(different) == most + 1:
        most += 1  # "and 1 more" is no shorter than its name
    shown, words, last = different[:most], list[str](), ""
    for name in shown:
        before, _, number = name.rpartition(" ")
        words.append(number if before and before == last and number.isdigit() else name)
        last = before
    rest = len(different) - len(shown)
    return (
        f"{', '.join(words)} and {rest} more"
        if rest
        else " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
    )
