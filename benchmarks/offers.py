"""How long a question about many offers takes beside one about the shipped ones, in the same run.

``python benchmarks/offers.py [COUNT]``: so many offers are made of the shipped ones, with other prices, regions and
providers. Shown are the seconds of reading the list, of a tier, of a model and of the catalogue, and what the number of
offers adds to each; every number is the best of five.
"""

from __future__ import annotations

import datetime
import random
import sys
import time
from collections.abc import Callable

from msgspec.structs import replace

from llmcheck import api, catalog
from llmcheck.schema.workload import Workload
from llmcheck.tables.offer import Offer

_TIMES = 5
_LIMIT = 0.050
"""Seconds that 10,000 offers may add to a question."""
TODAY = datetime.date(2026, 11, 28)


def many(count: int) -> tuple[Offer, ...]:
    order = random.Random(20261128)
    shipped = [each for each in catalog.offers() if each.kind == "vm"]
    made = []
    for number in range(count):
        each = shipped[number % len(shipped)]
        factor = order.uniform(1.0, 3.0)
        made.append(
            replace(
                each,
                id=f"{each.id}-{number}",
                region=f"region-{number % 97}",
                price_hour=None if each.price_hour is None else each.price_hour * factor,
                spot_price_hour=None if each.spot_price_hour is None else each.spot_price_hour * factor,
            )
        )
    return tuple(made)


def seconds(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(_TIMES):
        begun = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begun)
    return best


def main(count: int) -> int:
    usual, large = (api.Rent(offers=offers, today=TODAY) for offers in (many(len(catalog.offers())), many(count)))
    work = Workload(method="inference")
    questions: dict[str, Callable[[api.Rent], object]] = {
        "inference-70b": lambda rent: api.offers("inference-70b", rent),
        "finetune-13b-30b": lambda rent: api.offers("finetune-13b-30b", rent),
        "pretrain": lambda rent: api.offers("pretrain", rent),
        "llama-3.1-8b": lambda rent: api.offers(None, rent, model="llama-3.1-8b", workload=work),
        "catalogue --gpu h100": lambda rent: api.offer_catalogue(rent, gpu="h100"),
    }
    print(f"{'question':24}{'shipped':>10}{f'{count:,}':>10}{'more':>10}   seconds")
    worst = 0.0
    for name, ask in questions.items():
        first, second = (seconds(lambda ask=ask, rent=rent: ask(rent)) for rent in (usual, large))  # type: ignore[misc]  # bound at once
        worst = max(worst, second - first)
        print(f"{name:24}{first:10.3f}{second:10.3f}{second - first:10.3f}")
    print(f"at most {worst * 1000:.0f} ms more; the limit is {_LIMIT * 1000:.0f} ms")
    return int(worst > _LIMIT)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
