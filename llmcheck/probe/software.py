"""The Python environment of the project and the tools on PATH, without importing or running any of it.

Distributions are read from the names of their metadata folders: a listing of 1,000 takes a millisecond.
"""

from __future__ import annotations

import re

from llmcheck.host import Host
from llmcheck.interpreter import PROGRAM_FIELDS
from llmcheck.machine import Package, Problem, Python, Software, Tool, Torch, normalized_name
from llmcheck.probe import Reading, Request

_TOOLS = (
    "git",
    "cmake",
    "cc",
    "nvcc",
    "docker",
    "nvidia-container-toolkit",
    "uv",
    "conda",
    "llama-cli",
    "llama-server",
    "text-generation-launcher",
    "ollama",
)
_ALSO_AT = {"nvcc": ("/usr/local/cuda/bin/nvcc",), "nvidia-container-toolkit": ("/usr/bin/nvidia-ctk",)}
_METADATA = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)(?:-py[\d.]+)?\.(?:dist-info|egg-info)")
_TORCH_VERSION = re.compile(r"^__version__\s*=\s*['\"]([^'\"]+)['\"]", re.MULTILINE)
_TORCH_CUDA = re.compile(r"^cuda\b[^=]*=\s*['\"]([\d.]+)['\"]", re.MULTILINE)
_TORCH_HIP = re.compile(r"^hip\b[^=]*=\s*['\"]([\d.]+)['\"]", re.MULTILINE)


def probe(host: Host, request: Request) -> Reading:
    tools = tuple(_tool(host, name) for name in _TOOLS)
    if request.python is None:
        problem = Problem(
            probe="software",
            code="no-python",
            message="no Python environment of a project was found",
            remedy="name one with --python",
        )
        return Reading(software=Software(tools=tools), problems=(problem,))
    executable, reason = request.python
    answer = _parse(request.python_answer)
    if answer is None:
        problem = Problem(
            probe="software",
            code="python-unusable",
            message=f"{executable} did not answer",
            remedy="name a working interpreter with --python",
        )
        python = Python(executable=executable, reason=reason)
        return Reading(software=Software(python=python, tools=tools), problems=(problem,))
    folders = answer["path"]
    packages = _packages(host, folders)
    return Reading(
        software=Software(
            python=Python(
                executable=executable,
                version=answer["version"][0],
                implementation=answer["implementation"][0],
                prefix=answer["prefix"][0],
                environment=_environment(host, answer["prefix"][0], answer["base_prefix"][0]),
                externally_managed=answer["prefix"] == answer["base_prefix"]
                and host.exists(f"{answer['stdlib'][0]}/EXTERNALLY-MANAGED"),
                reason=reason,
            ),
            packages=packages,
            torch=_torch(host, folders, packages),
            tools=tools,
        )
    )


def _parse(answer: bytes | None) -> dict[str, list[str]] | None:
    """The interpreter's answer: a line per field, its values separated by NUL; None if it is not whole."""
    lines = (answer or b"").decode("utf-8", "surrogateescape").split("\n")
    if len(lines) < len(PROGRAM_FIELDS):
        return None
    values = [[value for value in line.split("\0") if value] for line in lines]
    fields = dict(zip(PROGRAM_FIELDS, values, strict=False))
    return fields if all(fields[name] for name in PROGRAM_FIELDS if name != "path") else None


def _environment(host: Host, prefix: str, base_prefix: str) -> str:
    if host.exists(f"{prefix}/conda-meta"):
        return "conda"
    return "system" if prefix == base_prefix else "venv"


def _packages(host: Host, folders: list[str]) -> tuple[Package, ...]:
    """The first of each name on the path is the one that an import finds."""
    found: dict[str, str] = {}
    for folder in folders:
        for entry in host.list(folder) or ():
            match = _METADATA.fullmatch(entry)
            if match:
                found.setdefault(normalized_name(match["name"]), match["version"])
    return tuple(Package(name=name, version=found[name]) for name in sorted(found))


def _torch(host: Host, folders: list[str], packages: tuple[Package, ...]) -> Torch | None:
    for folder in folders:
        text = host.read(f"{folder}/torch/version.py")
        if text is None:
            continue
        version, cuda, hip = (pattern.search(text) for pattern in (_TORCH_VERSION, _TORCH_CUDA, _TORCH_HIP))
        number = version[1] if version else None
        local = number.partition("+")[2] if number else ""
        if cuda:
            build: str | None = "cu" + "".join(cuda[1].split(".")[:2])
        elif hip:
            build = "rocm" + ".".join(hip[1].split(".")[:2])
        else:
            build = local or ("cpu" if number else None)
        return Torch(version=number, build=build)
    listed = next((package.version for package in packages if package.name == "torch"), None)
    return Torch(version=listed) if listed else None


def _tool(host: Host, name: str) -> Tool:
    path = host.which(name) or next((place for place in _ALSO_AT.get(name, ()) if host.is_file(place)), None)
    return Tool(name=name, path=path)
