"""What a plan has to download, in words; disks and downloads in powers of ten."""

from __future__ import annotations

from llmcheck.render.views.blocks import Fact
from llmcheck.schema.estimate import Plan
from llmcheck.units import format_gb

PROGRAMS = {"huggingface": "the Hugging Face cache", "ollama": "Ollama", "llama.cpp": "llama.cpp's cache"}


def fact(plan: Plan) -> Fact | None:
    """One row; None where there is nothing to say: a file that was named, or downloads were not judged."""
    if plan.file_bytes is None or plan.cached == "file":
        return None
    if plan.cached is not None:
        return Fact("download", f"none: {format_gb(plan.file_bytes)} are in {where(plan)} already", "good")
    size, free = format_gb(plan.file_bytes), plan.download_free_bytes
    place = "" if plan.download_folder is None else f" to {plan.download_folder}"
    if plan.download_short_bytes and free is not None:
        return Fact("download", f"{size}{place}, which has {format_gb(free)} free: {shortage(plan)}", "bad")
    space = "" if free is None else f", {format_gb(free)} free"
    if plan.download_bytes is None:
        return Fact("download", f"at most {size}{place}{space}; what is there already was not looked for")
    return Fact("download", f"{size}{place}{space}")


def warning(plan: Plan) -> str | None:
    """Where the disk has no space for it; None where it has, or that is not known."""
    if not plan.download_short_bytes or plan.download_bytes is None:
        return None
    place = plan.download_folder or "the disk"
    return f"a download of {format_gb(plan.download_bytes)} comes first, and {place} has {shortage(plan)}"


def where(plan: Plan) -> str:
    """The cache in which its files are."""
    return PROGRAMS.get(plan.cached or "", plan.cached or "")


def shortage(plan: Plan) -> str:
    """``7.3 GB too little space``."""
    return f"{format_gb(plan.download_short_bytes or 0)} too little space"
