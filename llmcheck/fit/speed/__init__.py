"""Estimated speed: a roofline whose rates are sums of named times.

Generating is limited by memory bandwidth, launches and, in large batches, FLOP/s; prompts and training by FLOP/s and
what cannot hide behind it. The factors of a runtime stand in its file (``Pace``), the rates of a card in the table.
Not modelled: the queue of a server, batches of different lengths, disks.
"""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.fit.speed import cards, decode, prefill, ram, work
from llmcheck.fit.speed.ram import UNKNOWN_CPU
from llmcheck.fit.speed.times import rate, total
from llmcheck.fit.use import ModelUse
from llmcheck.gpus.names import full_name
from llmcheck.runtimes import Pace, version_of
from llmcheck.schema.estimate import Band, Speed, Time
from llmcheck.schema.machine import Cpu, Gpu


def speed(
    use: ModelUse,
    gpus: Sequence[Gpu],
    *,
    offloaded_bytes: int = 0,
    expert_bytes_in_ram: int = 0,
    layers_per_gpu: Sequence[int] | None = None,
    carbon_intensity_g_per_kwh: float | None = None,
    accumulation: int = 1,
    cached: int = 0,
    fp8_products: bool = False,
    cpu: Cpu = UNKNOWN_CPU,
) -> tuple[Speed, tuple[str, ...]]:
    """The rates, and sentences on what they assume or why one is None.

    ``gpus``: those that are used, () for CPUs alone; ``offloaded_bytes``: bytes in RAM, routed experts included;
    ``expert_bytes_in_ram``: bytes of those experts alone; ``layers_per_gpu``: None where all have the same;
    ``carbon_intensity_g_per_kwh``: grams of CO2, None: no CO2 is computed;
    ``accumulation``: micro-batches of one optimizer step; ``cached``: tokens before the prompt, already in the cache;
    ``fp8_products``: training multiplies in fp8; ``cpu``: of the machine.
    """
    notes: list[str] = []
    version = version_of(use.workload.runtime_version)
    pace = use.runtime.pace(gpus, version, bool(use.workload.compiled))
    if use.is_inference:
        in_ram = (offloaded_bytes, expert_bytes_in_ram)
        return _inference(use, gpus, pace, in_ram, cpu, layers_per_gpu or (), cached, notes), tuple(notes)
    return _training(use, gpus, pace, accumulation, fp8_products, carbon_intensity_g_per_kwh, notes), tuple(notes)


def _inference(
    use: ModelUse,
    gpus: Sequence[Gpu],
    pace: Pace,
    in_ram: tuple[int, int],
    cpu: Cpu,
    layers: Sequence[int],
    cached: int,
    notes: list[str],
) -> Speed:
    """``in_ram``: bytes in all, and of them of routed experts."""
    unknown = cards.unpublished(gpus)
    if unknown is not None:
        notes.append(f"no speed: the memory bandwidth of {unknown} is not in the table")
        return Speed()
    if in_ram[0] or not gpus:
        notes.append(
            ram.note(cpu) if use.runtime.computes_in_ram or not gpus else "weights in RAM cross PCIe for every token"
        )
    if use.architecture.encoder:  # it generates nothing
        prompt, first, own = _prompts(use, gpus, pace, in_ram[0], cached, notes)
        return Speed(prefill=prompt, first_token=first, times=tuple(own))
    width = ram.bandwidth(cpu) if in_ram[0] or not gpus else ram.UNKNOWN  # read by nothing else
    times = decode.step(use, gpus, pace, 1, in_ram, width, layers)
    alone = rate(1, total(times))
    together = None
    if use.batch > 1:
        more = decode.step(use, gpus, pace, use.batch, in_ram, width, layers)
        together = rate(use.batch, total(more))
        times += more
    if work.proposed(use):
        from llmcheck.fit.speed import speculative  # rare

        notes.append(speculative.note(use))
        alone = speculative.widened(use, alone)
        together = together and speculative.widened(use, together)
    prompt, first, own = _prompts(use, gpus, pace, in_ram[0], cached, notes)
    return Speed(
        decode=alone, batch=together, served=_served(use, together, prompt), prefill=prompt, first_token=first,
        times=(*times, *own),
    )  # fmt: skip


def _served(use: ModelUse, together: Band | None, prompt: Band | None) -> Band | None:
    """Every answer begins with a prompt, which takes its part of the time."""
    length, answer = prefill.prompt_tokens(use), use.context - prefill.prompt_tokens(use)
    if together is None or prompt is None or answer <= 0 or use.workload.prompt is None or not use.runtime.is_server:
        return None
    ends = zip(
        (together.low, together.expected, together.high), (prompt.low, prompt.expected, prompt.high), strict=True
    )
    return Band(*(1 / (1 / made + length / answer / read) for made, read in ends))


def _prompts(
    use: ModelUse, gpus: Sequence[Gpu], pace: Pace, offloaded_bytes: int, cached: int, notes: list[str]
) -> tuple[Band | None, Band | None, list[Time]]:
    if not gpus or offloaded_bytes:
        notes.append("no prompt speed: it is not estimated where weights are in RAM")
        return None, None, []
    arithmetic = cards.flops(use, gpus)
    if arithmetic is None:
        notes.append(f"no prompt speed: the arithmetic rate of {full_name(gpus[0])} is not in the table")
        return None, None, []
    times = prefill.prompts(use, gpus, pace, arithmetic, use.batch, cached)
    seconds = total(times)
    alone = seconds if use.batch == 1 else total(prefill.prompts(use, gpus, pace, arithmetic, 1, cached))
    first = Band(alone.low, alone.expected, max(seconds.high, alone.high))
    return rate(prefill.prompt_tokens(use) * use.batch, seconds), first, times


def _training(
    use: ModelUse,
    gpus: Sequence[Gpu],
    pace: Pace,
    accumulation: int,
    fp8_products: bool,
    carbon: float | None,
    notes: list[str],
) -> Speed:
    from llmcheck.fit.speed import run, training  # rare beside inference, which the first screens estimate

    arithmetic = cards.flops(use, gpus) if gpus else None
    unknown = cards.unpublished(gpus)
    if arithmetic is None or unknown is not None:
        name = unknown or (full_name(gpus[0]) if gpus else "this machine")
        notes.append(f"no training speed: the published rates of {name} are not in the table")
        return Speed()
    times = training.micro_batch(use, gpus, pace, arithmetic, max(accumulation, 1), fp8_products)
    replicas = training.replicas(use, gpus)
    train = rate(use.batch * use.context * replicas, total(times))
    each = Band(train.low / len(gpus), train.expected / len(gpus), train.high / len(gpus))
    compute = sum(each.expected for each in times if each.cause in ("compute", "attention") and not each.hidden)
    notes.append(
        f"training: {compute / max(total(times).expected, 1e-12):.0%} of the time for the model's own products"
    )
    found = Speed(train=train, train_per_gpu=each, times=tuple(times))
    if use.workload.tokens is None:
        return found
    return run.with_run(found, gpus, use.workload.tokens, carbon, notes)
