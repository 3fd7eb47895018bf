"""Runs one command line in this process, and makes documents that are nearly right.

``LLMCHECK_FUZZ=20`` tries twenty times as many inputs, other ones in each run; without it they are the same ones.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from llmcheck.cli import main
from llmcheck.printable import is_printable

F = TypeVar("F", bound=Callable[..., Any])
TIMES = max(1, int(os.environ.get("LLMCHECK_FUZZ", "1")))


class Done(NamedTuple):
    code: int
    out: str
    err: str


def tried(count: int) -> Callable[[F], F]:
    """So many inputs, times ``LLMCHECK_FUZZ``."""
    return settings(
        max_examples=count * TIMES, deadline=None, derandomize=TIMES == 1, suppress_health_check=list(HealthCheck)
    )


def run(*arguments: str) -> Done:
    """What must hold for every input is asserted here."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main.run(list(arguments))
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())
    assert code in (0, 1, 2, 3, 4), (arguments, texts[1])
    for text in texts:
        assert is_printable(text.replace("\n", "")), repr(text[:2000])
    if code == 2:
        assert texts[1].startswith("llmcheck: ")
        assert all(len(line) < 4020 for line in texts[1].splitlines()), texts[1][:3000]
    return Done(code, *texts)


# --- values ---

_HOSTILE = "\x1b[31m\x1b]0;x\x07\x00\r\n\t\x7f\x9b\u202e\u2066\u200b\u2028\ufeff\U000e0041é中🎉{}%$`'\"\\|<&;*"
texts = (
    st.text(st.sampled_from(_HOSTILE), max_size=8)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.sampled_from(
        ["", "-", "..", "/dev/zero", "{count}", "{0.__class__}", "%s", "${HOME}", "$(id)", "nan", "9" * 5000, "1.0"]
    )
)
numbers = (
    st.integers(-2, 300)
    | st.sampled_from([2**31, 2**53, 2**62, 2**63, 2**64 - 1, 2**64, -(2**63), 10**30, 10**400, -(10**400)])
    | st.floats(width=64)
)
scalars = texts | numbers | st.booleans() | st.none()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=8
)


def _places(document: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [place, *(each for key, part in inner for each in _places(part, (*place, key)))][0 if place else 1 :]


def _changed(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)
    with contextlib.suppress(KeyError, IndexError, TypeError):  # an earlier change removed the place
        copy[place[0]] = _changed(copy[place[0]], place[1:], value)
    return copy


@st.composite
def nearly(draw: st.DrawFn, document: Any) -> Any:
    """The document with a few values replaced by any others, and sometimes a key that it has not."""
    places = _places(document)
    for place in draw(st.lists(st.sampled_from(places), min_size=1, max_size=3)):
        document = _changed(document, place, draw(values))
    if isinstance(document, dict) and draw(st.integers(0, 9)) == 0:
        document = {**document, draw(texts): draw(values)}
    return document


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """The bytes with a few replaced, inserted or cut off."""
    found = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(found) - 1)))
        found[at : at + draw(st.integers(0, 8))] = draw(st.binary(max_size=8))
    return bytes(found[: draw(st.integers(0, len(found)))]) if draw(st.booleans()) else bytes(found)
