"""The options of ``llmcheck check`` about the project: its datasets, its checklist, what to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from llmcheck.cli import completion
from llmcheck.cli.options import F, grouped

if TYPE_CHECKING:
    from llmcheck.api import Project


class ProjectOptions(NamedTuple):
    """What the project brings to a check besides the machine."""

    datasets: tuple[str, ...]
    """Ids of datasets."""
    bandwidth: str | None
    """A rate in words; None: what ``--probe-net`` measures."""
    checklist: str | None
    """A file of ``llmcheck checklist``."""

    def project(self, *, reading: bool) -> Project | None:
        """``reading``: also name what to read. None where nothing is asked."""
        if self.bandwidth is not None and not self.datasets:
            raise click.UsageError("--bandwidth is about fetching a dataset: add --dataset ID")
        if not (self.datasets or self.checklist is not None or reading):
            return None
        from llmcheck.api.project import Project

        return Project(datasets=self.datasets, bandwidth=self.bandwidth, checklist=self.checklist, reading=reading)


def project_options(function: F) -> F:
    """The options about the project; the function takes ``project_options``."""
    return grouped(
        "project_options",
        ProjectOptions,
        click.option(
            "--dataset",
            "datasets",
            metavar="ID",
            multiple=True,
            shell_complete=completion.dataset,
            help="Also judge a dataset: can it be had, and is there room ('llmcheck datasets list').",
        ),
        click.option(
            "--bandwidth", metavar="RATE", help="How fast it is fetched: '1 Gb/s'; else as --probe-net measures."
        ),
        click.option("--checklist", metavar="FILE", help="Also tell what is open in a checklist that llmcheck wrote."),
    )(function)
