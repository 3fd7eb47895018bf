"""What limits the RAM that a process may use, and what raises that limit, by the name of who set it."""

from __future__ import annotations

from llmcheck.schema.machine import Machine, Ram
from llmcheck.units import format_gib

_DOCKER_DESKTOP, _ORBSTACK = "linuxkit", "orbstack"
"""Parts of the kernel's release in the virtual machines that run containers on macOS and Windows."""
_UNITS = (".slice", ".scope", ".service")
_BY_CONTAINER = {
    "docker": "raise the container's limit: docker update --memory SIZE --memory-swap SIZE CONTAINER, or start it with "
    "a larger 'docker run --memory'",
    "podman": "raise the container's limit: podman update --memory SIZE CONTAINER, or start it with a larger "
    "'podman run --memory'",
    "kubernetes": "raise resources.limits.memory of the container in the pod's manifest",
    "lxc": "raise the container's limit: lxc config set CONTAINER limits.memory SIZE",
    "apptainer": "raise the limit of the job or of 'apptainer run --memory'",
}
_BY_NOTEBOOK = {
    "colab": "choose another runtime in Colab: Runtime > Change runtime type, with High-RAM or another accelerator",
    "kaggle": "choose another accelerator in Kaggle's notebook settings, which decides the RAM",
}


def is_limited(ram: Ram) -> bool:
    """Whether a limit below the machine's RAM applies."""
    return ram.limit is not None and ram.usable == ram.limit and (ram.total is None or ram.limit < ram.total)


def how_to_raise(machine: Machine, needed: int | None = None) -> str | None:
    """What gives this process more RAM, of which it needs so many bytes; None where only more RAM does.

    The limit of its group, unless the machine has too little above it; else that of the virtual machine it runs in.
    """
    ram = machine.ram
    if is_limited(ram) and (needed is None or ram.total is None or ram.total >= needed):
        return _of_group(machine)
    return _of_machine(machine)


def in_words(machine: Machine) -> str | None:
    """The limit that applies, where it was read and what raises it, as one sentence; None where there is none."""
    ram = machine.ram
    if not is_limited(ram):
        return None
    soft = ", a soft limit: the system slows down a process that goes beyond it" if ram.limit_soft else ""
    return f"{format_gib(ram.limit or 0)} of RAM may be used ({ram.limit_source}{soft}); {_of_group(machine)}"


def _of_group(machine: Machine) -> str:
    notebook = _of_notebook(machine)
    if notebook is not None:
        return notebook
    if machine.ram.limit_by == "slurm":
        return "ask Slurm for more memory: --mem (or --mem-per-cpu, --mem-per-gpu)"
    group = (machine.ram.limit_file or "").rpartition("/")[0]
    container = machine.os.container if machine.os is not None else None
    if "slurm" in group:
        return "ask Slurm for more memory: --mem"
    if container in _BY_CONTAINER:
        return _BY_CONTAINER[container]
    unit = group.rpartition("/")[2]
    if unit.endswith(_UNITS):
        own = "systemctl --user" if "user@" in group and not unit.startswith("user@") else "sudo systemctl"
        name = "MemoryHigh" if machine.ram.limit_soft else "MemoryMax"
        return f"raise the limit of {unit}: {own} set-property {unit} {name}=SIZE"
    where = f", in {machine.ram.limit_file}" if machine.ram.limit_file else ""
    return f"raise the limit of the container or job{where}"


def _of_machine(machine: Machine) -> str | None:
    notebook = _of_notebook(machine)
    system = machine.os
    if notebook is not None or system is None:
        return notebook
    release = (system.version or "").lower()
    if system.wsl == 2:
        return (
            "raise 'memory' below [wsl2] in %UserProfile%\\.wslconfig on Windows, then run 'wsl --shutdown' there: by "
            "default Linux has half of the RAM"
        )
    if _DOCKER_DESKTOP in release:
        return "raise the memory limit of Docker's virtual machine: Docker Desktop, Settings > Resources > Memory limit"
    if _ORBSTACK in release:
        return "raise the memory limit of OrbStack's virtual machine: Settings > System"
    return None


def _of_notebook(machine: Machine) -> str | None:
    return _BY_NOTEBOOK.get((machine.os.notebook if machine.os is not None else None) or "")


def notes(machine: Machine) -> tuple[str, ...]:
    """What has to be known of the RAM where a model lies in it, or does not fit, in sentences."""
    cache = machine.ram.zfs_cache
    found = [
        in_words(machine) or how_to_raise(machine),
        f"{format_gib(cache)} of ZFS's cache (ARC) count as available RAM: it gives way to processes"
        if cache
        else None,
    ]
    return tuple(filter(None, found))
