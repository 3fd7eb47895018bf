"""AMD GPUs from sysfs: the kernel's compute topology (KFD) joined with the amdgpu driver's files, without ROCm's tools;
AMD SMI's library is asked for the memory where no file tells it.

A compute node is one device to ROCm. A card in a partitioned mode (CPX, DPX, QPX) is several: each is listed with the
share of the memory that the kernel gives it, and with ``parent``, the index of the card's first partition (its own for
that first one), so that no partition is taken for a card or added up with others as if it were.

An APU shares the machine's RAM. Its driver allocates from the larger of the BIOS's carve-out and what it may map of
the RAM (GTT), so the larger of the two is its memory. Strix Halo and MI300A are counted; smaller APUs are listed only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.probe import Reading, Request
from llmcheck.probe._pci import ACCELERATOR, DISPLAY, Display, displays, numa_node
from llmcheck.probe.gpu._amd_names import APU_DEVICES, MI300A, NAMES, STRIX_HALO
from llmcheck.probe.gpu._amdsmi import memory_by_bus
from llmcheck.probe.gpu._visible import visible_amd
from llmcheck.schema.machine import Driver, Gpu, Problem
from llmcheck.system.host import Host
from llmcheck.units import GIB

VENDOR_ID = 0x1002

_PROBE = "gpu.amd"
_NODES = "/sys/class/kfd/kfd/topology/nodes"
# Where neither the target nor the device id says what it is: a carve-out is at most this, and cards that run a
# documented tier start above it.
_INTEGRATED_AT_MOST = 4 * GIB

# Targets of APUs, from the processor table of LLVM's "User Guide for AMDGPU Backend"; gfx942 is both, by id.
_APU_TARGETS = frozenset(
    ("gfx801", "gfx810", "gfx902", "gfx909", "gfx90c", "gfx1013", "gfx1033", "gfx1035", "gfx1036", "gfx1103",
     "gfx1150", "gfx1151", "gfx1152", "gfx1153")
)  # fmt: skip
# The APUs that are built and sold for large models; all others are the graphics of a CPU.
_COUNTED_TARGET = "gfx1151"


class Node(Struct, frozen=True):
    """A compute node that has shader units."""

    path: str
    facts: dict[str, int]

    @property
    def place(self) -> tuple[int, int]:
        """PCI domain and bus:device.function in 16 bits; partitions differ in the function alone."""
        return self.facts.get("domain", 0), self.facts.get("location_id", 0)

    @property
    def card(self) -> tuple[int, int]:
        domain, location = self.place
        return domain, location >> 3


def probe(host: Host, _request: Request) -> Iterator[Reading]:
    """Yields what files tell first: AMD SMI talks to the driver, which may hang."""
    reading = _by_files(host)
    yield reading
    lacking = [gpu for gpu in reading.gpus or () if gpu.memory_total is None and gpu.usable and gpu.parent is None]
    if lacking:
        yield _with_amdsmi(reading, memory_by_bus(host))


def _with_amdsmi(reading: Reading, memory: dict[str, tuple[int, int | None]]) -> Reading:
    """Whole cards whose memory sysfs does not tell, with what AMD SMI says of them."""
    gpus = []
    for gpu in reading.gpus or ():
        total, used = memory.get(gpu.pci_bus_id or "", (None, None))
        if gpu.memory_total is None and gpu.parent is None and total is not None:
            free = None if used is None else max(0, total - used)
            gpu = replace(gpu, memory_total=total, memory_used=used, memory_free=free)
        gpus.append(gpu)
    sources = {**reading.sources, "gpus.memory_total": "AMD SMI"} if memory else reading.sources
    return replace(reading, gpus=tuple(gpus), sources=sources)


def _by_files(host: Host) -> Reading:
    cards = {card.bus_id: card for card in displays(host, VENDOR_ID, (DISPLAY, ACCELERATOR)) or ()}
    nodes, withheld = _nodes(host)
    if not cards and not nodes:
        return Reading(gpus=(), sources={"gpus": "no AMD device on the PCI bus, no KFD node"})
    shares = {node.card: _shares(host, node, nodes, cards, withheld) for node in nodes}
    entries: list[tuple[Gpu, Node]] = []
    for node in nodes:
        entries.append((_device(host, node, _card(node, cards), shares[node.card], len(entries)), node))
    entries = [(_with_parent(gpu, node, entries, shares), node) for gpu, node in entries]
    uuids = [_uuid(node) for _, node in entries]
    visible = visible_amd(host.environ, uuids)
    gpus = [replace(gpu, visible=position in visible) for position, (gpu, _) in enumerate(entries)]
    joined = {gpu.pci_bus_id for gpu in gpus}
    gpus += [_without_node(host, card, withheld) for card in cards.values() if card.bus_id not in joined]
    gpus, access = _access(host, gpus)
    problems = [*access, *(_not_driven(gpu, cards) for gpu in gpus if gpu.fault == "driver-not-loaded")]
    return Reading(
        gpus=tuple(gpus),
        gpu_uuids=tuple(uuids + [""] * (len(gpus) - len(uuids))),
        drivers=_driver(host, gpus, access),
        problems=tuple(problems),
        sources=_sources(host, bool(nodes), any(share != 1 for share in shares.values())),
    )


def gfx(version: int) -> str | None:
    """LLVM's name of the target that KFD numbers: 90010 is gfx90a. Its stepping is written in hexadecimal."""
    return f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}" if version else None


def _nodes(host: Host) -> tuple[list[Node], bool]:
    """The nodes with shader units in their order, and whether some may not be read (granted to other containers)."""
    found: dict[tuple[int, int], Node] = {}
    withheld = False
    for name in sorted((name for name in host.list(_NODES) or () if name.isdecimal()), key=int):
        text = host.read(f"{_NODES}/{name}/properties")
        withheld |= not text
        facts = _facts(text)
        if facts.get("simd_count") and facts.get("vendor_id", VENDOR_ID) == VENDOR_ID:
            node = Node(f"{_NODES}/{name}", facts)
            found.setdefault(node.place, node)
    return list(found.values()), withheld


def _facts(text: str | None) -> dict[str, int]:
    pairs = (line.split() for line in (text or "").splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and re.fullmatch(r"[0-9]{1,20}", pair[1])}


def _bus_id(node: Node, function: bool) -> str:
    domain, location = node.place
    return f"{domain:04x}:{location >> 8 & 0xFF:02x}:{location >> 3 & 0x1F:02x}.{location & 7 if function else 0}"


def _card(node: Node, cards: dict[str, Display]) -> Display | None:
    """A partition's function is no device on the bus: its card is function 0."""
    return cards.get(_bus_id(node, function=True)) or cards.get(_bus_id(node, function=False))


def _shares(host: Host, node: Node, nodes: list[Node], cards: dict[str, Display], withheld: bool) -> int:
    """Into how many partitions a node's card is cut: 1 for a whole card, 0 where it is cut and not all can be seen."""
    seen = sum(other.card == node.card for other in nodes)
    mode = _partition(host, _card(node, cards)) or "SPX"
    cut = seen > 1 or not mode.startswith("SPX")
    return 1 if not cut else 0 if withheld or seen == 1 else seen


def _uuid(node: Node) -> str:
    """As ROCm writes it, and as its variables take it; ``GPU-XX`` for a card without a number of its own."""
    number = node.facts.get("unique_id")
    return f"GPU-{number:016x}" if number else "GPU-XX"


def _device(host: Host, node: Node, card: Display | None, shares: int, index: int) -> Gpu:
    """One device as ROCm sees it: a card, or one partition of it."""
    device = card.device if card else node.facts.get("device_id", 0)
    target = gfx(node.facts.get("gfx_target_version", 0))
    apu = _is_apu(target, device, node)
    total, used = _apu_memory(host, node, card) if apu else _memory(host, node, card, shares)
    return Gpu(
        vendor="amd",
        index=index,
        name=_name(host, device, card) or _kfd_name(host, node) or f"AMD GPU [1002:{device:04x}]",
        memory_total=total,
        memory_used=used,
        memory_free=None if total is None or used is None else max(0, total - used),
        integrated=apu and target != _COUNTED_TARGET and device not in (STRIX_HALO, MI300A),
        unified=apu,
        pci_bus_id=card.bus_id if card else _bus_id(node, function=shares == 1),
        gfx=target,
        partition=_partition(host, card),
        numa_node=numa_node(host, card.path) if card else None,
    )


def _with_parent(gpu: Gpu, node: Node, entries: list[tuple[Gpu, Node]], shares: dict[tuple[int, int], int]) -> Gpu:
    if shares[node.card] == 1:
        return gpu
    return replace(gpu, parent=next(first.index for first, other in entries if other.card == node.card))


def _is_apu(target: str | None, device: int, node: Node | None) -> bool:
    """Old kernels give an APU one node with both processors and shader units; newer ones two, hence the tables."""
    both = bool(node and node.facts.get("cpu_cores_count"))
    return both or target in _APU_TARGETS or device == MI300A or device in APU_DEVICES


def _memory(host: Host, node: Node, card: Display | None, shares: int) -> tuple[int | None, int | None]:
    """Bytes in all and in use. The driver's files speak for the whole card, the node's banks for this partition.

    The kernel divides a card's memory evenly among its partitions, so that is the share where a node has no banks.
    """
    total = host.read_int(f"{card.path}/mem_info_vram_total") if card else None
    used = host.read_int(f"{card.path}/mem_info_vram_used") if card else None
    banks, banks_used = _banks(host, node)
    if shares != 1:
        return banks or (total // shares if total and shares else None), banks_used
    total = total or banks or node.facts.get("local_mem_size")
    return total or None, banks_used if used is None else used


def _banks(host: Host, node: Node) -> tuple[int | None, int | None]:
    """Bytes in the node's own memory banks (heap types 1 and 2, not the machine's RAM) and in use of them.

    Newer kernels leave ``local_mem_size`` at 0 and tell the size here alone.
    """
    sizes, used = [], []
    for bank in host.list(f"{node.path}/mem_banks") or ():
        facts = _facts(host.read(f"{node.path}/mem_banks/{bank}/properties"))
        if facts.get("heap_type") in (1, 2) and facts.get("size_in_bytes"):
            sizes.append(facts["size_in_bytes"])
            used.append(host.read_int(f"{node.path}/mem_banks/{bank}/used_memory"))
    known = [number for number in used if number is not None]
    return sum(sizes) or None, sum(known) if known and len(known) == len(used) else None


def _apu_memory(host: Host, node: Node | None, card: Display | None) -> tuple[int | None, int | None]:
    """Bytes that the driver would allocate from, and in use there; None leaves it to the machine's RAM."""
    banks = _banks(host, node)[0] if node else None
    if not card:
        return banks, None
    pools = [(host.read_int(f"{card.path}/mem_info_{pool}_total") or 0, pool) for pool in ("vram", "gtt")]
    total, pool = max(pools)
    if not total:
        return banks, None
    return total, host.read_int(f"{card.path}/mem_info_{pool}_used")


def _name(host: Host, device: int, card: Display | None) -> str | None:
    """What the card calls itself (data centre cards do), else the marketing name of its id and revision."""
    own = (host.read(f"{card.path}/product_name") or "").strip() if card else ""
    if own:
        return own
    known = NAMES.get(device)
    if known is None or isinstance(known, str):
        return known
    revision = host.read_int(f"{card.path}/revision") if card else None
    return known.get(revision) if revision is not None else None


def _kfd_name(host: Host, node: Node) -> str | None:
    """The code name that old kernels give (``vega10``); newer ones only say where they found it."""
    name = (host.read(f"{node.path}/name") or "").strip()
    return f"AMD GPU ({name})" if name and name != "ip discovery" else None


def _partition(host: Host, card: Display | None) -> str | None:
    if not card:
        return None
    modes = (host.read(f"{card.path}/current_{kind}_partition") for kind in ("compute", "memory"))
    return "/".join(mode.strip() for mode in modes if mode and mode.strip()) or None


def _without_node(host: Host, card: Display, withheld: bool) -> Gpu:
    """A card that PCI shows and the compute topology does not."""
    apu = _is_apu(None, card.device, None)
    total = host.read_int(f"{card.path}/mem_info_vram_total")
    used = host.read_int(f"{card.path}/mem_info_vram_used")
    if apu:
        total, used = _apu_memory(host, None, card)
    integrated = apu and card.device not in (STRIX_HALO, MI300A)
    integrated |= not apu and card.device not in NAMES and total is not None and total <= _INTEGRATED_AT_MOST
    bound = card.driver == "amdgpu"
    # A container that was granted other cards cannot read this one's node; without any reason it cannot compute.
    usable: bool | None = True if integrated or withheld else None
    return Gpu(
        vendor="amd",
        name=_name(host, card.device, card) or f"AMD GPU [1002:{card.device:04x}]",
        memory_total=total,
        memory_used=used,
        memory_free=None if total is None or used is None else max(0, total - used),
        visible=not withheld,
        usable=usable if bound else False,
        fault=("kfd-missing" if usable is None else None) if bound else "driver-not-loaded",
        integrated=integrated,
        unified=apu,
        pci_bus_id=card.bus_id,
        partition=_partition(host, card),
        numa_node=numa_node(host, card.path),
    )


def _access(host: Host, gpus: list[Gpu]) -> tuple[list[Gpu], list[Problem]]:
    """Whether programs may open the compute device; where not, no card that is meant to compute is known to work."""
    waiting = [gpu for gpu in gpus if not gpu.integrated and gpu.visible and gpu.usable is not False]
    if not waiting:
        return gpus, []
    if not host.exists("/dev/kfd") or all(gpu.index is None for gpu in waiting):
        code, message = "kfd-missing", "the compute device /dev/kfd is not there, so ROCm cannot use the AMD GPU"
        if host.exists("/dev/kfd"):
            message = "the kernel's compute driver (KFD) does not list the AMD GPU"
        remedy = (
            "start a container with '--device /dev/kfd --device /dev/dri'; elsewhere run 'sudo modprobe amdgpu' and "
            "look at 'dmesg'"
        )
    elif not host.may_use("/dev/kfd"):
        code, message = "no-permission", "this user may not open /dev/kfd, the compute device of the AMD GPU"
        remedy = "run 'sudo usermod -aG render,video $USER' and log in again"
    else:
        return gpus, []
    faulty = [replace(gpu, usable=None, fault=code) if gpu in waiting else gpu for gpu in gpus]
    return faulty, [Problem(probe=_PROBE, code=code, message=message, remedy=remedy)]


def _not_driven(gpu: Gpu, cards: dict[str, Display]) -> Problem:
    driver = cards[gpu.pci_bus_id].driver if gpu.pci_bus_id in cards else None
    held = f", it is held by {driver}" if driver else ""
    return Problem(
        probe=_PROBE,
        code="driver-not-loaded",
        message=f"the AMD GPU {gpu.pci_bus_id} has no amdgpu driver{held}",
        remedy=f"give it back from {driver} to amdgpu" if driver else "run 'sudo modprobe amdgpu'",
    )


def _driver(host: Host, gpus: list[Gpu], access: list[Problem]) -> dict[str, Driver]:
    """The amdgpu module's own version, else ROCm's; the module of a stock kernel has none."""
    if not any(gpu.fault != "driver-not-loaded" for gpu in gpus):
        return {}
    version = (host.read("/sys/module/amdgpu/version") or "").strip() or rocm_version(host)
    return {"amd": Driver(version=version, fault=access[0].code if access else None)}


def rocm_version(host: Host) -> str | None:
    """Of what is installed under /opt, the version without its build number; None where there is none."""
    written = (host.read("/opt/rocm/.info/version") or "").strip()
    if written:
        return written.partition("-")[0]
    folders = [name for name in host.list("/opt") or () if re.fullmatch(r"rocm-\d+(\.\d+)+", name)]
    versions = [tuple(int(part) for part in name.removeprefix("rocm-").split(".")) for name in folders]
    return ".".join(str(part) for part in max(versions)) if versions else None


def _sources(host: Host, topology: bool, partitioned: bool) -> dict[str, str]:
    gpus = f"{_NODES} and sysfs of amdgpu" if topology else "sysfs of amdgpu"
    if partitioned:
        gpus += "; the partitions of a card share its memory"
    own = host.exists("/sys/module/amdgpu/version")
    rocm = rocm_version(host)
    driver = "/sys/module/amdgpu/version" if own else "the amdgpu of the kernel tells no version"
    return {"gpus": gpus, "drivers.amd": f"{driver}; ROCm {rocm} under /opt" if rocm else driver}
