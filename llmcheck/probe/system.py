"""The operating system, and what wraps it: containers, WSL, notebooks."""

from __future__ import annotations

from llmcheck.host import Host
from llmcheck.machine import Os
from llmcheck.probe import Reading, Request


def probe(host: Host, _request: Request) -> Reading:
    release = host.release()
    return Reading(
        hostname=host.hostname(),
        os=Os(
            system=host.platform,
            architecture=host.machine_architecture() or "unknown",
            distribution=_distribution(host.read("/etc/os-release") or ""),
            version=_mac_version(host) or release,
            libc=host.libc() or _musl(host),
            container=_container(host),
            wsl=_wsl(release or ""),
            notebook=_notebook(host),
        ),
    )


def _distribution(text: str) -> str | None:
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    name = values.get("PRETTY_NAME") or values.get("NAME")
    return name.strip("\"'") if name else None


def _mac_version(host: Host) -> str | None:
    if host.platform != "darwin":
        return None
    return (host.run(["sw_vers", "-productVersion"]) or "").strip() or None


def _musl(host: Host) -> str | None:
    return "musl" if any(name.startswith("ld-musl-") for name in host.list("/lib") or ()) else None


def _container(host: Host) -> str | None:
    """Only what the runtime itself left: its environment variable, its file, or our control group's name."""
    declared = host.environ.get("container") or (host.read("/run/systemd/container") or "").strip()
    if host.environ.get("KUBERNETES_SERVICE_HOST"):
        return "kubernetes"
    if declared:
        return declared
    if host.environ.get("APPTAINER_CONTAINER") or host.environ.get("SINGULARITY_CONTAINER"):
        return "apptainer"
    if host.exists("/run/.containerenv"):
        return "podman"
    group = host.read("/proc/1/cgroup") or ""
    for sign in ("docker", "kubepods", "containerd", "lxc"):
        if f"/{sign}" in group:
            return sign
    return "docker" if host.exists("/.dockerenv") and _root_is_overlay(host) else None


def _root_is_overlay(host: Host) -> bool:
    """/.dockerenv alone is left behind in images that boot as machines; a container's root is an overlay too."""
    for line in (host.read("/proc/self/mountinfo") or "").splitlines():
        left, _, right = line.partition(" - ")
        if left.split()[4:5] == ["/"]:
            return right.startswith("overlay")
    return False


def _wsl(release: str) -> int | None:
    if "microsoft" not in release.lower():
        return None
    return 1 if release.endswith("-Microsoft") else 2


def _notebook(host: Host) -> str | None:
    if host.environ.get("KAGGLE_KERNEL_RUN_TYPE"):
        return "kaggle"
    if host.environ.get("COLAB_RELEASE_TAG") or host.environ.get("COLAB_GPU"):
        return "colab"
    return None
