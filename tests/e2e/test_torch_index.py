"""``torch-index``: the build for this machine, and how it was chosen."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .command import Command

INDEX = "https://download.pytorch.org/whl/"


def test_document_has_the_names_that_scripts_read(command: Command) -> None:
    answer = command("torch-index", "--format", "json").document
    assert answer["schema"] == "llmcheck.torch-index/1"
    assert (answer["tag"], answer["index_url"]) == ("cpu", f"{INDEX}cpu")
    assert answer["requirement"].startswith("torch>=")
    assert answer["reasons"]
    assert answer["decisions"] == []


@pytest.mark.parametrize(
    ("scenario", "tag", "index"),
    [
        ("8xh100", "cu132", None),
        ("v100", "cu126", f"{INDEX}cu126"),
        ("rtx5090", "cu132", None),
        ("k80", "cpu", f"{INDEX}cpu"),
    ],
)
def test_card_and_driver_decide(driver: Callable[..., Command], scenario: str, tag: str, index: str | None) -> None:
    answer = driver(scenario)("torch-index", "--format", "json").document
    assert (answer["tag"], answer["index_url"]) == (tag, index)


def test_explain_shows_every_test_with_its_source(driver: Callable[..., Command]) -> None:
    command = driver("v100")
    answer = command("torch-index", "--explain", "--format", "json").document
    asked = [each for each in answer["decisions"] if each["question"].startswith("does torch")]
    assert [each["answer"] for each in asked][-1] == "yes"
    assert all(each["source"] for each in asked)
    text = command("torch-index", "--explain").out
    assert "Step by step" in text


@pytest.mark.parametrize(
    ("value", "tag", "said"),
    [
        ("cu126", "cu126", "works here"),
        ("cpu", "cpu", "works here"),
        ("cu132", "cu126", "is ignored"),
        ("auto", "cu126", "looks only at the driver"),
        ("nonsense", "cu126", "no such build"),
    ],
)
def test_what_uv_was_told_is_respected_where_it_works(
    driver: Callable[..., Command], value: str, tag: str, said: str
) -> None:
    command = driver("v100").under({"UV_TORCH_BACKEND": value})
    answer = command("torch-index", "--format", "json").document
    assert answer["backend"] == value
    assert answer["tag"] == tag
    assert said in "; ".join(answer["reasons"]) or value == tag
