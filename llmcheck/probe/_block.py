"""The kind of storage of a block device, from sysfs: follows partitions, volumes, arrays and loops to the disks.

The ``rotational`` flag is used only where it is reliable: virtual disks, RAID controllers and USB bridges report a
rotating disk for any kind of storage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

from llmcheck.system.host import Host

# Guards against a sysfs with circular links.
_MAX_DEPTH = 12

_HYPERVISORS = ("QEMU", "VMWARE", "MSFT", "VBOX", "VIRTUAL", "GOOGLE", "XEN", "PARALLELS", "BHYVE", "NUTANIX")
# Volumes of ZFS and DRBD, whose flag is not that of the disks below them.
_VOLUMES = ("zd", "drbd")
# (vendor, part of the model) of volumes of hardware RAID controllers.
_CONTROLLERS = (
    *(("LSI", ""), ("AVAGO", ""), ("BROADCOM", ""), ("ADAPTEC", ""), ("ARECA", ""), ("AMCC", "")),
    *(("DELL", "PERC"), ("HP", "LOGICAL VOLUME"), ("HPE", "LOGICAL VOLUME"), ("LENOVO", "RAID"), ("INTEL", "RMS")),
)
# NVMe models that are network disks of a cloud. Source: AWS, Amazon EBS volumes and NVMe; Google,
# Persistent Disk and NVMe interfaces; Azure, NVMe overview ("MSFT NVMe Accelerator" is remote); read 2026-11-22.
_REMOTE_NVME = ("AMAZON ELASTIC BLOCK STORE", "NVME_CARD-PD", "MSFT NVME ACCELERATOR")


class Kind(Struct, frozen=True):
    kind: str
    """As ``Disk.kind``."""
    source: str
    """Where it was read, or why it is unknown."""


FileKind = Callable[[str], Kind | None]
"""The kind of storage below a file's path, for the file of a loop device; None where the path is not visible."""


def kind_of_device(host: Host, number: str, file_kind: FileKind) -> Kind | None:
    """The kind of the device ``major:minor``; None where the kernel lists no block device of that number."""
    if not host.exists(f"/sys/dev/block/{number}"):
        return None
    return _kind(host, host.resolve(f"/sys/dev/block/{number}"), file_kind, 0)


def kind_of_name(host: Host, name: str, file_kind: FileKind) -> Kind | None:
    """The kind of the device with a kernel name (``sda1``, ``dm-0``); None where no device has it."""
    for folder in ("/sys/class/block", "/sys/block"):
        if name and host.exists(f"{folder}/{name}"):
            return _kind(host, host.resolve(f"{folder}/{name}"), file_kind, 0)
    return None


def combined(kinds: Iterable[Kind], what: str) -> Kind:
    """The kind of a volume on several devices: theirs where it is the same for all, else unknown."""
    found = list(kinds)
    names = sorted({each.kind for each in found})
    if names == ["nvme", "ssd"]:
        return Kind("ssd", f"{what} on {'; '.join(dict.fromkeys(each.source for each in found))}")
    if len(names) == 1:
        sources = dict.fromkeys(each.source for each in found)
        return Kind(names[0], f"{what} on {'; '.join(sources)}" if len(found) > 1 else found[0].source)
    return Kind("unknown", f"{what} is a volume on devices of different kinds: {', '.join(names)}")


def _kind(host: Host, folder: str, file_kind: FileKind, depth: int) -> Kind:
    name = folder.rpartition("/")[2]
    if depth > _MAX_DEPTH:
        return Kind("unknown", f"{name}: too many volumes on top of each other")
    below = host.list(f"{folder}/slaves")
    if below:
        return combined(
            (_kind(host, host.resolve(f"{folder}/slaves/{each}"), file_kind, depth + 1) for each in below), name
        )
    if host.exists(f"{folder}/partition"):
        return _kind(host, folder.rpartition("/")[0], file_kind, depth + 1)
    file = (host.read(f"{folder}/loop/backing_file") or "").strip()
    inside = file_kind(file) if file else None
    own = _by_name(host, folder, name) or _by_flag(host, folder, name)
    # The kernel copies the flag of the disk that stores the file, so the flag is no more reliable than on that disk.
    if inside is None or (inside.kind == "unknown" and own.kind == "ssd"):
        return own
    return Kind(inside.kind, f"{name} is the file {file}: {inside.source}")


def _by_name(host: Host, folder: str, name: str) -> Kind | None:
    """The kind by the driver's name or the bus of the device; None where neither determines it."""
    if name.startswith("nvme"):
        return _nvme(host, folder, name)
    if name.startswith(("zram", "ram")):
        return Kind("memory", f"device {name}")
    if name.startswith("pmem"):
        return Kind("ssd", f"device {name} (persistent memory)")
    if name.startswith(("nbd", "rbd")):
        return Kind("network", f"device {name}")
    if "/session" in folder or "/rport-" in folder:
        return Kind("network", f"{name} is reached by {'iSCSI' if '/session' in folder else 'Fibre Channel'}")
    if name.startswith("mmcblk"):
        card = (host.read(f"{folder}/device/type") or "").strip()
        what = {"SD": "an SD card", "MMC": "eMMC"}.get(card, "an SD card or eMMC")
        return Kind("unknown", f"{name} is {what}: not a rotating disk, but slower than an SSD")
    return None


def _nvme(host: Host, folder: str, name: str) -> Kind:
    """The kind by the transport of the controller; a multipath device is below its subsystem, with the controllers."""
    parent = folder.rpartition("/")[0]
    controllers = [parent, *(f"{parent}/{each}" for each in host.list(parent) or () if each.startswith("nvme"))]
    transports = {(host.read(f"{each}/transport") or "").strip() for each in controllers} - {""}
    remote = sorted(transports - {"pcie"})
    if remote:
        return Kind("network", f"device {name} over NVMe-{remote[0].upper()}")
    model = (host.read(f"{parent}/model") or host.read(f"{folder}/device/model") or "").strip()
    if model.upper().startswith(_REMOTE_NVME):
        return Kind("network", f"device {name} is {model}, a network disk with an NVMe interface")
    if model.upper().startswith(("QEMU", "VMWARE", "VBOX")):
        return Kind("unknown", f"virtual disk {name} ({model}): the guest cannot see the host's storage")
    return Kind("nvme", f"device {name}" + (f" ({model})" if model else ""))


def _by_flag(host: Host, folder: str, name: str) -> Kind:
    where = f"{folder}/queue/rotational"
    rotational = host.read_int(where)
    vendor, model = ((host.read(f"{folder}/device/{each}") or "").strip().upper() for each in ("vendor", "model"))
    if vendor == "GOOGLE" and model.startswith("PERSISTENTDISK"):
        return Kind("network", f"{name} is a Persistent Disk of Google Cloud")
    # A guest sees what its hypervisor was set to say, or a default value, in either direction.
    if name.startswith(("vd", "xvd", "sr", "fd")) or any(each.startswith(_HYPERVISORS) for each in (vendor, model)):
        return Kind("unknown", f"virtual disk {name}: its rotational flag is not reliable")
    if name.startswith(_VOLUMES):
        return Kind("unknown", f"{name} is a volume whose disks are not visible here")
    if rotational is None:
        return Kind("unknown", f"{where} cannot be read")
    if rotational == 0:
        return Kind("ssd", f"{where} = 0")
    if any(vendor.startswith(maker) and part in model for maker, part in _CONTROLLERS):
        return Kind("unknown", f"{name} is a RAID controller's volume: its rotational flag is not reliable")
    if "/usb" in folder:
        return Kind("unknown", f"{name} is a USB device: USB sticks and SSDs report a rotating disk too")
    return Kind("hdd", f"{where} = 1")
