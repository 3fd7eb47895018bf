"""Why NVIDIA's kernel module is not loaded, or has no card: from module folders, DKMS and firmware variables."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmcheck.probe._pci import PciDevice
from llmcheck.probe.gpu._cuda_start import PROBE, kernel_module
from llmcheck.probe.system import container_of
from llmcheck.schema.machine import Problem
from llmcheck.system.host import Host

_MODULES, _DKMS = "/lib/modules", "/var/lib/dkms/nvidia"
_SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
# Linux, include/linux/module_signature.h and scripts/sign-file.c: the last bytes of a signed module.
_SIGNED = b"~Module signature appended~\n"
# A line of modules.dep: "updates/dkms/nvidia.ko.zst: kernel/drivers/..."; depmod writes one for each module.
_IN_LIST = r"(?m)^([^\s:]*/nvidia\.ko(?:\.(?:gz|xz|zst))?):"
_MOST_KERNELS = 8
# PCI device ids grow with the generation: GB100 begins at 2900, GB202 at 2B80; TU102, the first chip that the open
# kernel modules know, at 1E00. Source: NVIDIA open-gpu-kernel-modules, README.md, compatible GPUs; pci.ids; 2026-11-27.
_BIOS = "switch on 'Above 4G decoding' and 'Resizable BAR' in the BIOS"
_BLACKWELL, _TURING = 0x2900, 0x1E00


def not_loaded(host: Host, seen: Sequence[PciDevice]) -> Problem | None:
    """Why the kernel module is not loaded; None where the files do not tell, as in a container."""
    release = host.release()
    if release is None or container_of(host) is not None:
        return None
    path = _module(host, release)
    if path is None:
        return None
    if path == "":
        return _not_built(host, release)
    if not _secure_boot(host):
        return None
    signed = _is_signed(host, path)
    if signed is False:
        why = f"Secure Boot is on, and {path} is not signed: the kernel refuses it"
    elif any(card.driver == "nvidia" for card in seen):
        return None
    else:
        why = f"it is installed but not loaded, and Secure Boot is on: the key that signed {path} may not be enrolled"
    return Problem(
        probe=PROBE,
        code="kernel-module-unsigned",
        message=f"the NVIDIA kernel module does not load: {why}",
        remedy="sign it and enrol the key (Ubuntu has signed ones: linux-modules-nvidia-BRANCH-generic; else "
        "'sudo mokutil --import KEY' and reboot), or switch Secure Boot off in the firmware",
    )


def _module(host: Host, release: str) -> str | None:
    """The path of nvidia.ko for a kernel: empty where its list of modules has none, None where there is no list."""
    text = host.read(f"{_MODULES}/{release}/modules.dep")
    if not text:
        return None
    found = re.search(_IN_LIST, text)
    return f"{_MODULES}/{release}/{found[1]}" if found else ""


def _not_built(host: Host, release: str) -> Problem:
    others = [name for name in (host.list(_MODULES) or ())[-_MOST_KERNELS:] if name != release and _module(host, name)]
    versions = [name for name in host.list(_DKMS) or () if name[:1].isdigit()]
    message = f"no NVIDIA kernel module is built for the running kernel {release}"
    if others:
        message += f" (there is one for {others[-1]})"
    remedy = "install the driver's kernel module for this kernel, then 'sudo modprobe nvidia'"
    if versions:
        remedy = (
            f"install this kernel's headers (Ubuntu: 'sudo apt install linux-headers-{release}'), then "
            f"'sudo dkms install nvidia/{versions[-1]} -k {release}' and 'sudo modprobe nvidia'"
        )
    if others:
        remedy += f"; or boot the kernel {others[-1]}"
    return Problem(probe=PROBE, code="kernel-module-missing", message=message, remedy=remedy)


def _secure_boot(host: Host) -> bool:
    """Whether the firmware says so: four bytes of attributes, then the value."""
    data = host.read_bytes(_SECURE_BOOT, 8) or b""
    return data[4:5] == b"\x01"


def _is_signed(host: Host, path: str) -> bool | None:
    """None for a compressed module, whose end is not readable as it is."""
    if not path.endswith(".ko"):
        return None
    end = host.read_bytes(path, len(_SIGNED), from_end=True)
    return None if end is None else end == _SIGNED


def without_cards(host: Host, seen: Sequence[PciDevice]) -> Problem:
    """The problem of a driver that is loaded and lists none of the cards on the PCI bus."""
    kind, ids = kernel_module(host), [card.device for card in seen]
    named = ", ".join(sorted({f"10de:{number:04x}" for number in ids}))
    message = f"the NVIDIA driver is loaded but lists no GPU, although the PCI bus has one ({named})"
    newest, oldest = max(ids, default=0), min(ids, default=0)
    if newest >= _BLACKWELL and kind == "proprietary":
        message += ": Blackwell cards work only with the open kernel modules, and the proprietary ones are loaded"
        remedy = (
            "install the open kernel modules of the driver (Ubuntu: nvidia-driver-BRANCH-open), then reboot; if "
            f"the card is still not listed, {_BIOS}"
        )
    elif oldest < _TURING and kind == "open":
        message += ": the open kernel modules do not know cards older than Turing"
        remedy = "install the proprietary kernel modules (Ubuntu: nvidia-driver-580, the last for them), then reboot"
    else:
        remedy = f"{_BIOS}; look at 'dmesg' for NVRM messages (a missing power cable)"
        if newest >= _BLACKWELL:
            only = "the open kernel modules, the only ones for Blackwell"
            remedy = f"{only}, are loaded; {remedy}" if kind == "open" else f"use {only}; {remedy}"
    return Problem(probe=PROBE, code="no-devices", message=message, remedy=remedy)
