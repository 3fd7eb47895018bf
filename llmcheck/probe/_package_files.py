"""Files of installed distributions that matter: whether they are there, what hides them, what they were built for."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence, Set

from llmcheck.packages.known import IMPORT_NAMES, SHARED_FILES
from llmcheck.probe._distributions import Distribution, Folder, Known, is_importable, shown
from llmcheck.schema.software import CompiledFor
from llmcheck.system.host import Host

_RECORD_BYTES = 1 << 12
"""Of RECORD: the first files are enough to tell that a folder was removed."""
_FIRST_FILES = 3
_SMALL_RECORD_BYTES = 1 << 17
"""Of a wheel of NVIDIA's libraries, which has few files."""
_LIBRARY_BYTES = 1 << 21
"""Of a library: the names of those that it links are near its start."""
_TEXT_BYTES = 1 << 16
_LOCAL = re.compile(r"^__version__\s*=\s*['\"][^'\"+]+\+([A-Za-z0-9.]+)['\"]", re.MULTILINE)
_FLASH = re.compile(r"cu(\d{2,3})torch(\d+\.\d+)")
_BITSANDBYTES = re.compile(r"libbitsandbytes_(cuda|rocm)(\d+)\.(?:so|dll)")
_BACKEND = re.compile(r"(?:lib)?ggml-(cuda|hip|vulkan|metal|sycl|musa|cann|opencl)\.(?:so|dll|dylib)[\d.]*")
_LINKED = {"cuda": ("libcudart", "libcublas", "libcuda.so"), "hip": ("libamdhip64",), "vulkan": ("libvulkan",)}
"""By llama.cpp's backend: the libraries that a build with it links."""
_MOST_ENTRIES = 4096
"""Of the working directory: a larger one holds data, not modules."""
_XFORMERS = re.compile(r'"torch"\s*:\s*"([^"]+)"')
_OF_PYTHON = re.compile(r".*/(?:python|pypy)(\d+\.\d+)t?/(?:site|dist)-packages", re.DOTALL)


def missing(host: Host, known: Known, entries: Set[str]) -> str | None:
    """The first file that is listed and gone; None where all is there. ``entries``: of the folder that it is in."""
    one = known.one
    module = IMPORT_NAMES[one.name]
    place = f"{one.folder.path}/{module.replace('.', '/')}"
    if "." in module or module not in entries:
        if f"{module}.py" not in entries and not is_importable(host, (one.folder,), module):
            return place
    elif not host.is_file(f"{place}/__init__.py") and not any(
        each.startswith(f"{module}.") and each.endswith((".py", ".so", ".pyd")) for each in entries
    ):
        # Several distributions may share such a folder, as langgraph and its parts do: then none has that file.
        record = host.read(f"{one.metadata}/RECORD") or ""
        if not record or f"\n{module}/__init__.py," in f"\n{record}":
            return f"{place}/__init__.py"
    files = (f"{one.folder.path}/{each}" for each in _first_files(host, known))
    return next((path for path in files if not host.exists(path)), None)


def _first_files(host: Host, known: Known) -> Iterator[str]:
    """Modules at the start of RECORD; tests are left out, which slim images remove."""
    text = host.read(f"{known.one.metadata}/RECORD", _RECORD_BYTES) if "RECORD" in known.files else None
    found = 0
    for line in (text or "").split("\n")[:-1]:
        name = line.partition(",")[0].strip('"')
        if name.endswith((".py", ".so", ".pyd")) and not name.startswith(("..", "/")) and "test" not in name:
            yield name
            found += 1
            if found == _FIRST_FILES:
                return


def other_python(one: Distribution, version: str) -> bool:
    """Whether the folder is that of another Python: compiled modules in it do not load."""
    match = _OF_PYTHON.fullmatch(one.folder.path)
    return match is not None and bool(version) and match[1] != ".".join(version.split(".")[:2])


def hiding(
    host: Host, listed: Sequence[Folder], known: Mapping[str, Known], editable: Container[str]
) -> Iterator[tuple[str, str, str, str]]:
    """(name, kind, what is imported, what it hides): modules without metadata that come before the distribution."""
    if not known:
        return
    reached = {host.resolve(folder.path) for folder in listed}
    directory = set() if host.resolve(host.cwd) in reached else _of_directory(host)
    for name, each in known.items():
        module = IMPORT_NAMES.get(name, ".")
        if "." in module or name in editable:
            continue
        first = each.one
        for folder in listed[: listed.index(first.folder)]:
            place = place_of(host, folder.path) if {module, f"{module}.py"} & set(folder.entries) else None
            path = _module(host, folder.path, module) if place is not None else None
            if path is not None:
                yield name, f"module-in-{place}", path, first.metadata
                break
        if module in directory or f"{module}.py" in directory:
            path = _module(host, host.cwd.rstrip("/"), module)
            if path is not None:
                yield name, "module-in-directory", path, first.metadata


def _of_directory(host: Host) -> Set[str]:
    return {name for name, _ in host.entries(host.cwd, _MOST_ENTRIES) or ()}


def _module(host: Host, folder: str, module: str) -> str | None:
    """A plain folder without ``__init__.py`` hides nothing."""
    paths = (f"{folder}/{module}/__init__.py", f"{folder}/{module}.py")
    return next((path for path in paths if host.is_file(path)), None)


def place_of(host: Host, folder: str) -> str | None:
    """``pythonpath`` or ``user-site``, where that put a folder on the path; None for one of the environment's own."""
    separator = ";" if host.platform == "windows" else ":"
    named = (host.environ.get("PYTHONPATH") or "").split(separator)
    if folder in {host.absolute(each) for each in named if each}:
        return "pythonpath"
    home = host.home()
    bases = [host.environ.get("PYTHONUSERBASE"), host.environ.get("APPDATA") and f"{host.environ['APPDATA']}/Python"]
    bases += [f"{home}/.local/lib", f"{home}/Library/Python"] if home else []
    return "user-site" if any(each and folder.startswith(f"{each}/") for each in bases) else None


def overwritten(host: Host, known: Mapping[str, Known]) -> Iterator[tuple[str, str]]:
    """(name, file): distributions whose RECORD gives another size than that of the file in their place."""
    for file, names in SHARED_FILES:
        here = [known[name].one for name in names if name in known]
        for one in here if len(here) > 1 else ():
            text = host.read(f"{one.metadata}/RECORD", _SMALL_RECORD_BYTES) or ""
            match = re.search(rf"^{re.escape(file)},[^,\n]*,(\d+)\s*$", text, re.MULTILINE)
            size = host.file_size(f"{one.folder.path}/{file}") if match else None
            if match and size is not None and size != int(match[1]):
                yield one.name, f"{one.folder.path}/{file}"


def compiled(host: Host, known: Mapping[str, Known]) -> tuple[CompiledFor, ...]:
    """What the compiled files of a few distributions were built for, sorted by name."""
    found = [_READERS[name](host, known[name].one) for name in sorted(_READERS) if name in known]
    return tuple(each for each in found if each is not None)


def _companion(host: Host, one: Distribution) -> CompiledFor | None:
    path = f"{one.folder.path}/{one.name}/version.py"
    match = _LOCAL.search(host.read(path, _TEXT_BYTES) or "")
    tag = match[1] if match else one.version.partition("+")[2]
    return CompiledFor(name=one.name, builds=(tag,), source=shown(path if match else one.metadata)) if tag else None


def _xformers(host: Host, one: Distribution) -> CompiledFor | None:
    path = f"{one.folder.path}/xformers/cpp_lib.json"
    match = _XFORMERS.search(host.read(path, _TEXT_BYTES) or "")
    if match is None:
        return None
    torch, _, tag = match[1].partition("+")
    return CompiledFor(name=one.name, torch=torch, builds=(tag,) if tag else None, source=shown(path))


def _flash_attn(host: Host, one: Distribution) -> CompiledFor | None:
    """The file's name on GitHub says it; pip keeps that name as the origin."""
    origin = f"{one.metadata}/direct_url.json"
    for text, source in ((one.version, one.metadata), (host.read(origin, _TEXT_BYTES) or "", origin)):
        match = _FLASH.search(text)
        if match:
            return CompiledFor(name=one.name, torch=match[2], builds=(f"cu{match[1]}",), source=shown(source))
    return None


def _bitsandbytes(host: Host, one: Distribution) -> CompiledFor | None:
    folder = f"{one.folder.path}/bitsandbytes"
    entries = host.list(folder)
    names = [match for match in map(_BITSANDBYTES.fullmatch, entries or ()) if match]
    if not any(each.startswith("libbitsandbytes_") for each in entries or ()):
        return None
    builds = tuple(f"{'cu' if match[1] == 'cuda' else 'rocm'}{match[2]}" for match in names)
    return CompiledFor(name=one.name, builds=builds, source=shown(folder))


def _llama_cpp(host: Host, one: Distribution) -> CompiledFor | None:
    """Backends are libraries of their own in newer releases; an older one links them into one library."""
    for folder in (f"{one.folder.path}/llama_cpp/lib", f"{one.folder.path}/llama_cpp"):
        entries = [each for each in host.list(folder) or () if re.search(r"\.(?:so|dll|dylib)(?:[.\d]*$)", each)]
        if not entries:
            continue
        backends = {match[1] for match in map(_BACKEND.fullmatch, entries) if match}
        if not any("ggml-" in each for each in entries):
            inside = "".join(
                host.read(f"{folder}/{each}", _LIBRARY_BYTES) or ""
                for each in entries
                if "llama" in each or "ggml" in each
            )
            backends = {name for name, linked in _LINKED.items() if any(each in inside for each in linked)}
            if any(".dylib" in each for each in entries):
                backends.add("metal")  # built in by default on macOS
        return CompiledFor(name=one.name, builds=tuple(sorted(backends)), source=shown(folder))
    return None


_READERS = {
    "bitsandbytes": _bitsandbytes,
    "flash-attn": _flash_attn,
    "llama-cpp-python": _llama_cpp,
    "torchaudio": _companion,
    "torchvision": _companion,
    "xformers": _xformers,
}
