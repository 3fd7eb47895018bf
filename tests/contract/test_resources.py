"""The table of reading against the document, row by row."""

from __future__ import annotations

import datetime
import re
from collections import Counter

import pytest

from llmcheck import catalog
from llmcheck.catalog import profiles
from llmcheck.tables.resource import Resource
from tests.contract.test_datasets import KEBAB, URL

RESOURCES = catalog.resources()
EVERY = [pytest.param(each, id=each.id) for each in RESOURCES]
TODAY = datetime.datetime.now(datetime.UTC).date()

# The document's numbered list, copied: first author or maker, year, stars.
PAPERS = """\
Bengio 2003 0, Mikolov 2013 0, Pennington 2014 0, Sutskever 2014 0, Bahdanau 2014 0, Vaswani 2017 5, Devlin 2018 5,
Radford 2019 4, Brown 2020 5, Raffel 2020 0, Kaplan 2020 4, Hoffmann 2022 4, Dao 2022 4, Hu 2021 4, Dettmers 2023 0,
Wei 2022 5, Wang 2022 0, Yao 2023 4, Yao 2022 4, Lightman 2023 0, Alayrac 2022 0, Li 2023 0, OpenAI 2023 4,
Ouyang 2022 5, Bai 2022 4, Touvron 2023 4, Press 2021 0, Liu 2023 0, Su 2021 0, Lewis 2020 4, Borgeaud 2022 0,
Asai 2023 0, Elhage 2021 0, Olsson 2022 0, Kadavath 2022 0, Lewkowycz 2022 0, Li 2022 0, Nijkamp 2022 0,
Madani 2023 0, Jiang 2024 4, Meta 2024 0, Google 2023 0, OpenAI 2024 5"""


def test_the_43_papers_of_the_document() -> None:
    listed = [each for each in RESOURCES if each.number is not None]
    assert [each.number for each in listed] == list(range(1, 44))
    found = [f"{each.authors.split()[0]} {each.year} {each.stars}" for each in listed]
    assert found == [each.strip() for each in PAPERS.replace("\n", " ").split(",")]


def test_the_others_of_the_document() -> None:
    assert Counter(each.kind for each in RESOURCES) == {
        "paper": 45, "course": 3, "blog": 5, "community": 4, "conference": 4,
    }  # fmt: skip
    assert {each.id for each in RESOURCES if each.kind == "paper" and each.number is None} == {
        "model-cards",
        "datasheets",
    }


def test_the_four_of_the_summary() -> None:
    assert [each.id for each in RESOURCES if each.must_read] == [
        "attention",
        "gpt-3",
        "chain-of-thought",
        "instructgpt",
    ]


@pytest.mark.parametrize("name", profiles.tier_ids())
def test_two_matter_most_for_every_tier(name: str) -> None:
    assert len([each for each in RESOURCES if name in each.first_for]) == 2
    assert len([each for each in RESOURCES if name in each.tiers]) >= 5


@pytest.mark.parametrize("resource", EVERY)
class TestRow:
    def test_form(self, resource: Resource) -> None:
        assert re.fullmatch(KEBAB, resource.id)
        assert resource.title
        assert resource.authors
        assert resource.why
        assert resource.source
        assert (resource.year is not None) == (resource.kind == "paper")
        assert resource.stars in (0, 4, 5)
        assert (resource.topic == "general") == (resource.kind != "paper")
        assert datetime.date(2026, 1, 1) <= resource.as_of <= TODAY

    def test_link(self, resource: Resource) -> None:
        assert re.fullmatch(URL, resource.url)
        number = re.fullmatch(r"https://arxiv\.org/abs/(\d\d)(\d\d)\.(\d{4,5})", resource.url)
        assert number is not None or "arxiv" not in resource.url
        if number is not None:
            assert 1 <= int(number[2]) <= 12
            assert len(number[3]) == (5 if int(number[1]) >= 15 else 4)
            assert 0 <= (resource.year or 0) - (2000 + int(number[1])) <= 1

    def test_tiers(self, resource: Resource) -> None:
        known = set(profiles.ids())
        assert resource.tiers
        assert set(resource.tiers) <= known
        assert set(resource.first_for) <= set(resource.tiers)


@pytest.mark.parametrize("key", ["id", "title", "url"])
def test_no_duplicates(key: str) -> None:
    values = [getattr(each, key) for each in RESOURCES]
    assert len(values) == len(set(values))
