"""What is wrong with a card that NVML reads: CUDA does not start on it, or it is slower than it should be, or worn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmcheck.probe._pci import DEVICES
from llmcheck.probe.gpu._cuda_start import PROBE, is_consumer
from llmcheck.schema.machine import Gpu, Problem
from llmcheck.system.host import Host

# CUDA's multi-process service keeps an exclusive card to itself and lets other processes compute through it.
_MPS = "nvidia-cuda-mps"
_COMM_LENGTH = 15
_NVSWITCH = "switch"
# Lanes of a slot that only cards for signage and mining risers have; a case for an external card has four.
_FEW_LANES = 2
_HEAT = ("hw-thermal-slowdown", "sw-thermal-slowdown")
# Without Resizable BAR the window is 256 MiB on consumer cards, whatever their memory.
_SMALL_BAR1 = 256 * 2**20


def not_starting(host: Host, gpu: Gpu, instances: int) -> Problem | None:
    """Why CUDA does not start on this card; None where nothing speaks against it. ``instances``: its MIG instances."""
    if gpu.mig_mode and not instances:
        return _problem(
            "mig-without-instances",
            f"GPU {gpu.index} is in MIG mode without instances: no process can use it",
            f"create instances ('sudo nvidia-smi mig -i {gpu.index} -lgip' lists those that are possible), "
            f"or turn MIG off: sudo nvidia-smi -i {gpu.index} -mig 0",
        )
    if gpu.compute_mode == "prohibited":
        return _problem(
            "compute-prohibited",
            f"GPU {gpu.index} is in compute mode prohibited: no program may compute on it",
            f"run 'sudo nvidia-smi -i {gpu.index} -c DEFAULT'",
        )
    if gpu.compute_mode == "exclusive-process" and gpu.processes:
        return _exclusive(host, gpu)
    if gpu.licensed is False:
        return _problem(
            "vgpu-unlicensed",
            f"GPU {gpu.index} is a vGPU without a licence: the driver slows it down and switches CUDA off",
            "put the licence server's token into /etc/nvidia/ClientConfigToken and run 'sudo systemctl restart "
            "nvidia-gridd'; 'nvidia-smi -q' shows 'License Status'",
        )
    return None


def _exclusive(host: Host, gpu: Gpu) -> Problem | None:
    """An exclusive card that another process has; None where that process is CUDA's multi-process service."""
    others = gpu.processes or ()
    names = [(host.read(f"/proc/{each.pid}/comm") or "").strip() for each in others]
    if any(name.startswith(_MPS[:_COMM_LENGTH]) for name in names):
        return None
    who = ", ".join(f"{each.pid}{f' ({name})' if name else ''}" for each, name in zip(others, names, strict=True))
    return _problem(
        "compute-exclusive",
        f"GPU {gpu.index} is in compute mode exclusive-process, and process {who} has it: no other program can start "
        "on it",
        f"end that process, or share the card: 'sudo nvidia-smi -i {gpu.index} -c DEFAULT'",
    )


def fabric(gpus: Sequence[Gpu], manager: bool | None) -> Problem | None:
    """Why CUDA answers error 802 (system not yet initialised): the switches between the cards are not set up.

    ``manager``: whether the fabric manager runs; None where that cannot be seen.
    """
    states = {gpu.fabric_state for gpu in gpus} - {None, "completed"}
    known = any(gpu.fabric_state is not None for gpu in gpus)
    if not states and (known or manager is not False):
        return None
    late = [gpu for gpu in gpus if gpu.fabric_state in states]
    whose = "all GPUs" if len(late) == len(gpus) else f"GPU {_numbers(late)}"
    what = (
        f"the NVSwitch fabric of {whose} is {' and '.join(sorted(filter(None, states))).replace('-', ' ')}"
        if states
        else ("this machine has NVSwitch, and the fabric manager does not run")
    )
    why = "; the fabric manager does not run" if states and manager is False else ""
    return _problem(
        "fabric-not-ready",
        f"CUDA cannot start (error 802, system not yet initialised): {what}{why}",
        "on the host: 'sudo systemctl enable --now nvidia-fabricmanager', of exactly the driver's version; its log is "
        "/var/log/fabricmanager.log",
    )


def slower(gpus: Sequence[Gpu]) -> Iterator[Problem]:
    """Links below what card and slot can, brakes, and wear, of cards that work."""
    for gpu in gpus:
        if gpu.parent is None and gpu.usable is not False:
            yield from _pcie(gpu)
            yield from _nvlinks(gpu, gpus)
            yield from _brakes(gpu)
            yield from _ecc(gpu)


def _pcie(gpu: Gpu) -> Iterator[Problem]:
    link = gpu.pcie
    if link is None or link.width is None:
        return
    most = link.max_width or link.width
    if link.width < most:
        yield _problem(
            "pcie-narrow",
            f"GPU {gpu.index} uses {link.width} of {most} PCIe lanes that card and slot have",
            "power off, clean and reseat the card and its riser cable; look at the slot's lanes in the BIOS",
        )
    elif link.card_width is not None and link.width <= _FEW_LANES < link.card_width:
        yield _problem(
            "pcie-narrow",
            f"GPU {gpu.index} has a slot with {link.width} of the {link.card_width} PCIe lanes it could use: loading "
            "models and splitting them over GPUs is slow",
            "move the card to a slot with x8 or x16 lanes, without a riser for mining",
        )
    # Cards lower the generation when they have nothing to do.
    if gpu.idle is False and link.generation and link.max_generation and link.generation < link.max_generation:
        yield _problem(
            "pcie-slow",
            f"GPU {gpu.index} runs its PCIe link at generation {link.generation} of {link.max_generation} under load",
            "set the slot's link speed to Auto or the highest in the BIOS; reseat the card, replace a riser cable",
        )


def _nvlinks(gpu: Gpu, gpus: Sequence[Gpu]) -> Iterator[Problem]:
    """Links that are down although this card, or others of its name, have some that are up."""
    if not gpu.links or gpu.nvlinks is None or gpu.nvlinks == len(gpu.links):
        return
    alike = max((other.nvlinks or 0 for other in gpus if other.name == gpu.name), default=0)
    if not alike:
        return
    remedy = "look at 'dmesg' for Xid 74, then 'sudo nvidia-smi --gpu-reset' or reboot; if that fails, check the card"
    if not any(link.peer == _NVSWITCH for other in gpus for link in other.links):
        remedy = f"check the NVLink bridge; {remedy}"
    yield _problem("nvlink-down", f"only {gpu.nvlinks} of {len(gpu.links)} NVLinks of GPU {gpu.index} are up", remedy)


def _brakes(gpu: Gpu) -> Iterator[Problem]:
    reasons = gpu.throttle_reasons or ()
    if "hw-power-brake-slowdown" in reasons:
        yield _problem(
            "power-brake",
            f"GPU {gpu.index} is slowed by the power brake: the power supply told it to",
            "check the power supply, its cables and the rack's power limit",
        )
    elif "hw-slowdown" in reasons and not set(reasons) & set(_HEAT):
        yield _problem(
            "hw-slowdown",
            f"GPU {gpu.index} is slowed by its hardware (heat or power)",
            "check the power cables and the cooling",
        )
    if set(reasons) & set(_HEAT):
        hot = f" at {gpu.temperature_c} °C" if gpu.temperature_c is not None else ""
        yield _problem(
            "gpu-hot",
            f"GPU {gpu.index} is slowed by heat{hot}",
            "check fans, dust, the airflow and the room's temperature",
        )


def _ecc(gpu: Gpu) -> Iterator[Problem]:
    """Memory errors of a card that works."""
    ecc = gpu.ecc
    if ecc is None:
        return
    if ecc.remapping_failed:
        yield _problem("ecc-exhausted", f"GPU {gpu.index} has no spare memory rows left", "have the card replaced")
    if ecc.remapping_pending:
        remedy = "run 'sudo nvidia-smi --gpu-reset' or reboot"
        yield _problem("ecc-remap-pending", f"GPU {gpu.index} needs a reset to remap bad memory", remedy)
    if ecc.uncorrected_errors:
        message = f"has had {ecc.uncorrected_errors} uncorrected memory errors since the driver was loaded"
        yield _problem("ecc-errors", f"GPU {gpu.index} {message}", "look at 'dmesg' for Xid errors")


def peers(host: Host, gpus: Sequence[Gpu]) -> Iterator[Problem]:
    """What keeps cards from reaching each other's memory over PCIe; nothing for one card, and for cards with NVLink.

    The driver gives consumer cards no such access at all. ACS cannot be seen: its bits need root.
    """
    cards = [
        gpu
        for gpu in gpus
        if gpu.parent is None and gpu.usable is not False and not gpu.nvlinks and not is_consumer(gpu)
    ]
    if len(cards) < 2:
        return
    small = [gpu for gpu in cards if gpu.bar1_total is not None and gpu.bar1_total <= _SMALL_BAR1]
    if small:
        size = (small[0].bar1_total or 0) >> 20
        yield _problem(
            "bar1-small",
            f"GPU {_numbers(small)}: other cards reach only {size} MiB of its memory at a time (BAR1): copies between "
            "GPUs go through RAM",
            "switch on 'Above 4G decoding' and 'Resizable BAR' in the BIOS",
        )
    translated = [gpu for gpu in cards if _is_translated(host, gpu)]
    if translated:
        yield _problem(
            "iommu-translates",
            f"GPU {_numbers(translated)}: the IOMMU translates their addresses: copies between GPUs are slow or hang",
            "start the kernel with iommu=pt, or switch the IOMMU off in the BIOS; PCIe ACS may have to be off too "
            "('sudo lspci -vvv' shows ACSCtl)",
        )


def _is_translated(host: Host, gpu: Gpu) -> bool:
    """Whether the card's group has DMA translated; ``identity`` is pass-through. Without an IOMMU there is no group."""
    kind = host.read(f"{folder_of(gpu)}/iommu_group/type") if gpu.virtualization is None else None
    return (kind or "").strip().startswith("DMA")


def folder_of(gpu: Gpu) -> str:
    """The card's folder in sysfs: NVML writes the domain with eight digits, the kernel with four."""
    domain, _, rest = (gpu.pci_bus_id or "").lower().partition(":")
    return f"{DEVICES}/{domain[-4:]}:{rest}"


def _numbers(gpus: Sequence[Gpu]) -> str:
    return ", ".join(str(gpu.index) for gpu in gpus)


def _problem(code: str, message: str, remedy: str) -> Problem:
    return Problem(probe=PROBE, code=code, message=message, remedy=remedy)
