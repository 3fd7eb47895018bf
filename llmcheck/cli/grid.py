"""The option that says how much CO2 a kilowatt-hour causes: grams, or a place of the table."""

from __future__ import annotations

from typing import Any

import click

from llmcheck.cli.options import Number


class Grid(Number):
    """``300``, ``DEU``, ``Germany``, ``europe-west4``. Of a place it is said on standard error whose figure is used."""

    name = "grid"

    def __init__(self) -> None:
        super().__init__(0, 5000)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value).strip()
        if isinstance(value, float) or not any(each.isalpha() for each in text) or text.lower() in ("nan", "inf"):
            return super().convert(value, param, ctx)
        from llmcheck import api
        from llmcheck.cli.output import print_message

        place = api.grid_place(text)
        print_message(
            f"--grid {place.place}: {place.g_per_kwh:g} g of CO2 per kWh, {place.name} {place.year}, {place.basis} "
            f"({place.source}, {place.as_of})"
        )
        return place.g_per_kwh
