"""What files say of a Python and its environment: names, pyvenv.cfg, .pth files as text. Nothing in them is run.

Sources: CPython's Modules/getpath.py and Lib/site.py, and the documents of venv, virtualenv, uv and conda.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_NAME = re.compile(r"(?:python|pypy)(?P<minor>\d+\.\d+)?[\d.]*t?(?:\.exe)?", re.IGNORECASE)
_NUMBERS = r"\d{1,3}\.\d{1,3}\.\d{1,3}"
_VERSION = re.compile(rf"{_NUMBERS}(?!\d)", re.ASCII)
_CONDA_PYTHON = re.compile(rf"python-({_NUMBERS})-[^-]+\.json", re.ASCII)
_IMPLEMENTATION = re.compile(r"[a-z]{1,20}", re.ASCII)
_WINDOWS_LIBRARY = re.compile(r"python(\d)(\d+)t?\.dll", re.IGNORECASE)
_LIMIT = 1 << 16
"""Bytes of a text file that are read; pyvenv.cfg and .pth files have a few hundred."""
_PROGRAM_LIMIT = 64 << 20
"""Bytes of a program or library that are searched for its version; Python's largest has 40 million."""
_PIECE, _OVERLAP = 1 << 20, 32
_PROGRAMS = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"MZ")
"""How programs of Linux, macOS (for one or more processors) and Windows begin."""


class Found(NamedTuple):
    """A Python, as far as it has to be known to find its folders."""

    executable: str
    version: str
    """Three numbers, ``3.12.4``."""
    implementation: str
    base: str
    """The prefix of the Python itself; of a virtual environment, that of the Python that it was made with."""
    stdlib: str
    source: str
    """Where the version was read."""


def facts(executable: str, environ: Mapping[str, str]) -> dict[str, list[str]] | None:
    """``PROGRAM_FIELDS`` of ``llmcheck.system.interpreter``; None where files do not tell the version or the folders.

    Of a file that is not named as a Python is, nothing is told: it may be a script that starts another one.
    """
    found = _found(executable)
    return None if found is None else completed(found, environ)


def completed(found: Found, environ: Mapping[str, str]) -> dict[str, list[str]]:
    """``PROGRAM_FIELDS`` with all folders that this Python would import from, in its order."""
    prefix, settings = _virtual(found.executable)
    prefix = prefix or found.base
    stdlib = found.stdlib
    places = [os.path.abspath(each) for each in environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    places += [stdlib, os.path.join(stdlib, "lib-dynload")]
    sites = _sites(prefix, found) if "home" in settings else []
    if "home" not in settings or settings.get("include-system-site-packages", "").lower() == "true":
        sites += [*_user_sites(environ, found), *_sites(found.base, found), *_of_distributor(found)]
    for site in sites:
        places += [site, *_added(site)]
    return {
        "version": [found.version],
        "implementation": [found.implementation],
        "prefix": [prefix],
        "base_prefix": [found.base],
        "stdlib": [stdlib],
        "path": list(dict.fromkeys(places)),
        "source": [found.source],
    }


def _found(executable: str) -> Found | None:
    named = _NAME.fullmatch(os.path.basename(executable))
    if named is None:
        return None
    prefix, settings = _virtual(executable)
    real = os.path.realpath(executable)
    stated = _stated(executable, prefix, settings)
    name = _NAME.fullmatch(os.path.basename(real))
    minor = name["minor"] if name else None
    pypy = "pypy" in (settings.get("implementation") or os.path.basename(real)).lower()
    called = _IMPLEMENTATION.fullmatch(settings.get("implementation", "").lower())
    implementation = called[0] if called else "pypy" if pypy else "cpython"
    if stated and minor in (None, _minor(stated[0])):
        version, source = stated
        home, number = settings.get("home"), _minor(version)
        below = _base(real, home, number, pypy) or _guessed(executable, home, number)
        return Found(executable, version, implementation, *below, source)
    # Without a version, or with one that was another Python's: the system was upgraded since the environment was made.
    minor = minor or _minor_of_library(os.path.dirname(real))
    nearest = _base(real, None, minor, pypy) if minor and not pypy else None
    built = _built_in_version(real, nearest[0], minor) if nearest and minor else None
    return Found(executable, built[0], implementation, *nearest, built[1]) if nearest and built else None


def _virtual(executable: str) -> tuple[str | None, Mapping[str, str]]:
    """The prefix of the virtual environment that an executable is in, and its settings; None outside of one."""
    for prefix in _around(executable):
        text = _read(os.path.join(prefix, "pyvenv.cfg"))
        if text:
            pairs = (line.partition("=") for line in text.splitlines())
            return prefix, {name.strip().lower(): value.strip() for name, _, value in pairs if "\0" not in value}
    return None, {}


def _around(executable: str) -> tuple[str, str]:
    """The folder of a program and the one above: one of them is the prefix of an environment."""
    folder = os.path.dirname(executable)
    return folder, os.path.dirname(folder)


def _stated(executable: str, prefix: str | None, settings: Mapping[str, str]) -> tuple[str, str] | None:
    """Version and file, as venv (``version``) or virtualenv and uv (``version_info``) write it; of conda, by the name
    of a package's record.
    """
    match = _VERSION.match(settings.get("version") or settings.get("version_info", ""))
    if match and prefix is not None:
        return match[0], os.path.join(prefix, "pyvenv.cfg")
    for each in _around(executable) if prefix is None else ():
        folder = os.path.join(each, "conda-meta")
        record = next(filter(None, map(_CONDA_PYTHON.fullmatch, _list(folder))), None)
        if record:
            return record[1], os.path.join(folder, record[0])
    return None


def _built_in_version(real: str, base: str, minor: str) -> tuple[str, str] | None:
    """Version and file, by the text that ``Py_GetVersion`` returns and every build therefore contains."""
    pattern = re.compile(rb"(?<![\d.])" + re.escape(minor.encode()) + rb"\.(\d{1,3})(?:(?:a|b|rc)\d+)?\+?\0")
    libraries = (f"libpython{minor}{end}" for end in (".so.1.0", "t.so.1.0", ".dylib", "m.so.1.0"))
    inside = [os.path.join(base, lib, name) for name in libraries for lib in ("lib", "lib64")]
    windows = os.path.join(base, f"python{minor.replace('.', '')}.dll")
    for path in (real, *inside, os.path.join(base, "Python"), windows):
        patch = _searched(path, pattern)
        if patch is not None:
            return f"{minor}.{patch}", path
    return None


def _searched(path: str, pattern: re.Pattern[bytes]) -> str | None:
    if not os.path.isfile(path):
        return None
    try:
        with open(path, "rb") as file:
            piece, done = file.read(_PIECE), 0
            if not piece.startswith(_PROGRAMS):
                return None
            while piece and done < _PROGRAM_LIMIT:
                match = pattern.search(piece)
                if match:
                    return match[1].decode()
                more = file.read(_PIECE)
                piece, done = piece[-_OVERLAP:] + more if more else b"", done + len(more)
    except OSError:
        return None
    return None


def _minor_of_library(folder: str) -> str | None:
    """On Windows the program has no number, but the library beside it has."""
    match = next(filter(None, map(_WINDOWS_LIBRARY.fullmatch, _list(folder))), None)
    return f"{match[1]}.{match[2]}" if match else None


def _base(real: str, home: str | None, minor: str, pypy: bool) -> tuple[str, str] | None:
    """Prefix and standard library of a Python, found as it finds them itself: the nearest folder above the program.

    ``home``: the folder of the program that a virtual environment was made with.
    """
    for start in (home, os.path.dirname(real)):
        folder = start
        while folder:
            for stdlib in _libraries(folder, minor, pypy):
                if os.path.isfile(os.path.join(stdlib, "os.py")):
                    return folder, stdlib
            above = os.path.dirname(folder)
            folder = above if above != folder else None
    return None


def _libraries(prefix: str, minor: str, pypy: bool) -> list[str]:
    """Where the standard library may be, the usual place first; with ``t`` that of a build without the GIL."""
    names = [f"pypy{minor}"] if pypy else [f"python{minor}", f"python{minor}t"]
    posix = [os.path.join(prefix, lib, name) for name in names for lib in ("lib", "lib64")]
    return [*posix, os.path.join(prefix, "Lib")]


def _guessed(executable: str, home: str | None, minor: str) -> tuple[str, str]:
    """Prefix and standard library of a Python that is gone, or was on another machine."""
    folder = home or os.path.dirname(executable)
    if not executable.lower().endswith(".exe"):
        base = os.path.dirname(folder)
        return base, os.path.join(base, "lib", f"python{minor}")
    base = os.path.dirname(folder) if os.path.basename(folder).lower() == "scripts" else folder
    return base, os.path.join(base, "Lib")


def _sites(prefix: str, found: Found) -> list[str]:
    """The site-packages below a prefix that exist; the usual one where none does."""
    pypy = found.implementation == "pypy"
    libraries = _libraries(prefix, _minor(found.version), pypy)
    sites = [os.path.join(each, "site-packages") for each in libraries]
    there = {os.path.realpath(site): site for site in reversed(sites) if os.path.isdir(site)}
    return [site for site in sites if there.get(os.path.realpath(site)) == site] or sites[:1]


def _user_sites(environ: Mapping[str, str], found: Found) -> list[str]:
    """The user's own site-packages, where they exist."""
    if environ.get("PYTHONNOUSERSITE"):
        return []
    minor = _minor(found.version)
    named, home = environ.get("PYTHONUSERBASE"), environ.get("HOME") or environ.get("USERPROFILE")
    bases = [named] if named else [os.path.join(home, ".local")] if home else []
    places = [site for base in bases for site in _sites(os.path.abspath(base), found)]
    if home and not named:
        places.append(os.path.join(home, "Library", "Python", minor, "lib", "python", "site-packages"))
    if environ.get("APPDATA"):
        places.append(os.path.join(environ["APPDATA"], "Python", f"Python{minor.replace('.', '')}", "site-packages"))
    return [each for each in places if os.path.isdir(each)]


def _of_distributor(found: Found) -> list[str]:
    """Folders that Debian, Fedora and openSUSE add for the Python in /usr."""
    name = f"python{_minor(found.version)}"
    places = [
        os.path.join(found.base, "local", "lib", name, "dist-packages"),
        os.path.join(found.base, "lib", "python3", "dist-packages"),
        os.path.join(found.base, "lib", name, "dist-packages"),
    ]
    if os.path.basename(os.path.dirname(found.stdlib)) == "lib64":
        places += [os.path.join(found.base, "local", lib, name, "site-packages") for lib in ("lib64", "lib")]
    return [each for each in places if os.path.isdir(each)]


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


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _read(path: str) -> str:
    """ "" for what is no file, or cannot be read."""
    if not os.path.isfile(path):  # a FIFO would wait for a writer
        return ""
    try:
        with open(path, encoding="utf-8-sig", errors="surrogateescape") as file:
            return file.read(_LIMIT)
    except OSError:
        return ""


def _list(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
