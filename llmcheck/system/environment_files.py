"""What the files of a virtual or conda environment say of its Python. Nothing in it is run.

A ``.venv`` that lies in the working directory may have come with somebody else's project, and nobody has named it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

_VERSION = re.compile(r"\d+\.\d+\.\d+")
_CONDA_PYTHON = re.compile(r"python-(\d+\.\d+\.\d+)-[^-]+\.json")
_LIMIT = 1 << 16
"""Bytes of a file that is read; those of pyvenv.cfg and of .pth files are a few hundred."""


def facts(prefix: str, environ: Mapping[str, str]) -> dict[str, list[str]] | None:
    """``PROGRAM_FIELDS`` of ``llmcheck.system.interpreter``, as that Python would report them; None where the files do
    not tell its version.
    """
    settings = _settings(os.path.join(prefix, "pyvenv.cfg"))
    version = _version(prefix, settings)
    if version is None:
        return None
    home = settings.get("home")
    base = prefix if home is None else home if os.name == "nt" else os.path.dirname(home)
    stdlib = _library(base, version)
    places = [each for each in environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    places += [stdlib, os.path.join(stdlib, "lib-dynload")]
    for site in _sites(prefix, version):
        places += [site, *_added(site)]
    if home is not None and settings.get("include-system-site-packages", "").lower() == "true":
        places += [*_sites(base, version), *_debian(base, version)]
    implementation = settings.get("implementation", "cpython").lower()
    return {
        "version": [version],
        "implementation": [implementation],
        "prefix": [prefix],
        "base_prefix": [base],
        "stdlib": [stdlib],
        "path": places,
    }


def _settings(path: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in _read(path).splitlines())
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _version(prefix: str, settings: Mapping[str, str]) -> str | None:
    """As venv (``version``) or virtualenv and uv (``version_info``) write it; of conda, by the name of its package."""
    stated = _VERSION.match(settings.get("version") or settings.get("version_info", ""))
    if stated:
        return stated[0]
    matches = map(_CONDA_PYTHON.fullmatch, _list(os.path.join(prefix, "conda-meta")))
    return next((match[1] for match in matches if match), None)


def _library(base: str, version: str) -> str:
    if os.name == "nt":
        return os.path.join(base, "Lib")
    name = f"python{'.'.join(version.split('.')[:2])}"
    places = [os.path.join(base, lib, name) for lib in ("lib", "lib64")]
    return next((each for each in places if os.path.exists(os.path.join(each, "os.py"))), places[0])


def _sites(prefix: str, version: str) -> list[str]:
    if os.name == "nt":
        return [os.path.join(prefix, "Lib", "site-packages")]
    name = f"python{'.'.join(version.split('.')[:2])}"
    places = [os.path.join(prefix, lib, name, "site-packages") for lib in ("lib", "lib64")]
    return places if os.path.realpath(places[1]) != os.path.realpath(places[0]) else places[:1]


def _debian(base: str, version: str) -> list[str]:
    name = f"python{'.'.join(version.split('.')[:2])}"
    return [
        os.path.join(base, "local", "lib", name, "dist-packages"),
        os.path.join(base, "lib", "python3", "dist-packages"),
    ]


def _added(site: str) -> Iterator[str]:
    """The folders that .pth files add to the path, such as those of editable installs; their code is left alone."""
    for name in sorted(_list(site)):
        if name.endswith(".pth") and not name.startswith("."):
            for line in _read(os.path.join(site, name)).splitlines():
                place = line.strip()
                if place and not place.startswith(("#", "import ", "import\t")) and "\0" not in place:
                    path = os.path.join(site, place)
                    if os.path.isdir(path):
                        yield path


def _read(path: str) -> str:
    """ "" for what is no file, or cannot be read."""
    if not os.path.isfile(path):  # a FIFO would wait for a writer
        return ""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read(_LIMIT)
    except OSError:
        return ""


def _list(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
