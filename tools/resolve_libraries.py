"""Resolves every library of the catalogue for real and measures it: llmcheck/data/resolutions.json.

    python tools/resolve_libraries.py                         # all of them, and prints a table
    python tools/resolve_libraries.py --only peft --output -  # one of them, on the screen
    python tools/resolve_libraries.py --pairs                 # which two cannot share, against "conflicts"
    python tools/resolve_libraries.py --install 20 --cpu-torch torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl

The resolver is uv with the index that it is configured for; where uv is not on PATH it comes into an environment of its
own first. The platform is that of the Python that runs this, which needs llmcheck installed; the stored results are of
Python 3.11. What is downloaded is the size that the index states, what is installed is read from each wheel's directory
by range requests, without bytecode; a package without a wheel counts ``_BUILT`` times its archive.

``--install`` puts the smallest into one new environment and imports each as a plan would; their closures say so.
The CPU build comes from PyTorch's index, unless ``--cpu-torch`` names its wheel.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import urllib.error
import venv
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import msgspec
from packaging.markers import Marker
from packaging.tags import sys_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from remote_file import RemoteFile

from llmcheck import catalog
from llmcheck.errors import LlmcheckError
from llmcheck.install.library_steps import requirements_of
from llmcheck.schema.machine import Machine, Os
from llmcheck.tables.library import Closure, Library, Resolutions

OUTPUT = os.path.join(os.path.dirname(catalog.__file__), os.pardir, "data", "resolutions.json")
CPU_TORCH = "torch-cpu"

_TIMEOUT = 600
_BUILT = 4
"""Bytes installed for each byte of a source archive; wheels of pure Python unpack to about that (the median here)."""
_AT_ONCE = 4
_OF_CUDA = ("torch", "triton", "nvidia-", "cuda-")
_TAGS = {tag: rank for rank, tag in reversed(list(enumerate(sys_tags())))}


class UnresolvedError(Exception):
    """The message of the resolver."""


class Package(NamedTuple):
    name: str
    version: str
    source: str
    """URL, or a path on this machine."""
    size: int | None
    wheel: bool

    @property
    def pin(self) -> str:
        return f"{self.name}=={self.version}"


class Resolver:
    """uv, and a folder to work in."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.uv = shutil.which("uv") or shutil.which("uv", path=os.path.dirname(sys.executable)) or self._fetch()
        self.version = self._run("--version").split("(")[0].strip()

    def resolve(self, requirements: Iterable[str], *options: str) -> list[Package]:
        """All that would be installed. Raises UnresolvedError."""
        lock = os.path.join(self.folder, "pylock.toml")
        lines = "\n".join(requirements)
        self._run(
            "pip", "compile", "--quiet", "--python", sys.executable, "--format", "pylock.toml",
            "--output-file", lock, *options, "-", stdin=lines,
        )  # fmt: skip
        with open(lock, "rb") as file:
            entries = tomllib.load(file)["packages"]
        os.remove(lock)
        wanted = [each for each in entries if "marker" not in each or Marker(each["marker"]).evaluate()]
        return [self._package(entry) for entry in wanted]

    def environment(self) -> str:
        """The Python of a new environment."""
        folder = os.path.join(self.folder, "environment")
        self._run("venv", "--quiet", "--python", sys.executable, folder)
        return os.path.join(folder, "bin", "python")

    def install(self, python: str, requirements: Iterable[str]) -> None:
        """Raises UnresolvedError."""
        self._run("pip", "install", "--quiet", "--python", python, *requirements)

    def _package(self, entry: Mapping[str, Any]) -> Package:
        name, version = entry["name"], entry.get("version", "")
        if "archive" in entry:
            archive = entry["archive"]
            path = os.path.join(self.folder, archive["path"]) if "path" in archive else archive["url"]
            version = version or str(parse_wheel_filename(os.path.basename(path))[1])
            return Package(name, version, path, archive.get("size"), wheel=True)
        fitting = [(rank, wheel) for wheel in entry.get("wheels", ()) if (rank := _rank(_file_of(wheel))) is not None]
        if fitting:
            best = min(fitting, key=lambda each: each[0])[1]
            return Package(name, version, best["url"], best.get("size"), wheel=True)
        if "sdist" in entry:
            return Package(name, version, entry["sdist"]["url"], entry["sdist"].get("size"), wheel=False)
        raise UnresolvedError(f"{name} {version} has no wheel for this platform, and no source archive")

    def _fetch(self) -> str:
        folder = os.path.join(self.folder, "uv")
        venv.create(folder, with_pip=True)
        subprocess.run([os.path.join(folder, "bin", "pip"), "install", "--quiet", "uv"], check=True)
        return os.path.join(folder, "bin", "uv")

    def _run(self, *arguments: str, stdin: str | None = None) -> str:
        try:
            done = subprocess.run(
                [self.uv, *arguments], input=stdin, capture_output=True, text=True, timeout=_TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired:
            raise UnresolvedError(f"no answer in {_TIMEOUT} s") from None
        if done.returncode:
            raise UnresolvedError(_short_error(done.stderr))
        return done.stdout


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Resolve the libraries of the catalogue, and measure them.")
    parser.add_argument("--only", action="append", metavar="NAME", help="this library alone; can be given again")
    parser.add_argument("--output", default=OUTPUT, metavar="FILE", help="'-': the screen; default: the shipped data")
    parser.add_argument("--install", type=int, default=0, metavar="N", help="install the N smallest and import them")
    parser.add_argument("--cpu-torch", metavar="WHEEL", help="a wheel of torch's CPU build on this machine")
    parser.add_argument("--pairs", action="store_true", help="only ask which libraries exclude each other")
    options = parser.parse_args(arguments)
    libraries = catalog.libraries()
    if unknown := set(options.only or ()) - {*libraries, CPU_TORCH}:
        parser.error(f"not in the catalogue: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as folder:
        resolver = Resolver(folder)
        if options.pairs:
            return pairs(resolver, [each for each in libraries.values() if not options.only or each.id in options.only])
        wanted = {name: each for name, each in libraries.items() if not options.only or name in options.only}
        before = _stored(options.output)
        closures, sizes = dict(before.libraries), dict(before.sizes)
        for name, library in wanted.items():
            closures[name], packages = resolved(resolver, library)
            sizes |= measured(packages, sizes)
            print(_row(name, closures[name], sizes), flush=True)
        if not options.only or CPU_TORCH in options.only:
            closures[CPU_TORCH], packages = cpu_torch(resolver, options.cpu_torch)
            sizes |= measured(packages, sizes)
            print(_row(CPU_TORCH, closures[CPU_TORCH], sizes), flush=True)
        closures = {name: closures[name] for name in [*libraries, CPU_TORCH] if name in closures}
        if options.install:
            chosen = smallest(wanted, closures, sizes, options.install)
            for name, message in imported(resolver, chosen, options.cpu_torch).items():
                closures[name] = msgspec.structs.replace(closures[name], message=message)
        # with --only, most rows are older: the date stays
        today = datetime.datetime.now(datetime.UTC).date()
        day = before.as_of if options.only and before.libraries else today
        write(options.output, closures, sizes, resolver.version, day)
    return 0


def requested(library: Library) -> list[str]:
    """The requirements that a plan has for it on a machine like this one without a GPU."""
    here = Machine(os=Os(system=platform.system().lower(), architecture=platform.machine()))
    return requirements_of(library, {}, here, catalog.tables().package_builds)


def resolved(resolver: Resolver, library: Library) -> tuple[Closure, list[Package]]:
    """What the advised requirements resolve to; for none, why not."""
    if library.install == "container":
        return Closure(outcome="container-only"), []
    if not library.requirements:
        return Closure(outcome="not-python"), []
    options = ["--extra-index-url", library.extra_index_url] if library.extra_index_url else []
    try:
        packages = resolver.resolve(requested(library), *options)
    except UnresolvedError as error:
        no_wheel = re.search(r"no wheels? (with|for)", str(error))
        return Closure(outcome="no-wheel" if no_wheel else "conflict", message=str(error)), []
    built = [f"{each.name} {each.version}" for each in packages if not each.wheel]
    message = f"built from source: {', '.join(built)}" if built else None
    if built and not library.build_isolation:
        message = f"{message}, after torch and without build isolation"
    versions = {each.name: each.version for each in packages}
    return Closure(outcome="needs-build" if built else "resolves", message=message, packages=versions), packages


def cpu_torch(resolver: Resolver, wheel: str | None) -> tuple[Closure, list[Package]]:
    """torch without CUDA, from its own index or from a wheel that is here."""
    try:
        if wheel is None:
            packages = resolver.resolve(["torch"], "--torch-backend", "cpu")
            message = "from PyTorch's own index"
        else:
            packages = resolver.resolve([f"torch @ file://{os.path.abspath(wheel)}"])
            message = "measured from the file of this wheel; PyTorch's index was not used"
    except UnresolvedError as error:
        return Closure(outcome="conflict", message=str(error)), []
    versions = {each.name: each.version for each in packages}
    return Closure(outcome="resolves", message=message, packages=versions), packages


def measured(packages: Iterable[Package], known: Mapping[str, object]) -> dict[str, tuple[int, int]]:
    """Bytes downloaded and bytes installed of what is not known yet."""
    new = [each for each in packages if each.pin not in known]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip([each.pin for each in new], pool.map(_weigh, new), strict=True))


def _weigh(package: Package) -> tuple[int, int]:
    if not package.source.startswith("http"):
        with zipfile.ZipFile(package.source) as archive:
            return os.path.getsize(package.source), sum(each.file_size for each in archive.infolist())
    try:
        remote = RemoteFile(package.source)
    except (urllib.error.URLError, OSError):
        remote = None
    size = package.size or (remote.size if remote else 0)
    if package.wheel and remote is not None:
        with zipfile.ZipFile(remote) as archive:
            return size, sum(each.file_size for each in archive.infolist())
    return size, size * _BUILT


def smallest(
    libraries: Mapping[str, Library], closures: Mapping[str, Closure], sizes: Mapping[str, tuple[int, int]], count: int
) -> list[Library]:
    """Those that need nothing compiled, and no environment or torch of their own; torch itself is not counted."""
    weights = {
        name: sum(sizes[f"{each}=={version}"][1] for each, version in packages.items() if not each.startswith(_OF_CUDA))
        for name in libraries
        if (packages := closures[name].packages) and closures[name].outcome == "resolves"
    }
    fitting = [
        library
        for name, library in libraries.items()
        if name in weights and not (library.pins_torch or library.environment or library.needs_nvidia)
    ]
    fitting = [each for each in fitting if not each.id.startswith(_OF_CUDA) and not (each.torch or "").startswith("==")]
    return sorted(fitting, key=lambda library: weights[library.id])[:count]


def imported(resolver: Resolver, libraries: Sequence[Library], wheel: str | None) -> dict[str, str]:
    """What became of each, by id: torch's CPU build first, then all of them in one environment."""
    python = resolver.environment()
    today = datetime.datetime.now(datetime.UTC).date()
    if wheel is not None:
        resolver.install(python, [wheel])
    resolver.install(python, [requirement for library in libraries for requirement in requested(library)])
    messages = {}
    proofs = {library.id: library.verify or f"import {library.import_name}" for library in libraries}
    if wheel is not None:
        proofs[CPU_TORCH] = "import torch; assert torch.ones(2).sum().item() == 2"
    for name, proof in proofs.items():
        done = subprocess.run([python, "-c", proof], capture_output=True, text=True, timeout=_TIMEOUT, check=False)
        outcome = _short_error(done.stderr) if done.returncode else f"installed and imported on {today}"
        messages[name] = outcome if wheel is None or name == CPU_TORCH else f"{outcome}, with torch's CPU build"
        print(f"{name:22} {messages[name]}: {proof}", flush=True)
    return messages


def pairs(resolver: Resolver, libraries: Sequence[Library]) -> int:
    """Compares the resolver's answer for every two libraries with the catalogue's: may they share an environment."""
    wrong = 0
    together = [each for each in libraries if each.requirements and not each.isolated]
    for one, other in itertools.combinations(together, 2):
        if not any(each.torch or each.environment or each.conflicts for each in (one, other)):
            continue
        try:
            resolver.resolve([*requested(one), *requested(other)])
            error_text = None
        except UnresolvedError as error:
            error_text = str(error)
        stated = other.id in one.conflicts or one.id in other.conflicts
        if stated != (error_text is not None):
            wrong += 1
        if stated or error_text:
            word = "ok   " if stated == bool(error_text) else "WRONG"
            print(f"{word} {one.id} + {other.id}: {error_text or 'resolves'}", flush=True)
    print(f"{wrong} pairs are not as the catalogue says")
    return min(wrong, 1)


def write(
    output: str,
    closures: Mapping[str, Closure],
    sizes: Mapping[str, tuple[int, int]],
    resolver: str,
    day: datetime.date,
) -> None:
    """One line for each library and each package, so that a new run shows what changed."""
    used = {f"{name}=={version}" for each in closures.values() for name, version in each.packages.items()}
    written = {name: msgspec.json.encode(_sorted(each)).decode() for name, each in closures.items()}
    lines = [f"    {json.dumps(name)}: {text}" for name, text in written.items()]
    weights = [f"    {json.dumps(pin)}: {json.dumps(sizes[pin])}" for pin in sorted(used)]
    machine = f"{platform.system().lower()}-{platform.machine()}, {' '.join(platform.libc_ver())}"
    head = {
        "as_of": day.isoformat(),
        "platform": f"Python {sys.version_info[0]}.{sys.version_info[1]}, {machine}",
        "resolver": resolver,
    }
    text = "".join(f"  {json.dumps(key)}: {json.dumps(value)},\n" for key, value in head.items())
    text = f'{{\n{text}  "libraries": {{\n{_joined(lines)}\n  }},\n  "sizes": {{\n{_joined(weights)}\n  }}\n}}\n'
    msgspec.json.decode(text, type=Resolutions)
    if output == "-":
        print(text, end="")
        return
    with open(output, "w", encoding="utf-8") as file:
        file.write(text)


def _sorted(closure: Closure) -> dict[str, Any]:
    fields = {
        "outcome": closure.outcome,
        "message": closure.message,
        "packages": dict(sorted(closure.packages.items())),
    }
    return {key: value for key, value in fields.items() if value}


def _joined(lines: Iterable[str]) -> str:
    return ",\n".join(lines)


def _stored(output: str) -> Resolutions:
    """Earlier results: known sizes are reused, and ``--only`` keeps the other libraries."""
    try:
        with open(OUTPUT if output == "-" else output, "rb") as file:
            return msgspec.json.decode(file.read(), type=Resolutions)
    except (OSError, msgspec.MsgspecError, LlmcheckError):
        today = datetime.datetime.now(datetime.UTC).date()
        return Resolutions(as_of=today, platform="", resolver="", libraries={}, sizes={})


def _row(name: str, closure: Closure, sizes: Mapping[str, tuple[int, int]]) -> str:
    weights = [sizes[f"{each}=={version}"] for each, version in closure.packages.items()]
    download, installed = (sum(weight[which] for weight in weights) / 1e6 for which in (0, 1))
    return (
        f"{name:22} {closure.outcome:14} {len(closure.packages):4} packages {download:8.1f} MB {installed:8.1f} MB"
        f"  {closure.message or ''}"
    )


def _file_of(wheel: Mapping[str, Any]) -> str:
    return str(wheel.get("name") or wheel["url"].rpartition("/")[2])


def _rank(filename: str) -> int | None:
    """How well a wheel fits this Python, 0 best; None where it does not."""
    try:
        tags = parse_wheel_filename(filename)[3]
    except InvalidWheelFilename:
        return None
    return min((_TAGS[tag] for tag in tags if tag in _TAGS), default=None)


def _short_error(stderr: str) -> str:
    """An error as one short line, of a traceback the last one; without addresses and paths."""
    stderr = re.split(r"^Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*", stderr, flags=re.MULTILINE)[-1]
    words = re.sub(r"https?://\S+", "(address)", " ".join(stderr.split()))
    words = re.sub(r"(?<![\w.])/[\w.+/-]+", "(path)", words)
    return words.removeprefix("error: ")[:300]


if __name__ == "__main__":
    sys.exit(main())
