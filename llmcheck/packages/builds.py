"""Compiled packages against the torch and the GPUs that are here, by what their own files say."""

from __future__ import annotations

from collections.abc import Iterator

from llmcheck.gpus import vendors
from llmcheck.packages.conflict import Conflict
from llmcheck.packages.environment import Environment, is_release, series
from llmcheck.packages.known import SHARED_FILES
from llmcheck.schema.machine import counted_gpus, version_numbers

_FROM_SOURCE = ("--no-build-isolation", "--no-cache-dir", "--force-reinstall", "--no-deps")
_ANEW = ("--no-cache-dir", "--force-reinstall", "--no-deps")
_FALLS_BACK = (0, 50)
"""From this release on bitsandbytes takes a library of another minor release of CUDA (``cextension.py`` of 0.50.2;
that of 0.49.2 takes the exact one only)."""
_ANY_CARD = frozenset(("vulkan", "opencl"))
"""llama.cpp's backends that run on cards of several vendors."""
_JAX_PLUGINS = ("jax-cuda12-plugin", "jax-cuda13-plugin", "jax-rocm60-plugin", "jax-rocm7-plugin", "jax-metal")


def conflicts(environment: Environment) -> Iterator[Conflict]:
    """In the order of the functions below."""
    yield from _flash_attn(environment)
    yield from _xformers(environment)
    yield from _bitsandbytes(environment)
    yield from _llama_cpp(environment)
    yield from _jax(environment)
    yield from _same_files(environment)


def _flash_attn(environment: Environment) -> Iterator[Conflict]:
    own, torch = environment.versions.get("flash-attn"), environment.versions.get("torch")
    built = environment.compiled.get("flash-attn")
    if own is None or torch is None or built is None or built.torch is None:
        return
    build, cuda = environment.torch_build or "", (built.builds or ("",))[0]
    other_cuda = cuda.startswith("cu") and build.startswith("cu") and cuda[:4] != build[:4]
    if series(built.torch) == series(torch) and not other_cuda:
        return
    yield Conflict(
        package="flash-attn",
        kind="built-for",
        version=own,
        other="torch",
        found=torch,
        needs=f"{built.torch} ({cuda})" if other_cuda else built.torch,
        evidence=built.source,
        wants=(f"flash-attn=={own.partition('+')[0]}",),
        options=_FROM_SOURCE,
    )


def _xformers(environment: Environment) -> Iterator[Conflict]:
    own, torch = environment.versions.get("xformers"), environment.versions.get("torch")
    built = environment.compiled.get("xformers")
    if own is None or torch is None or built is None or built.torch is None or not is_release(torch):
        return
    build, cuda = environment.torch_build or "", (built.builds or ("",))[0]
    other_cuda = cuda.startswith("cu") and build.startswith("cu") and cuda[:4] != build[:4]
    if series(built.torch) != series(torch) or other_cuda:
        yield Conflict(
            package="xformers",
            kind="extension",
            version=own,
            other="torch",
            found=torch,
            needs=f"{built.torch}{f' ({cuda})' if cuda else ''}",
            evidence=built.source,
        )


def _bitsandbytes(environment: Environment) -> Iterator[Conflict]:
    own, built = environment.versions.get("bitsandbytes"), environment.compiled.get("bitsandbytes")
    build = environment.torch_build or ""
    if own is None or built is None or built.builds is None or not build.startswith("cu"):
        return
    exact, major = build in built.builds, any(each[:4] == build[:4] for each in built.builds)
    if exact or (major and version_numbers(own)[:2] >= _FALLS_BACK):
        return
    yield Conflict(
        package="bitsandbytes",
        kind="build",
        version=own,
        other="torch",
        found=f"{environment.versions.get('torch', '').partition('+')[0]} ({build})",
        needs=", ".join(each for each in built.builds if each.startswith("cu")) or "no CUDA",
        evidence=built.source,
        wants=("bitsandbytes>=0.50",),
    )


def _llama_cpp(environment: Environment) -> Iterator[Conflict]:
    own, built = environment.versions.get("llama-cpp-python"), environment.compiled.get("llama-cpp-python")
    if own is None or built is None or built.builds is None:
        return
    gpus = [gpu for gpu in counted_gpus(environment.machine) if vendors.of(gpu).llama_cpp]
    usable = {backend for gpu in gpus for backend in (vendors.of(gpu).llama_cpp,) if backend} | _ANY_CARD
    if gpus and not usable & set(built.builds):
        yield Conflict(
            package="llama-cpp-python",
            kind="no-gpu",
            version=own,
            found=", ".join(built.builds),
            needs=" or ".join(sorted({vendors.of(gpu).platform_name for gpu in gpus})),
            place=built.source,
            wants=(f"llama-cpp-python=={own}",),
        )


def _jax(environment: Environment) -> Iterator[Conflict]:
    own = environment.versions.get("jax")
    cards = vendors.on_platform(counted_gpus(environment.machine), "cuda")
    system = environment.machine.os.system if environment.machine.os is not None else "linux"
    if own is None or not cards or system != "linux" or any(name in environment.versions for name in _JAX_PLUGINS):
        return
    yield Conflict(package="jax", kind="no-gpu", version=own, needs="CUDA", wants=(f"jax[cuda13]=={own}",))


def _same_files(environment: Environment) -> Iterator[Conflict]:
    """Two distributions that write one file: which of them is there depends on what was installed last."""
    overwritten = {each.name for each in environment.issues("overwritten")}
    for file, names in SHARED_FILES:
        here = [name for name in names if name in environment.versions]
        if len(here) < 2:
            continue
        sound = [name for name in here if name not in overwritten] if overwritten & set(here) else []
        for name in here:
            if name in sound:
                continue
            other = next(each for each in here if each != name)
            users = _users(environment, name)
            for user in users:
                yield Conflict(
                    package=user,
                    kind="same-files",
                    version=environment.versions[user],
                    other=name,
                    found=environment.versions[name],
                    hidden=f"{other} {environment.versions[other]}",
                    place=file,
                    wants=(f"{name}=={environment.versions[name]}",),
                    options=("--force-reinstall", "--no-deps"),
                )


def _users(environment: Environment, name: str) -> list[str]:
    """The installed packages that load a library: those that require it; without such a line torch, by its CUDA."""
    users = sorted({owner for owner, _ in environment.needed_by.get(name, ())})
    if users or not name.startswith("nvidia-"):
        return users or ([] if name.startswith("nvidia-") else [name])
    build = environment.torch_build or ""
    return (
        ["torch"]
        if build.startswith("cu") and name.endswith(f"-{build[:4]}") and "torch" in environment.versions
        else []
    )
