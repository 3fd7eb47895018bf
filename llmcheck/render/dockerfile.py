"""An installation plan as a Dockerfile."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from llmcheck.gpus.cuda import cuda_of
from llmcheck.printable import printable
from llmcheck.render import Options
from llmcheck.render.views.environments import header, install_steps, python_series
from llmcheck.schema.advice import Environment, Plan, Step

FILE_NAMES = ("*Dockerfile*",)

_ROOT = "/opt/llmcheck"
_DEBIAN = {"cc": "build-essential", "cmake": "cmake", "git": "git"}
_UV = "/opt/uv"


def render(value: object, _options: Options) -> str:
    """One image with a virtual environment for every environment. Raises TypeError for anything but a plan."""
    if not isinstance(value, Plan):
        raise TypeError("only an installation plan is a Dockerfile")
    environments = [each for each in value.environments if each.python is not None]
    version = python_series(environments[0] if environments else None)
    required = [name for each in environments for step in install_steps(each) for name in step.requires]
    debian = {_DEBIAN[name] for name in required if name in _DEBIAN}
    base = f"python:{version}-slim"
    if value.image is not None:
        base, version = value.image.name, value.image.python
        debian |= {"python3-dev", "python3-venv"}  # with the headers for compiling extensions
    lines = header(value)
    lines += [f"# note: {printable(note)}" for note in value.notes]
    lines += [f"FROM {base}", ""]
    if debian:
        lines += ["# packages that the steps below need", _run(["apt-get", "update"])]
        lines += [_run(["apt-get", "install", "--yes", "--no-install-recommends", *sorted(debian)]), ""]
    for environment in environments:
        lines += [*_environment(environment, version), ""]
    for environment in value.environments:
        if environment.python is None:
            lines += [
                f"# {printable(environment.name)} is not a Python package: it is a container or built from source",
                "",
            ]
    if environments:
        lines.append(f"ENV PATH={_ROOT}/{_folder(environments[0])}/bin:$PATH")
    if value.torch is not None and cuda_of(value.torch.tag):
        lines.append("# run it with: docker run --gpus all ...")
    return "\n".join(lines).rstrip("\n") + "\n"


def _environment(environment: Environment, version: str) -> list[str]:
    folder = f"{_ROOT}/{_folder(environment)}"
    lines = [f"# environment: {printable(environment.name)}"]
    own = python_series(environment)
    if own != version:
        lines += [f"# it needs Python {own}, which uv installs", _run(["python3", "-m", "venv", _UV])]
        lines.append(_run([f"{_UV}/bin/pip", "install", "--no-cache-dir", "uv>=0.9"]))
        lines.append(_run([f"{_UV}/bin/uv", "venv", "--seed", "--python", own, folder]))
    else:
        lines.append(_run(["python3", "-m", "venv", folder]))
    for step in install_steps(environment):
        lines += [f"# {printable(step.reason)}", _run(_pip(folder, step), step.variables)]
    for step in environment.steps:
        if step.kind == "verify" and not step.needs_gpu:
            lines += [f"# {printable(step.reason)}", _run([f"{folder}/bin/python", *_proof(step)])]
    return lines


def _proof(step: Step) -> list[str]:
    """Arguments of the image's Python, which has pip and no uv."""
    if "--dry-run" not in step.argv:
        return list(step.argv[1:])
    words = step.argv[step.argv.index("--dry-run") :]
    return ["-m", "pip", "install", *(word for word in words if word != "--offline")]


def _pip(folder: str, step: Step) -> list[str]:
    options = [each for each in step.options if each not in ("--force-reinstall", "--no-cache-dir")]
    argv = [f"{folder}/bin/python", "-m", "pip", "install", "--no-cache-dir", *options, *step.requirements]
    argv += ["--index-url", step.index_url] if step.index_url else []
    return argv + (["--extra-index-url", step.extra_index_url] if step.extra_index_url else [])


def _run(argv: Sequence[str], variables: dict[str, str] | None = None) -> str:
    """The exec form: a JSON array, which no shell interprets."""
    words = [*(["env", *(f"{name}={value}" for name, value in variables.items())] if variables else []), *argv]
    return f"RUN {json.dumps(words)}"


def _folder(environment: Environment) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", environment.name)
