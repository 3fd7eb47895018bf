"""Energy and CO2 of a run: power of the GPUs, how busy they are, for how long, the data centre's part, the grid."""

from __future__ import annotations

from collections.abc import Sequence

from llmcheck.gpus.names import full_name
from llmcheck.schema.library import Footprint
from llmcheck.schema.machine import Gpu
from llmcheck.tables.footprint import GridIntensity, Pue

USUAL_UTILISATION = 0.85
"""Average power of a busy GPU as a share of its power limit, as in ``fit/speed/run``."""
GPT3_TONNES = 552
"""Tonnes of CO2 equivalent for training GPT-3: the document's figure, and that of Patterson et al. (2021), arXiv
2104.10350: 1,287 MWh at 429 g/kWh."""


def footprint(
    gpus: Sequence[Gpu],
    *,
    count: int,
    hours: float | None,
    hours_from: str | None,
    utilisation: float,
    pue: Pue | float,
    grid: GridIntensity | None,
) -> Footprint:
    """``gpus``: of this machine, those that work. ``count``: of the run, which may take further machines like this one.
    ``pue``: a row of the table, or a given figure."""
    limits = [each.power_limit_w for each in gpus]
    usual = [each.spec.tdp_w if each.spec is not None else None for each in gpus]
    each_watts = [limit or watts for limit, watts in zip(limits, usual, strict=True)]
    watts = sum(each or 0.0 for each in each_watts) * count / len(gpus) if gpus and all(each_watts) else None
    factor = pue.pue if isinstance(pue, Pue) else pue
    missing = []
    if not gpus:
        missing.append("GPUs: no GPU of this machine works")
    elif watts is None:
        missing.append(f"power: the limit of {full_name(gpus[0])} is neither read nor in the table")
    if hours is None:
        missing.append("hours of the run: --hours N")
    if grid is None:
        missing.append("the grid: --grid PLACE, such as DEU or europe-west4")
    kwh = None if watts is None or hours is None else watts / 1000 * utilisation * hours * factor
    co2 = None if kwh is None or grid is None else kwh * grid.g_per_kwh / 1000
    return Footprint(
        gpus=count,
        gpu=full_name(gpus[0]) if gpus else None,
        watts=watts,
        watts_from=None if watts is None else "power limit" if all(limits) else "table",
        utilisation=utilisation,
        hours=hours,
        hours_from=hours_from if hours is not None else None,
        pue=factor,
        pue_from=f"{pue.provider}, {pue.year}: {pue.note} ({pue.source})" if isinstance(pue, Pue) else "given",
        place=None if grid is None else f"{grid.name} ({grid.place})",
        g_per_kwh=None if grid is None else grid.g_per_kwh,
        grid_from=None if grid is None else f"{grid.year}, {grid.basis} ({grid.source}, {grid.as_of})",
        kwh=kwh,
        co2_kg=co2,
        gpt3_share=None if co2 is None else co2 / 1000 / GPT3_TONNES,
        missing=tuple(missing),
    )
