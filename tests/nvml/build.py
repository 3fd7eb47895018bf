"""Compiles the stand-in for NVML and says how a subprocess finds it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

LIBRARY = "libnvidia-ml.so.1"
SOURCE = Path(__file__).with_name("fake_nvml.c")
SCENARIOS = Path(__file__).with_name("scenarios")


def compiler() -> str | None:
    """The path of a C compiler, or None."""
    return next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)


def build(directory: Path) -> Path:
    """Compile the library into `directory`; RuntimeError carries the compiler's words."""
    cc = compiler()
    if cc is None:
        raise RuntimeError("no C compiler: looked for cc, gcc, clang")
    library = directory / LIBRARY
    flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Werror", f"-Wl,-soname,{LIBRARY}"]
    command = [cc, *flags, "-o", str(library), str(SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{cc} failed ({done.returncode}):\n{done.stderr or done.stdout}")
    return library


def environment(library_dir: Path, scenario: Path) -> dict[str, str]:
    """The variables to add to a subprocess; the dynamic loader reads them when it starts."""
    path = os.environ.get("LD_LIBRARY_PATH")
    return {
        "LD_LIBRARY_PATH": f"{library_dir}{os.pathsep}{path}" if path else str(library_dir),
        "LLMCHECK_FAKE_NVML": str(scenario),
    }
