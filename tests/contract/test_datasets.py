"""The table of datasets against the document, row by row."""

from __future__ import annotations

import datetime
import re

import pytest

from llmcheck import catalog
from llmcheck.judge.datasets import WORDS
from llmcheck.tables.dataset import Dataset

DATASETS = catalog.datasets()
EVERY = [pytest.param(each, id=each.id) for each in DATASETS.values()]
TODAY = datetime.datetime.now(datetime.UTC).date()
KEBAB = r"[a-z0-9]+(-[a-z0-9]+)*"
URL = r"https://[a-z0-9.-]+\.[a-z]{2,}(/[A-Za-z0-9._~%/()+-]*)?"

# The document's section "Datasets", copied: heading, and the words or figures under it that a row has to repeat.
DOCUMENTED: list[tuple[str, str, str]] = [
    ("common-crawl", "general", "250 TB per month"),
    ("the-pile", "general", "825GB"),
    ("c4", "general", "750GB"),
    ("redpajama-1t", "general", "1.2T tokens"),
    ("bookcorpus", "books", "11,000 books"),
    ("books3", "books", "196,640 books"),
    ("gutenberg", "books", "70,000+"),
    ("the-stack", "code", "3TB"),
    ("codesearchnet", "code", "2M (comment, code) pairs"),
    ("arxiv", "science", "2M+"),
    ("pubmed", "science", "35M+"),
    ("s2orc", "science", "81M"),
    ("oasst1", "dialogue", "161K messages"),
    ("sharegpt", "dialogue", "~90K"),
    ("dolly", "dialogue", "15K"),
    ("alpaca", "dialogue", "52K"),
    ("mc4", "multilingual", "6.3T tokens"),
    ("oscar", "multilingual", "166 languages"),
    ("cc100", "multilingual", "~2.5TB"),
    ("math", "mathematics", "12K"),
    ("gsm8k", "mathematics", ""),
    ("proofwiki", "mathematics", ""),
    ("freelaw", "legal", ""),
    ("legalbench", "legal", ""),
    ("mimic-iii", "medical", ""),
    ("laion-5b", "multimodal", "5.85 billion"),
    ("conceptual-captions", "multimodal", "12M"),
    ("coco", "multimodal", "330K"),
]


def test_every_dataset_of_the_document_is_there_in_its_order() -> None:
    listed = [(each.id, each.area) for each in DATASETS.values() if each.listed]
    assert listed == [(name, area) for name, area, _ in DOCUMENTED]


@pytest.mark.parametrize(("name", "words"), [(name, words) for name, _, words in DOCUMENTED])
def test_the_documents_figure_stands_as_it_is(name: str, words: str) -> None:
    documented = DATASETS[name].documented
    assert (documented is None) == (words == "")
    assert words in (documented or "")


def test_what_is_withdrawn() -> None:
    by_state = {state: {each.id for each in DATASETS.values() if each.state == state} for state in WORDS}
    assert by_state["withdrawn"] == {"books3", "math", "laion-5b"}
    assert by_state["partly-withdrawn"] == {"the-pile", "redpajama-1t"}
    assert by_state["mirror-only"] == {"bookcorpus"}
    assert by_state["requester-pays"] == {"arxiv"}
    assert {"oscar", "mimic-iii", "s2orc", "the-stack", "the-stack-v2", "sharegpt"} & by_state["open"] == set()


@pytest.mark.parametrize("dataset", EVERY)
class TestRow:
    def test_form(self, dataset: Dataset) -> None:
        assert re.fullmatch(KEBAB, dataset.id)
        assert dataset.source
        assert datetime.date(2026, 1, 1) <= dataset.as_of <= TODAY
        for text in (dataset.name, dataset.summary, dataset.reason, dataset.licence):
            assert text == text.strip()
            assert text
        assert not dataset.reason.endswith(".")

    def test_links(self, dataset: Dataset) -> None:
        assert re.fullmatch(URL, dataset.url)
        assert dataset.documented_url is None or re.fullmatch(URL, dataset.documented_url)
        assert dataset.documented_url != dataset.url
        if dataset.repository is not None:
            assert re.fullmatch(r"([\w.-]+/)?[\w.-]+", dataset.repository)
            assert dataset.url == f"https://huggingface.co/datasets/{dataset.repository}"

    def test_what_nobody_says_has_a_reason(self, dataset: Dataset) -> None:
        facts = (dataset.fetch_bytes, dataset.unpacked_bytes, dataset.tokens, dataset.tokenizer)
        assert dataset.unknown is not None or None not in facts
        assert all(each is None or each > 0 for each in facts[:3] if not isinstance(each, str))
        sized = any(each is not None for each in (dataset.fetch_bytes, dataset.unpacked_bytes, dataset.tokens))
        assert sized == (dataset.size_quality is not None)
        assert dataset.tokenizer is None or dataset.tokens is not None

    def test_what_is_packed_is_smaller(self, dataset: Dataset) -> None:
        if dataset.fetch_bytes is not None and dataset.unpacked_bytes is not None:
            assert dataset.fetch_bytes < dataset.unpacked_bytes

    def test_what_to_use_instead_can_be_had(self, dataset: Dataset) -> None:
        assert len(set(dataset.successors)) == len(dataset.successors)
        for name in dataset.successors:
            assert name != dataset.id
            assert DATASETS[name].state != "withdrawn"
        if dataset.state == "withdrawn":
            assert dataset.successors
            assert dataset.repository is None


def test_no_two_rows_are_of_one_thing() -> None:
    rows = list(DATASETS.values())
    for key in ("name", "summary"):
        values = [getattr(each, key) for each in rows]
        assert len(values) == len(set(values))
    parts = [(each.repository, each.version) for each in rows if each.repository]
    assert len(parts) == len(set(parts))


@pytest.mark.parametrize(
    ("name", "fetch", "unpacked"),
    [
        ("the-pile", 451_079_111_579, 824_546_807_506),
        ("bookcorpus", 1_179_510_242, 4_853_859_824),
        ("books3", round(36.8 * 2**30), round(100.9 * 2**30)),
        ("c4", 305 * 10**9, None),
        ("dolma", 4_500 * 10**9, None),
        ("slimpajama", 895 * 10**9, None),
        ("conceptual-captions", 2_794_168_030, None),
    ],
)
def test_sizes_are_those_of_their_cards(name: str, fetch: int, unpacked: int | None) -> None:
    assert (DATASETS[name].fetch_bytes, DATASETS[name].unpacked_bytes) == (fetch, unpacked)
