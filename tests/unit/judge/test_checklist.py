"""Which items of a checklist file are done."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcheck.judge.checklist import finding, items, state

EXPECTED = {"a": "Do a.", "b": "Do b."}


def test_items_with_and_without_a_mark() -> None:
    text = "# Title\n- [ ] Do a. <!-- a -->\n* [x] Do b. <!-- b -->\n  1. [X] ours\n- no item\n- [] neither\n"
    assert [(each.id, each.text, each.done) for each in items(text)] == [
        ("a", "Do a.", False),
        ("b", "Do b.", True),
        (None, "ours", True),
    ]


@pytest.mark.parametrize("fence", ["```", "~~~~"])
def test_code_is_no_item(fence: str) -> None:
    assert items(f"{fence}md\n- [ ] Do a. <!-- a -->\n{fence}\n- [x] Do b. <!-- b -->\n")[0].id == "b"


def test_escapes_of_markdown_are_taken_away() -> None:
    assert items("- [ ] a\\_b \\[c\\] <!-- a -->")[0].text == "a_b [c]"


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("- [x] Do a. <!-- a -->\n- [x] Do b. <!-- b -->", "pass", "all 2 items"),
        ("- [ ] Do a. <!-- a -->\n- [x] Do b. <!-- b -->", "warn", "1 open of RU.md: Do a"),
        ("- [x] Do b. <!-- b -->", "warn", "1 removed of RU.md: removed: Do a"),
        ("- [ ] our own\n- [x] a <!-- a -->\n- [x] b <!-- b -->", "warn", "1 open of RU.md: our own"),
        ("nothing", "unknown", "has no item of a task list"),
    ],
)
def test_what_is_open_is_a_recommendation(text: str, status: str, words: str) -> None:
    found = finding(state(items(text), EXPECTED, "RU.md"))
    assert (found.status, found.level) == (status, "recommended")
    assert words in found.message


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_every_item_counts_once(ticks: list[bool]) -> None:
    text = "\n".join(f"- [{'x' if each else ' '}] item {number}" for number, each in enumerate(ticks))
    found = state(items(text), {}, "RU.md")
    assert (found.done, len(found.open)) == (sum(ticks), len(ticks) - sum(ticks))
    assert finding(found).status == ("pass" if all(ticks) else "warn")


@given(st.text(max_size=400))
def test_any_text_is_read(text: str) -> None:
    assert all(each.text == each.text.strip() for each in items(text))
