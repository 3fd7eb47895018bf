"""The Python environment of the project and the tools on PATH, without importing or running any of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from llmcheck.probe import Reading, Request, _cuda, _installers, _issues, _package_files, _requires
from llmcheck.probe import _distributions as installed
from llmcheck.schema.machine import Package, Problem, Python, Software, Tool, Torch
from llmcheck.system.host import Host
from llmcheck.system.interpreter import (
    BEGIN,
    END,
    LEFT_OUT,
    ON_PATH,
    OWN,
    PROGRAM_FIELDS,
    InterpreterChoice,
    in_prefix,
    left_out,
)

TOOLS = (
    "git",
    "cmake",
    "cc",
    "ninja",
    "nvcc",
    "hipcc",
    "docker",
    "nvidia-container-toolkit",
    "uv",
    "conda",
    "llama-cli",
    "llama-server",
    "text-generation-launcher",
    "ollama",
    "vllm",
    "mlx_lm.server",
    "trtllm-serve",
    "lmdeploy",
    "litgpt",
)
"""Programs that are looked for on PATH; none of them is run."""
_ALSO_AT = {"nvcc": ("/usr/local/cuda/bin/nvcc",), "nvidia-container-toolkit": ("/usr/bin/nvidia-ctk",)}
_GCC = r"(?:.*-)?(?:gcc|cc|c\+\+|g\+\+)(?:-\d{1,2})?"
_OLDEST = (3, 8)
_PACKAGE_FOLDERS = ("site-packages", "dist-packages")
_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})\.\d{1,3}", re.ASCII)
_CONDA_ITSELF = re.compile(r"conda-(\d[^-]*)-[^-]+\.json")
_TORCH_VERSION = re.compile(r"^__version__\s*=\s*['\"]([^'\"]+)['\"]", re.MULTILINE)
_TORCH_CUDA = re.compile(r"^cuda\b[^=]*=\s*['\"](\d[\d.]*)", re.MULTILINE)
_TORCH_HIP = re.compile(r"^hip\b[^=]*=\s*['\"](\d[\d.]*)", re.MULTILINE)


class _Environment(Struct, frozen=True):
    """Facts from the project's interpreter and the folders on its path."""

    python: Python | None = None
    folders: tuple[installed.Folder, ...] = ()
    found: Mapping[str, Sequence[installed.Distribution]] | None = None
    conda: Mapping[str, str] | None = None
    """Versions of conda packages by name; None where it is not a conda environment."""
    source: str | None = None
    """How the version of Python became known."""

    @property
    def version(self) -> str:
        return (self.python.version if self.python is not None else None) or ""


def probe(host: Host, request: Request) -> Reading:
    environment, problems = _environment(host, request)
    packages = None if environment.found is None else installed.packages(environment.found)
    torch = None if packages is None else _torch(host, environment.folders, packages)
    conda = environment.conda or {}
    home, backend = _cuda.cuda_home(host), host.environ.get("UV_TORCH_BACKEND")
    toolkits = _cuda.toolkits(host, environment.python.prefix if environment.python else None, conda)
    build = torch[0].build if torch else None
    cudnn, nccl = (_cuda.library(host, name, packages or (), conda, toolkits, build) for name in ("cudnn", "nccl"))
    read = {"software.cudnn": cudnn and cudnn.source, "software.nccl": nccl and nccl.source}
    read |= {"software.torch": torch and torch[1], "software.cuda_home": home and home[0]}
    read["software.torch_backend"] = "UV_TORCH_BACKEND" if backend else None
    read |= {"software.tools": "PATH", "software.cuda_toolkits": "version files of the toolkits" if toolkits else None}
    if packages is not None:
        read["software.python"] = environment.source
        listed = ", ".join(folder.path for folder in environment.folders) or "no folder of its path"
        facts = ("packages", "requires", "compiled", "issues", "conda_and_pip")
        read |= dict.fromkeys((f"software.{each}" for each in facts), listed)
    found = environment.found
    known = {} if found is None else installed.known(host, found)
    software = Software(
        python=environment.python,
        packages=packages,
        torch=torch and torch[0],
        tools=tuple(_tool(host, name) for name in TOOLS),
        cuda_toolkits=toolkits,
        cuda_home=installed.shown(home[1]) if home else None,
        cuda_home_real=installed.shown(host.resolve(home[1])) if home else None,
        torch_backend=installed.shown(backend) if backend else None,
        cudnn=cudnn.version if cudnn else None,
        nccl=nccl.version if nccl else None,
        requires=None if found is None else _requires.requires(host, known),
        compiled=None if found is None else _package_files.compiled(host, known),
        issues=() if found is None else _issues.issues(host, environment.folders, found, known, environment.version),
        importable=None
        if found is None or request.modules is None
        else tuple(name for name in request.modules() if installed.is_importable(host, environment.folders, name)),
        installer_settings=_installers.settings(host, environment.python.prefix if environment.python else None),
        conda_and_pip=None if found is None else installed.conda_and_pip(host, environment.conda, found),
    )
    return Reading(
        software=software,
        sources={fact: installed.shown(source) for fact, source in read.items() if source},
        problems=(*problems, *_left_out(host, request), *_broken_variables(host, request)),
    )


def _environment(host: Host, request: Request) -> tuple[_Environment, tuple[Problem, ...]]:
    if request.python is None:
        message, remedy = "the project's Python environment was not found", "name it with --python"
        return _Environment(), (Problem(probe="software", code="no-python", message=message, remedy=remedy),)
    executable, reason = request.python.executable, request.python.reason
    answer = _parse(request.python_answer)
    if answer is None:
        problem = Problem(
            probe="software",
            code=_code(host, request.python),
            message=f"{installed.shown(executable)} {_fault(host, request.python, request.python_answer)}",
            remedy="name the project's interpreter with --python",
        )
        return _Environment(Python(executable=installed.shown(executable), reason=reason)), (problem,)
    prefix, base_prefix, stdlib = answer["prefix"][0], answer["base_prefix"][0], answer["stdlib"][0]
    folders = installed.folders(host, answer["path"], stdlib)
    conda = installed.conda_packages(host, prefix)
    python = Python(
        executable=installed.shown(executable),
        version=answer["version"][0],
        implementation=answer["implementation"][0],
        prefix=installed.shown(prefix),
        environment="conda" if conda is not None else "system" if prefix == base_prefix else "venv",
        externally_managed=prefix == base_prefix and host.exists(f"{stdlib}/EXTERNALLY-MANAGED"),
        reason=reason,
        hosts_llmcheck=reason == OWN,
        free_threaded=stdlib.endswith("t") if re.search(r"/python3\.\d+t?$", stdlib) else None,
        headers=_has_headers(host, stdlib),
        writable=_may_install(host, prefix, folders),
    )
    source = "".join(answer["source"]) or None
    return _Environment(python, folders, installed.distributions(host, folders), conda, source), (
        *_age(python),
        *_not_writable(python),
    )


def _may_install(host: Host, prefix: str, folders: Sequence[installed.Folder]) -> bool | None:
    """Whether this user may write to the environment's folder of packages; None where it has none that is known."""
    inside = f"{prefix.rstrip('/')}/"
    own = [each.path for each in folders if each.path.startswith(inside) and each.path.endswith(_PACKAGE_FOLDERS)]
    return host.may_write(own[0]) if own else None


def _not_writable(python: Python) -> Iterator[Problem]:
    """An environment of somebody else. Into a system's Python a user installs otherwise, without its folder."""
    if python.writable is False and python.environment != "system":
        yield Problem(
            probe="software",
            code="environment-not-writable",
            message=f"this user may not install into the environment {python.prefix}",
            remedy="make one of your own (python3 -m venv FOLDER) and name it with --python FOLDER/bin/python",
        )


def _code(host: Host, python: InterpreterChoice) -> str:
    """A broken Python has to be repaired before anything else; the script of a version manager on PATH may be sound."""
    sound = python.reason == ON_PATH and host.is_executable(python.executable)
    return "python-not-asked" if sound else "python-unusable"


def _parse(answer: bytes | None) -> dict[str, list[str]] | None:
    """The fields of the interpreter's answer, see ``system.interpreter``; None if it is incomplete or malformed."""
    _, begun, rest = (answer or b"").rpartition(BEGIN)
    text, ended, _ = rest.partition(END)
    lines = text.decode("utf-8", "surrogateescape").split("\n")
    if not begun or not ended or len(lines) < len(PROGRAM_FIELDS):
        return None
    values = [[value for value in line.split("\0") if value] for line in lines]
    fields = dict(zip(PROGRAM_FIELDS, values, strict=False))
    if not all(fields[name] for name in PROGRAM_FIELDS if name not in ("path", "source")):
        return None
    return fields if _VERSION.fullmatch(fields["version"][0]) else None


def _fault(host: Host, python: InterpreterChoice, answer: bytes | None) -> str:
    """Why an interpreter gave no answer, judged by its file."""
    executable = python.executable
    if answer is not None:
        return "is not a Python interpreter: its output was not the expected one"
    if not {"/", "\\"} & set(executable):
        return f"is not a command on PATH; a file of the working directory is named ./{installed.shown(executable)}"
    if not host.exists(executable):
        return "does not exist"
    if host.list(executable) is not None:
        return "is a folder: name the interpreter in it"
    if not host.is_file(executable):
        return "is a broken link: the Python that this environment was created with no longer exists"
    if not host.is_executable(executable):
        return "is not executable"
    if not python.may_run:
        return "is not run, because nobody named it, and no file beside it tells its version"
    return "did not answer: it failed or took too long"


def _age(python: Python) -> Iterator[Problem]:
    match = _VERSION.fullmatch(python.version or "")
    if match and (int(match[1]), int(match[2])) < _OLDEST:
        yield Problem(
            probe="software",
            code="python-too-old",
            message=f"{python.executable} is Python {python.version}, older than {_OLDEST[0]}.{_OLDEST[1]}",
            remedy="name a newer interpreter with --python",
        )


def _left_out(host: Host, request: Request) -> Iterator[Problem]:
    """Where root would read the environment that another user made in the working directory."""
    reason = None if request.python is None else request.python.reason
    if host.live and reason in (None, OWN, ON_PATH) and left_out(host.cwd):
        from llmcheck import shell

        python = in_prefix(f"{host.cwd}/.venv")
        yield Problem(
            probe="software",
            code=LEFT_OUT,
            message="./.venv was left out: this runs as root, and another user owns that folder or this one",
            remedy=f"if you trust it, name it: --python {shell.quote(installed.shown(python or '.venv/bin/python'))}",
        )


def _broken_variables(host: Host, request: Request) -> Iterator[Problem]:
    """Environment variables that name a missing environment or toolkit."""
    explicit = request.python is not None and request.python.explicit
    active = () if explicit else ("VIRTUAL_ENV", "CONDA_PREFIX")
    for variable in active:
        prefix = host.environ.get(variable)
        if prefix and not _has_python(host, prefix):
            yield Problem(
                probe="software",
                code="environment-broken",
                message=f"{variable} names {installed.shown(prefix)}, which has no Python that runs: it was ignored",
                remedy=f"create that environment again, or unset {variable}",
            )
    home = _cuda.cuda_home(host)
    if home and not host.exists(home[1]):
        yield Problem(
            probe="software",
            code="cuda-home-missing",
            message=f"{home[0]} names {installed.shown(home[1])}, which does not exist",
            remedy=f"set {home[0]} to the folder of a CUDA toolkit, or unset it",
        )


def _has_python(host: Host, prefix: str) -> bool:
    places = ("Scripts/python.exe", "python.exe") if host.platform == "windows" else ("bin/python",)
    return any(host.is_file(host.absolute(f"{prefix}/{place}")) for place in places)


def _torch(host: Host, folders: Sequence[installed.Folder], packages: Sequence[Package]) -> tuple[Torch, str] | None:
    """The torch that an import would find, and the file that it was read from; None if there is none."""
    for folder in folders:
        path = f"{folder.path}/torch/version.py"
        text = host.read(path) if "torch" in folder.entries else None
        if text is not None:
            return _version_file(text), path
    listed = next((package.version for package in packages if package.name == "torch"), None)
    return (Torch(version=listed), "the name of its metadata folder") if listed else None


def _version_file(text: str) -> Torch:
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


def _tool(host: Host, name: str) -> Tool:
    path = host.which(name) or next((place for place in _ALSO_AT.get(name, ()) if host.is_file(place)), None)
    return Tool(name=name, path=path, version=_tool_version(host, name, path) if path else None)


def _tool_version(host: Host, name: str, path: str) -> str | None:
    """The version where a file contains it; no command is run."""
    if name == "nvcc":
        return _cuda.nvcc_version(host, path)
    if name == "cc":
        return _gcc_version(host, path)
    if name == "conda":
        base = host.resolve(path).rpartition("/")[0].rpartition("/")[0]
        matches = map(_CONDA_ITSELF.fullmatch, host.list(f"{base}/conda-meta") or ())
        return next((match[1] for match in matches if match), None)
    return None


def _gcc_version(host: Host, path: str) -> str | None:
    """The major release of GCC, where ``cc`` is GCC: from the name that its links lead to, or from its own folder."""
    program = host.resolve(path).rpartition("/")[2]
    if not re.fullmatch(_GCC, program):
        return None
    named = re.search(r"-(\d{1,2})$", program)
    if named:
        return named[1]
    folder = f"{path.rpartition('/bin/')[0]}/lib/gcc"
    targets = host.list(folder) or ()
    found = {entry for target in targets for entry in host.list(f"{folder}/{target}") or ()}
    releases = [entry for entry in found if re.fullmatch(r"\d{1,2}(?:\.\d+)*", entry)]
    return releases[0] if len(releases) == 1 else None


def _has_headers(host: Host, stdlib: str) -> bool | None:
    """Whether Python.h lies beside a standard library such as ``/usr/lib/python3.12``; None for another layout."""
    match = re.fullmatch(r"(.*)/lib(?:64)?/(python3\.\d{1,2}t?)", stdlib)
    return host.is_file(f"{match[1]}/include/{match[2]}/Python.h") if match else None
