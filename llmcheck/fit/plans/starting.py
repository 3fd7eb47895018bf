"""The command that runs a plan: which file it loads, and the options of its runtime."""

from __future__ import annotations

from msgspec.structs import replace

from llmcheck.fit.memory.total import resolved
from llmcheck.fit.plans import downloads, launching
from llmcheck.fit.plans.candidate import Candidate
from llmcheck.fit.plans.downloads import Download
from llmcheck.fit.use import ModelUse
from llmcheck.runtimes import Launch, LaunchLine
from llmcheck.schema.estimate import NoLaunch


def launch_line(candidate: Candidate, download: Download, *, python_binding: bool = False) -> LaunchLine | NoLaunch:
    """The command, or why there is none. ``download``: what it loads.

    ``python_binding``: only the runtime's Python package is there, not its own programs.
    """
    use, placed = candidate.use, candidate.placed
    if use.architecture.estimated and not download.is_path:
        return "no-model"
    if download.repository is None:
        return "no-file"
    placement, placing = placed.placement, launching.placing(use, placed)
    in_part = placement is not None and placed.verdict != "fits"
    line = use.runtime.launch(
        Launch(
            model=download.repository,
            quantisation=download.tag,
            is_path=download.is_path,
            python_binding=python_binding,
            quantises_on_load=use.is_inference and downloads.makes_it_while_loading(use),
            workload=ModelUse(use.architecture, resolved(use, max(len(placed.devices), 1))).workload,
            gpus=len(placed.devices) or (0 if use.is_inference else 1),
            gpu_layers=placement.gpu_layers if placement is not None and (in_part or placing.tensor_split) else None,
            expert_layers_in_ram=None if placement is None else placement.expert_layers_in_ram,
            offloaded_bytes=placed.offloaded_bytes if in_part and use.is_inference else 0,
            tensor_split=placing.tensor_split,
            gpu_bytes=placing.gpu_bytes,
            stage_layers=placing.stage_layers,
        )
    )
    if line is None:
        return "no-option"
    if not use.runtime.sees_shell:
        return line
    return replace(line, environment={**line.environment, **placing.environment})
