"""Which document shows which value."""

from __future__ import annotations

from llmcheck.advice import Offers, Plan, TorchBuild
from llmcheck.estimate import Fit
from llmcheck.machine import Machine
from llmcheck.render import Options
from llmcheck.render._blocks import Document
from llmcheck.report import Report


def document(value: object, options: Options) -> Document:
    """The blocks that show a value."""
    match value:
        case Report(verdict=None):
            from llmcheck.render._overview import overview

            return overview(value, options)
        case Report():
            from llmcheck.render._findings import findings

            return findings(value, options)
        case Machine():
            from llmcheck.render._machine import machine

            return machine(value, options)
        case Plan():
            from llmcheck.render._plan import plan

            return plan(value, options)
        case TorchBuild():
            from llmcheck.render._torch import torch

            return torch(value)
        case Fit():
            from llmcheck.render._fit import fit

            return fit(value, options)
        case Offers():
            from llmcheck.render._offers import offers

            return offers(value)
    from llmcheck.render._catalogue import catalogue

    return catalogue(value)
