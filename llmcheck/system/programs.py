"""Commands on PATH, what they print, and shared libraries."""

from __future__ import annotations

import os
from collections.abc import Sequence

from llmcheck.system.files import READ_LIMIT, Files


class Programs(Files):
    """Finds and runs commands of the live machine; a captured tree has their output in files."""

    def which(self, name: str) -> str | None:
        """The path of a command on PATH; None if there is none.

        Relative entries such as ``.`` are left out: what they name may have come with somebody else's project.
        """
        suffixes = (".exe", ".cmd", ".bat") if self.platform == "windows" else ("",)
        for folder in (self.environ.get("PATH") or "").split(os.pathsep):
            for suffix in suffixes if os.path.isabs(folder) else ():
                path = os.path.join(folder, name + suffix)
                if os.path.isfile(self.at(path)) and (not self.live or os.access(path, os.X_OK)):
                    return path
        return None

    def run(self, argv: Sequence[str], timeout: float = 5.0) -> str | None:
        """A command's standard output; None if it is missing, fails or takes longer than ``timeout`` seconds."""
        if not self.live:
            return self.read("/.commands/" + " ".join(argv).replace("/", "_"))
        path = self.which(argv[0])
        if path is None:
            return None
        import subprocess

        command, environ = [path, *argv[1:]], dict(self.environ)
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=True, env=environ
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.decode("utf-8", "replace")

    def has_library(self, name: str) -> bool:
        """Whether the loader could find a shared library: in its search path, its cache or its default folders.

        A relative folder in LD_LIBRARY_PATH is left out, and no library is loaded from one: see ``llmcheck.probe``.
        Nothing is loaded, and ctypes is not imported where there is no library. Always True on systems with another
        loader.
        """
        if self.platform != "linux":
            return True
        folders = [*(self.environ.get("LD_LIBRARY_PATH") or "").split(":"), "/usr/lib64", "/lib64", "/usr/lib", "/lib"]
        if any(os.path.isabs(folder) and os.path.exists(f"{self.at(folder)}/{name}") for folder in folders):
            return True
        try:
            with open(self.at("/etc/ld.so.cache"), "rb") as file:
                return name.encode() in file.read(READ_LIMIT)
        except OSError:
            return True
