"""Whether a model fits, by one method or each, on one machine or several; and the models whose shapes are built in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from llmcheck import catalog
from llmcheck.api.inspection import GivenMachine, machine_of, words_of
from llmcheck.errors import UsageError
from llmcheck.probe._room import model_cache
from llmcheck.schema.comparison import MachineFit, Machines, Methods
from llmcheck.schema.estimate import Fit
from llmcheck.schema.workload import Workload
from llmcheck.system.host import Host

if TYPE_CHECKING:
    from llmcheck.api.model_source import ModelSource
    from llmcheck.fit.plans.candidate import Preference
    from llmcheck.schema.estimate import Plan
    from llmcheck.schema.responses import ModelList


def fit(
    model: str | ModelSource,
    workload: Workload | None = None,
    machine: GivenMachine = None,
    *,
    assume_idle: bool = False,
    carbon_intensity_g_per_kwh: float | None = None,
    prefer: Preference = "balanced",
    machine_words: str | None = None,
) -> Fit:
    """Whether a model fits with a workload on a machine, how it is run there, and how fast.

    ``model``: as MODEL of ``llmcheck fit``: a known model, a file or folder, a repository in the local cache, or a size
    such as ``7B``. ``workload``: None: inference with the defaults. ``machine``: also what ``load_machine`` takes;
    None: this machine. ``assume_idle``: ignore the memory that other processes use. ``carbon_intensity_g_per_kwh``:
    grams of CO2, to estimate the CO2 of a training run. ``prefer``: what decides between plans. ``machine_words``: how
    ``--machine`` named the machine, for the commands of the answer; None: it is the text in ``machine``, else this one.
    Raises DataError, UsageError and InspectionError.
    """
    from llmcheck import runtimes
    from llmcheck.api import model_source
    from llmcheck.fit import validation
    from llmcheck.fit.answer import answer
    from llmcheck.fit.plans import Wishes
    from llmcheck.gpus import idle_card

    model, workload = model_source.of(model), workload or Workload(method="inference")
    named = model_source.use_of(
        model, workload, model_cache(Host()), carbon_intensity_g_per_kwh=carbon_intensity_g_per_kwh
    )
    architecture, workload = named.architecture, named.workload
    judged_machine = machine_of(machine)
    validation.check_machine(workload, judged_machine)
    cards = tuple(each.spec for each in idle_card.proposable(catalog.gpu_specs()))
    found = answer(
        architecture,
        workload,
        judged_machine,
        assume_idle=assume_idle,
        carbon_intensity_g_per_kwh=carbon_intensity_g_per_kwh,
        specs=cards,
        wishes=Wishes(prefer=prefer, names=model_source.names(model, architecture)),
        words=model_source.command_words(model.words, words_of(machine, machine_words), assume_idle=assume_idle),
        losses=catalog.quantisation_losses(),
        draft=named.draft,
    )
    if not found.plans:  # the planner takes a runtime that has the cache; without a plan the default one is shown
        validation.check_cache(runtimes.named(found.workload.runtime), workload.kv_cache)
    if found.speed is None or found.speed.days is None:
        return found
    from llmcheck.cloud.rent import with_cost  # only a run that takes days has a price

    return with_cost(found, catalog.offers())


def plans(
    model: str | ModelSource,
    workload: Workload | None = None,
    machine: GivenMachine = None,
    *,
    assume_idle: bool = False,
    prefer: Preference = "balanced",
) -> tuple[Plan, ...]:
    """The ways of running a model on a machine, the best first; () where none fits. Arguments as of ``fit``.

    Raises DataError, UsageError and InspectionError.
    """
    return fit(model, workload, machine, assume_idle=assume_idle, prefer=prefer).plans


def fit_methods(
    model: str | ModelSource,
    workload: Workload,
    machine: GivenMachine = None,
    *,
    assume_idle: bool = False,
    machine_words: str | None = None,
) -> Methods:
    """Every method of fine-tuning a model on a machine. ``workload``: what they share; its method is not read.

    Raises DataError, and UsageError for what is not the same in every method.
    """
    from llmcheck.api import model_source
    from llmcheck.fit import validation
    from llmcheck.fit.methods import methods

    model = model_source.of(model)
    if workload.weights is not None:
        raise UsageError("--method all compares methods, and each has its own format: leave out --weights")
    shared = validation.validated(msgspec.structs.replace(workload, method="lora"))
    architecture = model_source.architecture(model, model_cache(Host()))
    judged_machine = machine_of(machine)
    validation.check_machine(shared, judged_machine)
    words = model_source.command_words(model.words, words_of(machine, machine_words), assume_idle=assume_idle)
    return methods(architecture, shared, judged_machine, assume_idle=assume_idle, words=words)


def fit_machines(
    model: str | ModelSource,
    workload: Workload,
    machines: Sequence[tuple[str, GivenMachine]],
    *,
    assume_idle: bool = False,
    carbon_intensity_g_per_kwh: float | None = None,
    prefer: Preference = "balanced",
) -> Machines:
    """The same model and workload on several machines, each with the words that name it.

    Raises DataError and UsageError. A runtime that does not run on one of them is the answer for that one.
    """
    rows: list[MachineFit] = []
    refused: list[UsageError] = []
    name = ""
    for given, machine in machines:
        try:
            found = fit(
                model,
                workload,
                machine,
                assume_idle=assume_idle,
                carbon_intensity_g_per_kwh=carbon_intensity_g_per_kwh,
                prefer=prefer,
                machine_words=given,
            )
        except UsageError as error:
            refused.append(error)
            rows.append(MachineFit(given=given, verdict="does-not-fit", reason=str(error), fit=None))
            continue
        name = found.architecture.name
        rows.append(MachineFit(given=given, verdict=found.verdict, reason=found.reason, fit=found))
    if len(refused) == len(rows):
        raise refused[0]
    return Machines(model=name, machines=tuple(rows))


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
