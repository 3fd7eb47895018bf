"""Saved reports: read again, compared with each other, and as the baseline of a gate."""

from __future__ import annotations

import msgspec

from llmcheck import codec
from llmcheck.errors import DataError
from llmcheck.judge import difference
from llmcheck.schema.difference import Difference
from llmcheck.schema.machine import SCHEMA as MACHINE_SCHEMA
from llmcheck.schema.machine import Machine
from llmcheck.schema.report import SCHEMA as REPORT_SCHEMA
from llmcheck.schema.report import Report
from llmcheck.system import outside

_LARGEST = 128 * 2**20
"""Bytes, as of a saved machine, which a report has in it."""
_WRITE = "write one with 'llmcheck check inference-7b --format json --output report.json'"


class _Header(msgspec.Struct):
    schema: str | None = None


def load_report(name: str) -> Report:
    """A report that ``llmcheck check --format json`` wrote; ``-`` is standard input.

    Raises DataError for another document, another version of it, or a file that cannot be read.
    """
    where = _where(name, "report")
    return _report(_read(name, where), where)


def compare(before: str, after: str) -> Difference:
    """What changed between two files, each a report or a saved machine. Raises DataError."""
    return difference.compare(_either(before), _either(after))


def _either(name: str) -> Report:
    """A report, or a machine as a report without profiles."""
    where = _where(name, "file")
    data = _read(name, where)
    if codec.decode_json(data, _Header, where).schema != MACHINE_SCHEMA:
        return _report(data, where)
    machine = codec.decode_json(data, Machine, where)
    return Report(
        llmcheck=machine.llmcheck or "",
        created_at=machine.collected_at or "",
        verdict=None,
        exit_code=0,
        profiles=(),
        machine=machine,
    )


def _report(data: bytes, where: str) -> Report:
    schema = codec.decode_json(data, _Header, where).schema
    if schema != REPORT_SCHEMA:
        said = f"its schema is '{schema}'" if schema else "it names no schema"
        raise DataError(f"{where}: {said}; expected {REPORT_SCHEMA}; {_WRITE}")
    return codec.decode_json(data, Report, where)


def _read(name: str, where: str) -> bytes:
    return outside.read_document(name, _LARGEST, "a report", where, _WRITE)


def _where(name: str, noun: str) -> str:
    return "standard input" if name == "-" else f"{noun} {name}"
