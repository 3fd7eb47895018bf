"""AMD GPUs from sysfs: the kernel's compute topology (KFD) and the files of the amdgpu driver, without ROCm's tools.
AMD SMI's library supplies the memory size where no file has it.

ROCm sees a node of the topology as one device. A card in a partitioned mode (CPX, DPX, QPX) has several nodes: each is
listed with its part of the memory and with ``parent``, the index of the card's first partition (its own index for the
first one), so that no partition counts as a card.

An APU shares the machine's RAM. Its driver allocates from the larger of the firmware's carve-out, which is not part of
the RAM that the kernel reports, and the RAM that it may map (GTT), so that size is its memory. Strix Halo and MI300A
count as GPUs; smaller APUs are only listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from llmcheck.gpus.unified_memory import GTT
from llmcheck.probe import Reading, Request, _pci
from llmcheck.probe._pci import ACCELERATOR, DISPLAY, DRIVER_NOT_LOADED, PciDevice, driver_problem, numa_node
from llmcheck.probe.gpu import _visible_problems
from llmcheck.probe.gpu._amd_names import APU_DEVICES, MI300A, NAMES, STRIX_HALO
from llmcheck.probe.gpu._amdsmi import memory_by_bus
from llmcheck.probe.gpu._visible import visible_amd
from llmcheck.schema.gpu import CARVE_OUT
from llmcheck.schema.machine import Driver, Gpu, Problem
from llmcheck.system.host import Host
from llmcheck.units import GIB

VENDOR_ID = 0x1002

_PROBE = "gpu.amd"
# The kernel's limit for all that its memory manager for GPUs maps, in pages; APUs are x86, whose pages have 4 KiB.
# By default half of the RAM (drivers/gpu/drm/ttm/ttm_module.c).
_TTM_LIMIT, _PAGE = "/sys/module/ttm/parameters/pages_limit", 4096
_NODES = "/sys/class/kfd/kfd/topology/nodes"
# A device with an unknown target and id is integrated graphics up to this size: carve-outs are not larger, and cards
# that run a documented tier are.
_INTEGRATED_AT_MOST = 4 * GIB

# Targets of APUs, from the processor table of LLVM's "User Guide for AMDGPU Backend"; for gfx942 the id decides.
_APU_TARGETS = frozenset(
    ("gfx801", "gfx810", "gfx902", "gfx909", "gfx90c", "gfx1013", "gfx1033", "gfx1035", "gfx1036", "gfx1103",
     "gfx1150", "gfx1151", "gfx1152", "gfx1153")
)  # fmt: skip
# The target of the APUs that are sold for large models; those of other targets are the graphics of a CPU.
_COUNTED_TARGET = "gfx1151"


class Node(Struct, frozen=True):
    """A node of the KFD topology with shader units."""

    path: str
    facts: dict[str, int]

    @property
    def place(self) -> tuple[int, int]:
        """PCI domain, and bus:device.function in 16 bits; partitions of a card differ only in the function."""
        return self.facts.get("domain", 0), self.facts.get("location_id", 0)

    @property
    def card(self) -> tuple[int, int]:
        domain, location = self.place
        return domain, location >> 3


class Pool(Struct, frozen=True, kw_only=True):
    """Memory that a device allocates from; bytes, each None where it is not known."""

    total: int | None
    used: int | None = None
    kind: str | None = None
    """As ``Gpu.memory_pool``."""


def probe(host: Host, _request: Request) -> Iterator[Reading]:
    """Yields the reading from files first, because AMD SMI calls the driver, which may hang."""
    reading = _by_files(host)
    yield reading
    lacking = [gpu for gpu in reading.gpus or () if gpu.memory_total is None and gpu.usable and gpu.parent is None]
    if lacking:
        yield _with_amdsmi(reading, memory_by_bus(host))


def _with_amdsmi(reading: Reading, memory: dict[str, tuple[int, int | None]]) -> Reading:
    """The reading with AMD SMI's memory sizes for the cards without one."""
    gpus = []
    for gpu in reading.gpus or ():
        total, used = memory.get(gpu.pci_bus_id or "", (None, None))
        if gpu.memory_total is None and gpu.parent is None and total is not None:
            gpu = replace(gpu, memory_total=total, memory_used=used, memory_free=_free(total, used))
        gpus.append(gpu)
    sources = {**reading.sources, "gpus.memory_total": "AMD SMI"} if memory else reading.sources
    return replace(reading, gpus=tuple(gpus), sources=sources)


def _by_files(host: Host) -> Reading:
    seen = _pci.devices(host, VENDOR_ID, (DISPLAY, ACCELERATOR))
    cards = {card.bus_id: card for card in seen or ()}
    nodes, withheld = _nodes(host)
    if seen is None and not nodes:
        return Reading(gpus=None)
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
    wrong = _visible_problems.of_amd(host.environ, uuids)
    problems = [
        *([wrong] if wrong else []),
        *access,
        *(_not_bound(gpu, cards) for gpu in gpus if gpu.fault == DRIVER_NOT_LOADED),
    ]
    return Reading(
        gpus=tuple(gpus),
        gpu_uuids=tuple(uuids + [""] * (len(gpus) - len(uuids))),
        drivers=_driver(host, gpus, access),
        problems=tuple(problems),
        sources=_sources(host, bool(nodes), any(share != 1 for share in shares.values())),
    )


def gfx(version: int) -> str | None:
    """LLVM's name of a target from KFD's number: gfx90a for 90010. The stepping is hexadecimal."""
    return f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}" if version else None


def _nodes(host: Host) -> tuple[list[Node], bool]:
    """The nodes with shader units in their order, and whether some cannot be read (they belong to other containers)."""
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


def _card(node: Node, cards: dict[str, PciDevice]) -> PciDevice | None:
    """The card of a node; the function of a partition is not on the bus, its card has function 0."""
    return cards.get(_bus_id(node, function=True)) or cards.get(_bus_id(node, function=False))


def _shares(host: Host, node: Node, nodes: list[Node], cards: dict[str, PciDevice], withheld: bool) -> int:
    """The number of partitions of a node's card: 1 for an unpartitioned card, 0 where some are not visible."""
    seen = sum(other.card == node.card for other in nodes)
    mode = _partition(host, _card(node, cards)) or "SPX"
    partitioned = seen > 1 or not mode.startswith("SPX")
    return 1 if not partitioned else 0 if withheld or seen == 1 else seen


def _uuid(node: Node) -> str:
    """The UUID as ROCm and its variables write it; ``GPU-XX`` for a card without a unique number."""
    number = node.facts.get("unique_id")
    return f"GPU-{number:016x}" if number else "GPU-XX"


def _device(host: Host, node: Node, card: PciDevice | None, shares: int, index: int) -> Gpu:
    """One device as ROCm sees it: a card or a partition."""
    device = card.device if card else node.facts.get("device_id", 0)
    target = gfx(node.facts.get("gfx_target_version", 0))
    apu = _is_apu(target, device, node)
    pool = _apu_memory(host, node, card, device) if apu else _memory(host, node, card, shares)
    return Gpu(
        vendor="amd",
        index=index,
        name=_name(host, device, card) or _kfd_name(host, node) or f"AMD GPU [1002:{device:04x}]",
        memory_total=pool.total,
        memory_used=pool.used,
        memory_free=_free(pool.total, pool.used),
        memory_pool=pool.kind,
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
    """Old kernels give an APU one node with processors and shader units. Newer ones give it two, so tables decide."""
    both = bool(node and node.facts.get("cpu_cores_count"))
    return both or target in _APU_TARGETS or device == MI300A or device in APU_DEVICES


def _free(total: int | None, used: int | None) -> int | None:
    return None if total is None or used is None else max(0, total - used)


def _memory(host: Host, node: Node, card: PciDevice | None, shares: int) -> Pool:
    """Bytes, total and used. The driver's files have those of the card, the node's banks those of the partition.

    The kernel divides a card's memory evenly among its partitions, which gives the size where a node has no banks.
    """
    total = host.read_int(f"{card.path}/mem_info_vram_total") if card else None
    used = host.read_int(f"{card.path}/mem_info_vram_used") if card else None
    banks, banks_used = _banks(host, node)
    if shares != 1:
        return Pool(total=banks or (total // shares if total and shares else None), used=banks_used)
    total = total or banks or node.facts.get("local_mem_size")
    return Pool(total=total or None, used=banks_used if used is None else used)


def _banks(host: Host, node: Node) -> tuple[int | None, int | None]:
    """Bytes in the node's own memory banks (heap types 1 and 2, not the machine's RAM), total and used.

    Newer kernels leave ``local_mem_size`` at 0 and have the size only here.
    """
    sizes, used = [], []
    for bank in host.list(f"{node.path}/mem_banks") or ():
        facts = _facts(host.read(f"{node.path}/mem_banks/{bank}/properties"))
        if facts.get("heap_type") in (1, 2) and facts.get("size_in_bytes"):
            sizes.append(facts["size_in_bytes"])
            used.append(host.read_int(f"{node.path}/mem_banks/{bank}/used_memory"))
    known = [number for number in used if number is not None]
    return sum(sizes) or None, sum(known) if known and len(known) == len(used) else None


def _apu_memory(host: Host, node: Node | None, card: PciDevice | None, device: int) -> Pool:
    """The pool that the driver allocates from: the larger of carve-out and GTT; unknown where only the RAM is known.

    GTT is RAM, of which the memory manager (TTM) maps no more pages than its own limit, whatever amdgpu.gttsize says.
    The MI300A has no carve-out: its one memory is the machine's RAM too.
    """
    limit = host.read_int(_TTM_LIMIT)
    most = None if limit is None else limit * _PAGE
    if not card:
        return Pool(total=_banks(host, node)[0] if node else None)
    vram, gtt = (host.read_int(f"{card.path}/mem_info_{pool}_total") or 0 for pool in ("vram", "gtt"))
    gtt = min(gtt, most) if most and gtt else gtt
    if vram > gtt or (vram and device == MI300A):
        used = host.read_int(f"{card.path}/mem_info_vram_used")
        return Pool(total=vram, used=used, kind=None if device == MI300A else CARVE_OUT)
    if gtt:
        return Pool(total=gtt, used=host.read_int(f"{card.path}/mem_info_gtt_used"), kind=GTT)
    return Pool(total=(_banks(host, node)[0] if node else None) or most, kind=GTT if most else None)


def _name(host: Host, device: int, card: PciDevice | None) -> str | None:
    """The card's own name, which data centre cards have, else the marketing name of its id and revision."""
    own = (host.read(f"{card.path}/product_name") or "").strip() if card else ""
    if own:
        return own
    known = NAMES.get(device)
    if known is None or isinstance(known, str):
        return known
    revision = host.read_int(f"{card.path}/revision") if card else None
    return known.get(revision, known.get(None))


def _kfd_name(host: Host, node: Node) -> str | None:
    """The code name from old kernels (``vega10``); newer kernels have none."""
    name = (host.read(f"{node.path}/name") or "").strip()
    return f"AMD GPU ({name})" if name and name != "ip discovery" else None


def _partition(host: Host, card: PciDevice | None) -> str | None:
    if not card:
        return None
    modes = (host.read(f"{card.path}/current_{kind}_partition") for kind in ("compute", "memory"))
    return "/".join(mode.strip() for mode in modes if mode and mode.strip()) or None


def _without_node(host: Host, card: PciDevice, withheld: bool) -> Gpu:
    """A card that is on the PCI bus but not in the compute topology."""
    apu = _is_apu(None, card.device, None)
    total = host.read_int(f"{card.path}/mem_info_vram_total")
    pool = Pool(total=total, used=host.read_int(f"{card.path}/mem_info_vram_used"))
    if apu:
        pool = _apu_memory(host, None, card, card.device)
    integrated = apu and card.device not in (STRIX_HALO, MI300A)
    integrated |= not apu and card.device not in NAMES and total is not None and total <= _INTEGRATED_AT_MOST
    bound = card.driver == "amdgpu"
    # The node of another container's card cannot be read. If all nodes can be read, this card cannot compute.
    usable: bool | None = True if integrated or withheld else None
    return Gpu(
        vendor="amd",
        name=_name(host, card.device, card) or f"AMD GPU [1002:{card.device:04x}]",
        memory_total=pool.total,
        memory_used=pool.used,
        memory_free=_free(pool.total, pool.used),
        memory_pool=pool.kind,
        visible=not withheld,
        usable=usable if bound else False,
        fault=("kfd-missing" if usable is None else None) if bound else DRIVER_NOT_LOADED,
        integrated=integrated,
        unified=apu,
        pci_bus_id=card.bus_id,
        partition=_partition(host, card),
        numa_node=numa_node(host, card.path),
    )


def _access(host: Host, gpus: list[Gpu]) -> tuple[list[Gpu], list[Problem]]:
    """The GPUs, of unknown use where this process cannot open the compute device, and the problem with that device."""
    computing = [gpu for gpu in gpus if not gpu.integrated and gpu.visible and gpu.usable is not False]
    if not computing:
        return gpus, []
    if not host.exists("/dev/kfd") or all(gpu.index is None for gpu in computing):
        code, message = "kfd-missing", "the compute device /dev/kfd is missing, so ROCm cannot use the AMD GPU"
        if host.exists("/dev/kfd"):
            message = "the kernel's compute driver (KFD) does not list the AMD GPU"
        remedy = (
            "start a container with '--device /dev/kfd --device /dev/dri'; elsewhere run 'sudo modprobe amdgpu' and "
            "look at 'dmesg'"
        )
    elif not host.may_use("/dev/kfd"):
        code, message = "no-permission", "this user has no permission to open /dev/kfd, the AMD GPU's compute device"
        remedy = "run 'sudo usermod -aG render,video $USER' and log in again"
    else:
        return gpus, []
    faulty = [replace(gpu, usable=None, fault=code) if gpu in computing else gpu for gpu in gpus]
    return faulty, [Problem(probe=_PROBE, code=code, message=message, remedy=remedy)]


def _not_bound(gpu: Gpu, cards: dict[str, PciDevice]) -> Problem:
    card = cards[gpu.pci_bus_id or ""]
    return driver_problem(_PROBE, card, "AMD GPU", ("amdgpu",), "run 'sudo modprobe amdgpu'")


def _driver(host: Host, gpus: list[Gpu], access: list[Problem]) -> dict[str, Driver]:
    """The driver with the version of the amdgpu module, or of ROCm: the module of a stock kernel has no version."""
    if not any(gpu.fault != DRIVER_NOT_LOADED for gpu in gpus):
        return {}
    version = (host.read("/sys/module/amdgpu/version") or "").strip() or rocm_version(host)
    return {"amd": Driver(version=version, fault=access[0].code if access else None)}


def rocm_version(host: Host) -> str | None:
    """The version of the ROCm under /opt, without its build number; None where none is installed."""
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
    driver = "/sys/module/amdgpu/version" if own else "the kernel's amdgpu module has no version"
    return {"gpus": gpus, "drivers.amd": f"{driver}; ROCm {rocm} under /opt" if rocm else driver}
