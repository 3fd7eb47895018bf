"""One line of a shell means the arguments that it was made of."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmcheck import shell
from llmcheck.errors import DataError

WORDS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=20)
HOSTILE = [
    "",
    " ",
    "$(touch x)",
    "`id`",
    "a;b",
    "a&&b",
    "it's",
    "*",
    "~",
    "#",
    "-rf",
    "a|b",
    ">x",
    "\\",
    "$HOME",
    "\u2019; x",
]
MORE = st.one_of(WORDS, st.sampled_from(HOSTILE))


@given(st.lists(MORE, min_size=1, max_size=6))
def test_posix_words_come_apart_as_they_were(words: list[str]) -> None:
    assert shlex.split(shell.line(["program", *words])) == ["program", *words]


@settings(max_examples=25)
@given(st.lists(MORE, min_size=1, max_size=40))
def test_a_real_shell_passes_every_word_on(words: list[str]) -> None:
    made = shell.line(["printf", "%s\\0", "begin", *words])
    done = subprocess.run(["sh", "-c", made], capture_output=True, check=True)
    assert done.stdout.decode("utf-8", "surrogateescape").split("\0")[1:-1] == words


def fish_words(line: str) -> list[str]:
    """By fish's documented rules: single quotes, in which a backslash escapes itself and the quote."""
    words, word, quoted, index = [], "", False, 0
    while index < len(line):
        sign = line[index]
        if quoted and sign == "\\" and line[index + 1 : index + 2] in ("\\", "'"):
            index += 1
            word += line[index]
        elif sign == "'":
            quoted = not quoted
        elif sign == " " and not quoted:
            words.append(word)
            word = ""
        else:
            assert quoted or re.fullmatch(r"[\w@+:,./=-]", sign, re.ASCII)
            word += sign
        index += 1
    assert not quoted
    return [*words, word]


@given(st.lists(MORE, min_size=1, max_size=6))
def test_fish_words_come_apart_as_they_were(words: list[str]) -> None:
    assert fish_words(shell.line(["program", *words], "fish")) == ["program", *words]


def powershell_words(line: str) -> list[str]:
    """By its documented rules: a single-quoted text ends at the next quote of any shape that is not doubled."""
    quotes = "'\u2018\u2019\u201a\u201b"
    words, index = [], 0
    line = line.removeprefix("& ")
    while index < len(line):
        if line[index] in quotes:
            word, index = "", index + 1
            while True:
                if line[index] in quotes and line[index + 1 : index + 2] and line[index + 1] in quotes:
                    word += line[index]
                    index += 2
                elif line[index] in quotes:
                    index += 1
                    break
                else:
                    word += line[index]
                    index += 1
        else:
            end = line.find(" ", index)
            end = len(line) if end < 0 else end
            word, index = line[index:end], end
            assert re.fullmatch(r"[\w+:./\\-]+", word, re.ASCII)
        words.append(word)
        assert line[index : index + 1] in ("", " ")
        index += 1
    return words


@given(st.lists(MORE.filter(lambda word: word and '"' not in word), min_size=1, max_size=6))
def test_powershell_words_come_apart_as_they_were(words: list[str]) -> None:
    assert powershell_words(shell.line(["pro gram", *words], "powershell")) == ["pro gram", *words]


@given(st.lists(MORE.filter(lambda word: not set(word) & set('%"!')), min_size=1, max_size=6))
def test_cmd_words_hold_no_sign_of_its_own_outside_quotes(words: list[str]) -> None:
    made = shell.line(["program", *words], "cmd")
    outside = re.sub(r'"[^"]*"', "Q", made)
    assert not set(outside) & set("&|<>^()%!\"'`;,")
    assert made.count('"') % 2 == 0
    for quoted in re.findall(r'"([^"]*)"', made):
        assert (len(quoted) - len(quoted.rstrip("\\"))) % 2 == 0


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("powershell", ""),
        ("cmd", "%PATH%"),
        ("cmd", 'a"b'),
        ("cmd", "a!b"),
        ("powershell", 'a"b'),
        *[(each, "a\nb") for each in ("bash", "fish", "cmd", "powershell")],
        ("bash", "a\x1b[0m"),
        ("bash", "a\u2028b"),
    ],
)
def test_what_a_shell_cannot_pass_on_is_refused(name: str, word: str) -> None:
    with pytest.raises(DataError):
        shell.line(["program", word], name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bash", "CMAKE_ARGS=-DGGML_CUDA=on pip install 'torch>=2.14'"),
        ("fish", "CMAKE_ARGS=-DGGML_CUDA=on pip install 'torch>=2.14'"),
        ("powershell", "$env:CMAKE_ARGS='-DGGML_CUDA=on'; pip install 'torch>=2.14'"),
        ("cmd", 'set "CMAKE_ARGS=-DGGML_CUDA=on" && pip install "torch>=2.14"'),
    ],
)
def test_variables_are_set_in_the_words_of_each_shell(name: str, expected: str) -> None:
    assert shell.line(["pip", "install", "torch>=2.14"], name, {"CMAKE_ARGS": "-DGGML_CUDA=on"}) == expected


@pytest.mark.parametrize("name", ["bash", "fish", "powershell", "cmd"])
def test_plain_words_stay_plain(name: str) -> None:
    words = ["python", "-m", "pip", "install", "--index-url", "https://download.pytorch.org/whl/cu126"]
    assert shell.line(words, name) == " ".join(words)


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_a_real_fish_passes_every_word_on() -> None:
    made = shell.line(["printf", "%s\\0", *HOSTILE], "fish")
    done = subprocess.run(["fish", "-c", made], capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == HOSTILE
