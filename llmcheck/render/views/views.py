"""Chooses the view for a value."""

from __future__ import annotations

from llmcheck.render import Options
from llmcheck.render.views.blocks import Document, Verbatim
from llmcheck.schema.advice import Plan, TorchBuild
from llmcheck.schema.comparison import Machines, Methods
from llmcheck.schema.difference import Difference
from llmcheck.schema.estimate import Fit
from llmcheck.schema.explanation import Explanation
from llmcheck.schema.machine import Machine
from llmcheck.schema.profile_tools import DraftProfile, ProfileDifference, ProfileLint, ProfilePage, ProfileTests
from llmcheck.schema.recommendation import Recommendations
from llmcheck.schema.report import Report


def document(value: object, options: Options) -> Document:
    """The blocks that show a value, and the age of its saved machines. Raises TypeError for a value without a view."""
    blocks = _document(value, options)
    if options.old_tables:
        from llmcheck.render.views.library import old_tables  # where tables are old

        blocks = [*blocks, *old_tables(options.old_tables, options.today)]
    if not options.ages:
        return blocks
    from llmcheck.render.views.age import ages  # of a saved machine only

    return [*blocks, *ages(options.ages, doubts=not _lists_problems(value, options))]


def _lists_problems(value: object, options: Options) -> bool:
    """Whether the view says itself which facts of the machine cannot be true."""
    overview = isinstance(value, Report) and value.verdict is None and value.exit_code == 0
    return isinstance(value, Machine) or (isinstance(value, Report) and (options.tiers or not overview))


def _document(value: object, options: Options) -> Document:
    match value:
        case Report(verdict=None, exit_code=0):
            if options.tiers:
                from llmcheck.render.views.tiers import tiers

                return tiers(value, options)
            from llmcheck.render.views.overview import overview

            return overview(value, options)
        case Report():
            from llmcheck.render.views.findings import findings

            return findings(value, options)
        case Machine():
            from llmcheck.render.views.machine import machine

            return machine(value, options)
        case Plan():
            from llmcheck.render.views.plan import plan

            return plan(value, options)
        case TorchBuild():
            from llmcheck.render.views.torch import torch

            return torch(value)
        case Fit():
            from llmcheck.render.views.fit import fit

            return fit(value, options)
        case Methods():
            from llmcheck.render.views.comparison import methods

            return methods(value, options)
        case Machines():
            from llmcheck.render.views.comparison import machines

            return machines(value, options)
        case Recommendations():
            from llmcheck.render.views.recommend import recommend

            return recommend(value, options)
        case Explanation():
            from llmcheck.render.views.explanation import explanation

            return explanation(value)
        case DraftProfile() | ProfileDifference() | ProfileLint() | ProfilePage() | ProfileTests():
            from llmcheck.render.views.profile_tools import profile_tools

            return profile_tools(value)
        case Difference():
            from llmcheck.render.views.difference import difference

            return difference(value)
    from llmcheck.schema.renting import LaunchFile, OfferCatalogue, Offers  # few commands are about offers

    match value:
        case Offers():
            from llmcheck.render.views.offers import offers

            return offers(value, options)
        case OfferCatalogue():
            from llmcheck.render.views.offer_catalogue import offer_catalogue

            return offer_catalogue(value, options)
        case LaunchFile():
            return [Verbatim(value.text)]
    from llmcheck.schema import library, table_date  # the answers above need none of it

    match value:
        case library.Checklist():
            from llmcheck.render.views.checklist import checklist

            return checklist(value)
        case library.DatasetList() | library.ShownDataset() | library.ResourceList() | table_date.TableList():
            from llmcheck.render.views.library import library_view

            return library_view(value)
    from llmcheck.render.views.catalogue import catalogue

    return catalogue(value)
