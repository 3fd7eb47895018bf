"""Whether a model fits, and the models whose shapes are built in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from llmcheck import catalog
from llmcheck.api.inspection import MachineSource
from llmcheck.probe.disk import model_cache
from llmcheck.schema.estimate import Fit
from llmcheck.schema.workload import Workload
from llmcheck.system.host import Host

if TYPE_CHECKING:
    from llmcheck.api.model_source import ModelSource
    from llmcheck.schema.responses import ModelList


def fit(
    model: ModelSource,
    workload: Workload,
    machine: MachineSource,
    *,
    assume_idle: bool = False,
    carbon_intensity_g_per_kwh: float | None = None,
) -> Fit:
    """Whether a model fits with a workload on a machine, and how fast it runs.

    ``assume_idle``: ignore the memory that other processes use. ``carbon_intensity_g_per_kwh``: grams of CO2, to
    estimate the CO2 of a training run. Raises DataError and UsageError.
    """
    from llmcheck.api import model_source
    from llmcheck.fit import validation
    from llmcheck.fit.answer import answer, with_defaults
    from llmcheck.fit.plans import Wishes
    from llmcheck.fit.use import ModelUse
    from llmcheck.gpus import vendors

    if workload.weights is None and (tagged := model_source.weights(model.model)) is not None:
        workload = msgspec.structs.replace(workload, weights=tagged)
    workload = validation.validated(workload, carbon_intensity_g_per_kwh=carbon_intensity_g_per_kwh)
    architecture = model_source.architecture(model, model_cache(Host()))
    workload = validation.with_matching_runtime(workload, architecture)
    judged_machine = machine()
    validation.check_machine(workload, judged_machine)
    use = with_defaults(ModelUse(architecture, workload), judged_machine)
    validation.check_cache(use.runtime, workload.kv_cache, use.weight_format.family)
    # GPUs with their own memory, which can be added to a machine
    cards = tuple(
        each.spec for each in catalog.gpu_specs() if each.memory_reported and vendors.named(each.vendor).advised
    )
    found = answer(
        architecture,
        workload,
        judged_machine,
        assume_idle=assume_idle,
        carbon_intensity_g_per_kwh=carbon_intensity_g_per_kwh,
        specs=cards,
        wishes=Wishes(names=model_source.names(architecture.name)),
        words=model.words,
    )
    if found.speed is None or found.speed.days is None:
        return found
    from llmcheck.cloud.rent import with_cost  # only a run that takes days has a price

    return with_cost(found, catalog.offers())


def models() -> ModelList:
    """The well-known models whose shapes are built in."""
    from llmcheck.checkpoint import config
    from llmcheck.schema.responses import ModelList, ModelRow

    return ModelList(
        models=tuple(
            ModelRow(
                id=each.id,
                names=each.names,
                parameters=shape.parameters.total,
                active=shape.parameters.active,
                context=shape.context,
                source=each.source,
                as_of=each.as_of,
            )
            for each in catalog.models().values()
            for shape in (config.architecture(each.config, each.id),)
        )
    )
