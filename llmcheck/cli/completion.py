"""Shell completion of profiles, libraries, models, datasets and words."""

from __future__ import annotations

import click


def profile(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from llmcheck.catalog import profiles

    return [name for name in profiles.ids() if name.startswith(incomplete)]


def library(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from llmcheck import catalog

    return [name for name in catalog.libraries() if name.startswith(incomplete)]


def profile_or_library(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    return profile(context, parameter, incomplete) + library(context, parameter, incomplete)


def model(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from llmcheck import catalog

    return [name for name in catalog.models() if name.startswith(incomplete.lower())]


def listed_model(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from llmcheck import catalog

    return [each.repository for each in catalog.listed_models() if each.repository.startswith(incomplete)]


def dataset(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from llmcheck import catalog

    return [name for name in catalog.datasets() if name.startswith(incomplete.lower())]


def word(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from llmcheck import api

    return [name for name in api.explained_words() if name.startswith(incomplete)]
