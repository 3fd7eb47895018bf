"""Small trees of /proc, /sys and /etc, written by hand."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from llmcheck.probe import Reading, Request, assemble
from llmcheck.schema.gpu import DOUBTFUL
from llmcheck.system.host import Host

DUMPS = Path(__file__).resolve().parents[2].parent / "shared" / "hardware-dumps"
ASKED = Request()


def tree(
    root: Path,
    files: Mapping[str, str],
    links: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    cwd: str = "/",
) -> Host:
    """A host over files and symbolic links; link targets are absolute paths inside the tree."""
    for path, text in files.items():
        place = root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    for path, target in (links or {}).items():
        place = root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(os.path.relpath(root / target.lstrip("/"), place.parent))
    return Host(str(root), environ or {}, cwd)


def ask(module: ModuleType, host: Host, request: Request = ASKED) -> Reading:
    """What a probe says in the end: a slow one tells what it knows so far, again and again."""
    said = module.probe(host, request)
    last = said if isinstance(said, Reading) else list(said)[-1]
    assert isinstance(last, Reading)
    doubts = [each.message for each in assemble([last]).problems if each.code in DOUBTFUL]
    assert doubts == [], "what a probe read of this tree cannot be true"
    return last
