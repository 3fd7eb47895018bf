"""The command that runs a plan: which file it loads, and the options of its runtime."""

from __future__ import annotations

from llmcheck.fit.memory.total import resolved
from llmcheck.fit.plans.candidate import Candidate
from llmcheck.fit.use import ModelUse
from llmcheck.runtimes import Launch, LaunchLine
from llmcheck.schema.estimate import NoLaunch

_TAGS = {"fp16": "F16", "fp32": "F32"}
"""Of GGUF files whose names are not those of the formats in capitals."""


def launch_line(
    candidate: Candidate, gguf: tuple[str, ...] = (), *, python_binding: bool = False
) -> LaunchLine | NoLaunch:
    """The command, or why there is none. ``gguf``: repositories with GGUF files of the model, the best one first.

    ``python_binding``: only the runtime's Python package is there, not its own programs.
    """
    use, placed = candidate.use, candidate.placed
    if use.architecture.estimated and not _is_file(use):
        return "no-model"
    full = ModelUse(use.architecture, resolved(use, max(len(placed.devices), 1)))
    name, tag = _file(full, candidate, gguf)
    if name is None:
        return "no-file"
    placement = placed.placement
    helped = placement is not None and placed.verdict != "fits"
    line = use.runtime.launch(
        Launch(
            model=name,
            quantisation=tag,
            is_path=_is_file(use),
            python_binding=python_binding,
            workload=full.workload,
            gpus=len(placed.devices) or (0 if use.is_inference else 1),
            gpu_layers=placement.gpu_layers if placement is not None and helped else None,
            expert_layers_in_ram=None if placement is None else placement.expert_layers_in_ram,
            offloaded_bytes=placed.offloaded_bytes if helped and use.is_inference else 0,
            quantises_on_load=_made_on_load(full, candidate),
        )
    )
    return line or "no-option"


def _is_file(use: ModelUse) -> bool:
    """Whether the model is a GGUF file of this machine, and is used as it is."""
    return bool(use.architecture.tensors) and use.architecture.source.endswith(".gguf") and not use.workload.weights


def _file(use: ModelUse, candidate: Candidate, gguf: tuple[str, ...]) -> tuple[str | None, str | None]:
    """What is loaded: a repository or path, and the tag of a file in it; None where nothing is known to have it."""
    if _is_file(candidate.use):
        return use.architecture.source, None
    name = use.weight_format.name
    if "gguf" in use.runtime.families:
        return (gguf[0], _TAGS.get(name, name.upper())) if gguf else (None, None)
    as_published = not use.is_inference or name == candidate.published or use.weight_format.family == "plain"
    if as_published or _made_on_load(use, candidate):
        return use.architecture.name, None
    return None, None


def _made_on_load(use: ModelUse, candidate: Candidate) -> bool:
    """Whether the runtime makes this format of the published weights by itself."""
    form = use.weight_format
    return form.name != candidate.published and form.family in use.runtime.made_on_load
