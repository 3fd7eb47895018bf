"""What a training run of so many tokens takes: days, energy, CO2."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.gpus.names import full_name
from llmcheck.schema.estimate import Band, Speed
from llmcheck.schema.machine import Gpu

_AT_WORK = Band(0.85, 0.95, 1.0)
"""Fraction of a run's time that it trains: the rest goes to restarts, checkpoints and evaluations. Llama 3 405B had
more than 90 % (arXiv 2407.21783)."""
_POWER = Band(0.6, 0.85, 1.0)
"""Average power of a busy GPU, as a fraction of its power limit."""
_MACHINE_AND_COOLING = Band(1.1, 1.3, 1.6)
"""Factor on the power of the GPUs for the rest of the machine and the cooling."""


def with_run(
    speed: Speed, gpus: Sequence[Gpu], tokens: float, carbon_intensity_g_per_kwh: float | None, notes: list[str]
) -> Speed:
    """The speed with days, energy and CO2. ``carbon_intensity_g_per_kwh``: grams of CO2, None: no CO2."""
    from msgspec.structs import replace

    train = speed.train
    if train is None:
        return speed
    seconds = (train.high, train.expected * _AT_WORK.expected, train.low * _AT_WORK.low)
    days = Band(*(tokens / each / 86_400 for each in seconds))
    energy = _energy(gpus, days, notes)
    carbon = None
    if energy is not None and carbon_intensity_g_per_kwh is not None:
        kilograms = carbon_intensity_g_per_kwh / 1000
        carbon = Band(energy.low * kilograms, energy.expected * kilograms, energy.high * kilograms)
    return replace(speed, days=days, energy_kwh=energy, co2_kg=carbon)


def _energy(gpus: Sequence[Gpu], days: Band, notes: list[str]) -> Band | None:
    watts = [gpu.power_limit_w or (gpu.spec.tdp_w if gpu.spec is not None else None) for gpu in gpus]
    if not all(watts):
        notes.append(f"no energy: the power of {full_name(gpus[0])} is not in the table")
        return None
    kilowatt_days = sum(each or 0.0 for each in watts) * 24 / 1000
    notes.append("energy: 60 to 100 % of the GPUs' power limit, times 1.1 to 1.6 for the machine and cooling")
    return Band(
        kilowatt_days * days.low * _POWER.low * _MACHINE_AND_COOLING.low,
        kilowatt_days * days.expected * _POWER.expected * _MACHINE_AND_COOLING.expected,
        kilowatt_days * days.high * _POWER.high * _MACHINE_AND_COOLING.high,
    )
