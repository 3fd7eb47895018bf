"""What the planner costs: for the first screen, and for every model of the table, as ``llmcheck recommend`` asks.

The machines are the recorded ones. The times are the processor's, of the best of some rounds, beside that of a fixed
piece of Python in the same run: the ratio compares runs on machines of different speed and load. It reports and never
judges: exit code 0.

    python benchmarks/planner.py
    python benchmarks/planner.py rtx3060 8xh100 --models 300 --rounds 5
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from itertools import cycle, islice
from pathlib import Path

from llmcheck import api, catalog, runtimes
from llmcheck.advise import recommend
from llmcheck.advise.outlook import main_size, size_plans
from llmcheck.advise.runnable import Choice, Question
from llmcheck.advise.start import best_start
from llmcheck.api import model_source
from llmcheck.catalog import profiles
from llmcheck.checkpoint import config
from llmcheck.fit import capacity, computed_layer
from llmcheck.fit.shapes import weights
from llmcheck.schema.machine import Machine
from llmcheck.tables.listed_model import ListedModel

MACHINES = Path(__file__).parents[1] / "tests" / "machines"
AIM_TIERS, AIM_MODELS = 40, 500
"""Milliseconds: for the first screen, and for 150 models."""


def best(rounds: int, work: Callable[[], object]) -> float:
    """Milliseconds of the processor; what is remembered between calls is forgotten before each."""
    taken = []
    for _ in range(rounds):
        weights.stored.cache_clear()
        begin = time.process_time()
        work()
        taken.append((time.process_time() - begin) * 1000)
    return min(taken)


def yardstick() -> int:
    """About what the planner does: many small sums."""
    return sum(len(str(number)) for number in range(100_000))


def choices(count: int) -> tuple[Choice, ...]:
    """The table's models, each with shapes of its own, repeated until there are so many."""
    known = tuple(catalog.models().values())
    found = []
    for number, each in enumerate(islice(cycle(known), count)):
        listed = ListedModel(
            repository=f"{each.names[0]}-{number}",
            model=each.id,
            tasks=("chat",),
            modalities=("text",),
            source=each.source,
            as_of=each.as_of,
        )
        found.append(Choice(listed=listed, architecture=config.architecture(each.config, each.id, listed.repository)))
    return tuple(found)


def tiers(machine: Machine) -> Callable[[], object]:
    """The computed layer of every shipped tier, as one report asks for it."""
    wanted = []
    for profile in profiles.shipped():
        name = profile.workload.model if profile.workload is not None else None
        known = None if name is None else model_source.known_model(name)
        wanted.append((profile, {name: known} if name is not None and known is not None else {}))

    def plan() -> object:
        shared: computed_layer.Plans = {}
        return [computed_layer.methods(profile, machine, shapes, shared) for profile, shapes in wanted]

    return plan


def first_screen(machine: Machine) -> Callable[[], object]:
    """The planner's whole part in it: the tiers, the sizes, and the model of the launch line."""
    found, starters = tiers(machine), catalog.starters()
    report = api.overview(lambda: machine)
    goal = None if report.next is None or report.next.tier is None else main_size(report.sizes, report.next.tier)

    def screen() -> object:
        runs = None if goal is None else best_start(starters, goal, runtimes.ids(), machine)
        return found(), size_plans(report.profiles, cards), runs

    cards = catalog.cards()
    return screen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("machines", nargs="*", default=["rtx3060", "2x4090", "8xh100", "cpu-laptop"])
    parser.add_argument("--models", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    unit = best(given.rounds, yardstick)
    models, evaluations, losses = choices(given.models), catalog.evaluations(), catalog.quantisation_losses()
    print(f"yardstick {unit:.1f} ms; {given.models} models of which {len(catalog.models())} differ in shape")
    print(
        f"{'machine':14} {'screen':>10} {'ratio':>6} {'recommend':>12} {'ratio':>6}   aims {AIM_TIERS}, {AIM_MODELS} ms"
    )
    for name in given.machines:
        machine = api.load_machine(str(MACHINES / f"{name}.json"))
        first = best(given.rounds, first_screen(machine))
        every = best(
            given.rounds, partial(recommend.recommend, models, capacity.of(machine), Question(), evaluations, losses)
        )
        print(f"{name:14} {first:7.1f} ms {first / unit:6.2f} {every:9.1f} ms {every / unit:6.2f}")


if __name__ == "__main__":
    main()
