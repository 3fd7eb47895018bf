"""The folder where the platform keeps what programs may fetch again."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping


def cache_folder(environ: Mapping[str, str], platform: str = sys.platform) -> str | None:
    """Of llmcheck; it need not exist. None where neither a variable nor a home folder is known.

    ``XDG_CACHE_HOME`` and ``~/.cache`` on Linux, ``~/Library/Caches`` on macOS, ``LOCALAPPDATA`` on Windows.
    """
    home = environ.get("USERPROFILE" if platform == "win32" else "HOME", "")
    if platform == "win32":
        base = environ.get("LOCALAPPDATA") or (os.path.join(home, "AppData", "Local") if home else "")
    elif platform == "darwin":
        base = os.path.join(home, "Library", "Caches") if home else ""
    else:
        base = environ.get("XDG_CACHE_HOME", "")
        base = base if os.path.isabs(base) else os.path.join(home, ".cache") if home else ""
    return os.path.join(base, "llmcheck") if base else None
