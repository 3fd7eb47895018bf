"""What may reach a terminal, a script or a command line: one rule, wherever text is shown."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcheck import shell
from llmcheck.errors import DataError
from llmcheck.install.resolver import _text
from llmcheck.printable import is_printable, printable, without_unprintable

STEERING = (
    "\x00\t\n\r\x1b\x7f\x85\x9b\u061c\u200b\u200e\u200f\u2028\u2029\u202a\u202e\u2060\u2066\u2069\ufeff\ud800\udfff"
)
SHOWN = " aé€汉🙂~\xa0\u202f"


@pytest.mark.parametrize("sign", STEERING, ids=ascii)
def test_what_steers_a_terminal_or_hides_is_escaped_everywhere(sign: str) -> None:
    text = f"a{sign}b"
    assert not is_printable(text)
    assert printable(text) == ascii(text)[1:-1]
    assert without_unprintable(text, " ") == "a b"
    assert _text.one_line(text) == "a b"
    for name in ("bash", "fish", "powershell", "cmd"):
        with pytest.raises(DataError):
            shell.quote(text, name)


@pytest.mark.parametrize("sign", SHOWN, ids=ascii)
def test_letters_of_every_script_blanks_and_emoji_stay(sign: str) -> None:
    text = f"a{sign}b"
    assert is_printable(text)
    assert printable(text) == without_unprintable(text) == text


@given(st.text())
def test_what_is_escaped_is_printable_and_stays_so(text: str) -> None:
    written = printable(text)
    assert is_printable(written)
    assert printable(written) == written
    assert is_printable(text) == (written == text)
    written.encode("utf-8")


def test_every_control_character_is_unprintable() -> None:
    import unicodedata

    controls = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in ("Cc", "Cs")]
    assert [sign for sign in controls if is_printable(sign)] == []
