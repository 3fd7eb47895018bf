"""The operating system and its environment: containers, WSL, notebook services."""

from __future__ import annotations

import re

from llmcheck.probe import Reading, Request
from llmcheck.probe._mounts import mounts, option
from llmcheck.schema.machine import Os
from llmcheck.system.host import Host

_JETSON = r"R(\d+) \(release\), REVISION: ([\d.]+)"
# (part of the control group path of process 1, the runtime that uses such paths)
_GROUP_SIGNS = (
    ("docker", "docker"),
    ("kubepods", "kubernetes"),
    ("libpod", "podman"),
    ("containerd", "containerd"),
    ("cri-containerd", "containerd"),
    ("lxc", "lxc"),
)
# (part of the path of our root folder on its file system or in its overlay, the runtime that stores containers there).
# Slurm's pyxis starts containers with enroot and names them pyxis_JOB.
_ROOT_SIGNS = (
    ("/pyxis_", "pyxis"),
    ("/enroot/", "enroot"),
    ("/docker/", "docker"),
    ("/containers/storage/", "podman"),
    ("/io.containerd.", "containerd"),
    ("/lxc/", "lxc"),
    ("/lxd/", "lxc"),
    ("/apptainer/", "apptainer"),
    ("/singularity/", "apptainer"),
)


_SOURCES = {
    "os.system": "the interpreter's platform",
    "os.architecture": "uname",
    "os.distribution": "/etc/os-release",
    "os.version": "uname -r; sw_vers on macOS",
    "os.libc": "confstr(CS_GNU_LIBC_VERSION), or the loader's name for musl",
    "os.container": "the runtime's variables and files, the control group of process 1, the root mount",
    "os.wsl": "the kernel's release",
    "os.notebook": "the notebook service's variables",
}


def probe(host: Host, _request: Request) -> Reading:
    release = host.release()
    found = Os(
        system=host.platform,
        architecture=host.machine_architecture() or "unknown",
        distribution=_distribution(host),
        version=_mac_version(host) or release,
        libc=host.libc() or _musl(host),
        container=container_of(host),
        wsl=_wsl(host, release or ""),
        notebook=_notebook(host),
    )
    return Reading(
        hostname=host.hostname(),
        os=found,
        sources={
            fact: source for fact, source in _SOURCES.items() if getattr(found, fact.partition(".")[2]) is not None
        },
    )


def _distribution(host: Host) -> str | None:
    """``Debian GNU/Linux 12 (bookworm)``; on a Jetson with NVIDIA's release, which determines the CUDA release."""
    values = dict(line.split("=", 1) for line in (host.read("/etc/os-release") or "").splitlines() if "=" in line)
    name = (values.get("PRETTY_NAME") or values.get("NAME") or "").strip("\"'") or None
    # R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, ...
    jetson = re.search(_JETSON, host.read("/etc/nv_tegra_release") or "")
    return f"{name or 'Linux'} (Jetson Linux {jetson[1]}.{jetson[2]})" if jetson else name


def _mac_version(host: Host) -> str | None:
    if host.platform != "darwin":
        return None
    return (host.run(["sw_vers", "-productVersion"]) or "").strip() or None


def _musl(host: Host) -> str | None:
    return "musl" if any(name.startswith("ld-musl-") for name in host.list("/lib") or ()) else None


def container_of(host: Host) -> str | None:
    """The container runtime, by its variables and files, the control group of process 1, and our root folder."""
    if host.environ.get("KUBERNETES_SERVICE_HOST") or host.exists("/var/run/secrets/kubernetes.io/serviceaccount"):
        return "kubernetes"
    declared = host.environ.get("container") or (host.read("/run/systemd/container") or "").strip()
    if declared:
        return declared
    if host.environ.get("APPTAINER_CONTAINER") or host.environ.get("SINGULARITY_CONTAINER"):
        return "apptainer"
    if host.exists("/run/.containerenv"):
        return "podman"
    group = host.read("/proc/1/cgroup") or ""
    for sign, runtime in _GROUP_SIGNS:
        if f"/{sign}" in group:
            return runtime
    return _container_by_root(host)


def _container_by_root(host: Host) -> str | None:
    """The runtime by the mount of our root folder, which it cannot hide; ``chroot`` where the root is no mount."""
    table = mounts(host)
    root = next((mount for mount in reversed(table) if mount.mount_point == "/"), None)
    if root is None:
        return "chroot" if any(mount.mount_point == "/proc" for mount in table) else None
    places = [root.root]
    if root.filesystem == "overlay":
        places += [option(root, name) or "" for name in ("upperdir", "lowerdir")]
    for sign, runtime in _ROOT_SIGNS:
        if any(sign in place for place in places):
            return runtime
    # /.dockerenv alone is not enough: it also remains in images that boot as machines, whose root is no overlay.
    return "docker" if host.exists("/.dockerenv") and root.filesystem == "overlay" else None


def _wsl(host: Host, release: str) -> int | None:
    """The version of WSL by the kernel's release (4.4.0-19041-Microsoft is WSL 1), or 2 by WSL's own files."""
    if "microsoft" in release.lower():
        return 1 if release.endswith("-Microsoft") else 2
    return 2 if host.exists("/proc/sys/fs/binfmt_misc/WSLInterop") or host.exists("/run/WSL") else None


def _notebook(host: Host) -> str | None:
    if host.environ.get("KAGGLE_KERNEL_RUN_TYPE"):
        return "kaggle"
    if host.environ.get("COLAB_RELEASE_TAG") or host.environ.get("COLAB_GPU"):
        return "colab"
    return None
