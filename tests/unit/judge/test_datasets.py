"""Whether a dataset can be had, whether its disk has room, and how its tokens compare."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from llmcheck import catalog
from llmcheck.catalog import profiles
from llmcheck.judge.datasets import SPACE, use_of, with_datasets
from llmcheck.judge.evaluate import evaluate
from llmcheck.schema.machine import Disk, Machine
from llmcheck.schema.profile import Profile
from llmcheck.schema.report import Finding, verdict_of
from llmcheck.tables.dataset import Dataset
from llmcheck.units import GB

TB = 1000 * GB
PLAIN = Dataset(
    id="plain",
    name="Plain",
    area="general",
    summary="text",
    url="https://example.org/",
    repository="org/plain",
    fetch_bytes=100 * GB,
    tokens=140 * 10**9,
    licence="CC0",
    commercial="yes",
    state="open",
    reason="from the hub",
    source="a test",
    as_of=datetime.date(2026, 11, 28),
)
ONE_DISK = (Disk(role="models", path="/cache", mount_point="/", free=TB), Disk(role="work", path="/w", mount_point="/"))
SIZES = {"finetune-7b": [("7B", 7 * 10**9)], "pretrain": [("70B", 70 * 10**9)]}


def machine(*disks: Disk) -> Machine:
    return Machine(disks=disks)


def free(size: int) -> Machine:
    return machine(*(replace(each, free=size) for each in ONE_DISK))


def judged(where: Machine, *datasets: Dataset, profile: Profile | None = None) -> dict[str, Finding]:
    profile = profile or profiles.load("finetune-7b")
    found = with_datasets(evaluate(profile, where), profile, where, datasets, SIZES)
    assert len({each.id for each in found}) == len(found)
    return {each.id: each for each in found}


class TestSpace:
    def test_it_is_added_to_what_the_profile_requires(self) -> None:
        storage = judged(free(TB), PLAIN)["storage"]
        assert (storage.status, storage.needed_bytes, storage.found_bytes) == ("pass", 600 * GB, TB)
        assert storage.needed == "500 GB + 100 GB for plain free"

    def test_it_fails_by_what_is_missing(self) -> None:
        storage = judged(free(550 * GB), PLAIN)["storage"]
        assert (storage.status, storage.short_bytes, storage.shortfall) == ("fail", 50 * GB, "disk-space")
        assert "for plain" in storage.message

    def test_several_add_up(self) -> None:
        other = replace(PLAIN, id="other", fetch_bytes=300 * GB)
        assert judged(free(TB), PLAIN, other)["storage"].needed_bytes == 900 * GB

    def test_on_another_file_system_it_is_a_requirement_of_its_own(self) -> None:
        """What is not on the hub lands in the working directory."""
        where = machine(
            Disk(role="models", path="/cache", mount_point="/cache", free=550 * GB),
            Disk(role="work", path="/w", mount_point="/w", free=50 * GB),
        )
        found = judged(where, replace(PLAIN, repository=None))
        assert (found["storage"].status, found["storage"].needed_bytes) == ("pass", 500 * GB)
        assert (found[SPACE].status, found[SPACE].short_bytes) == ("fail", 50 * GB)

    def test_a_profile_without_storage_gets_it(self) -> None:
        found = judged(free(50 * GB), PLAIN, profile=profiles.load("minimum"))
        assert (found[SPACE].status, found[SPACE].needed_bytes) == ("fail", 100 * GB)

    def test_with_path_that_disk_holds_both(self) -> None:
        where = machine(*ONE_DISK, Disk(role="path", path="/data", mount_point="/data", free=650 * GB))
        found = judged(where, PLAIN, replace(PLAIN, id="other", repository=None, fetch_bytes=40 * GB))
        assert (found["storage"].status, found["storage"].found_bytes) == ("pass", 650 * GB)
        assert found["storage"].needed_bytes == 640 * GB

    def test_of_unknown_size_it_is_undetermined(self) -> None:
        found = judged(free(TB), replace(PLAIN, fetch_bytes=None, unknown="not read"))
        assert (found["plain-space"].status, found["plain-space"].level) == ("unknown", "required")
        assert "not read" in found["plain-space"].message
        assert found["storage"].needed_bytes == 500 * GB

    @pytest.mark.parametrize(("size", "status"), [(650 * GB, "pass"), (550 * GB, "unknown"), (450 * GB, "fail")])
    def test_where_only_the_unpacked_size_is_known_less_may_do(self, size: int, status: str) -> None:
        packed = replace(PLAIN, fetch_bytes=None, unpacked_bytes=100 * GB)
        assert judged(free(size), packed)["storage"].status == status

    def test_links_are_not_the_data(self) -> None:
        found = judged(free(TB), replace(PLAIN, content="links", unknown="the images are elsewhere"))
        assert found["storage"].needed_bytes == 600 * GB
        assert found["plain-space"].status == "unknown"

    @pytest.mark.parametrize(("size", "status"), [(2 * TB, "pass"), (700 * GB, "warn")])
    def test_room_for_the_unpacked_copy_is_a_recommendation(self, size: int, status: str) -> None:
        found = judged(free(size), replace(PLAIN, unpacked_bytes=400 * GB))
        assert (found["dataset-unpacked"].level, found["dataset-unpacked"].status) == ("recommended", status)

    def test_where_no_disk_is_known_nothing_is(self) -> None:
        assert judged(Machine(), PLAIN)["storage"].status == "unknown"

    def test_what_was_left_out_stays_left_out(self) -> None:
        profile, where = profiles.load("finetune-7b"), free(10 * GB)
        report = evaluate(profile, where, skip=frozenset({"storage"}))
        found = {each.id: each for each in with_datasets(report, profile, where, [PLAIN], SIZES)}
        assert found["storage"].skipped == "left-out"

    @given(st.integers(0, 2 * TB), st.integers(0, TB))
    def test_more_room_never_makes_it_worse(self, less: int, more: int) -> None:
        order = ["fail", "unknown", "warn", "pass"]
        for dataset in (PLAIN, replace(PLAIN, fetch_bytes=None, unpacked_bytes=100 * GB)):
            small, large = (judged(free(each), dataset)["storage"].status for each in (less, less + more))
            assert order.index(small) <= order.index(large)


class TestAccess:
    @pytest.mark.parametrize(
        ("state", "status"),
        [
            ("open", "pass"),
            ("requester-pays", "warn"),
            ("click-gate", "warn"),
            ("mirror-only", "warn"),
            ("partly-withdrawn", "warn"),
            ("manual-gate", "unknown"),
            ("credentialed", "unknown"),
            ("api-key", "unknown"),
            ("agreement", "unknown"),
            ("no-source", "unknown"),
            ("withdrawn", "fail"),
        ],
    )
    def test_state(self, state: str, status: str) -> None:
        found = judged(free(TB), replace(PLAIN, state=state))["dataset-plain"]
        assert (found.status, found.level, found.group) == (status, "required", "project")

    @pytest.mark.parametrize("name", ["books3", "math", "laion-5b"])
    def test_a_withdrawn_one_is_never_ready_and_says_what_to_use(self, name: str) -> None:
        dataset = catalog.datasets()[name]
        found = judged(free(10**6 * GB), dataset)
        assert verdict_of(found.values()) == "not-ready"
        access = found[f"dataset-{name}"]
        assert access.shortfall == "dataset-withdrawn"
        assert dataset.successors[0] in (access.remedy or "")
        assert found["storage"].needed_bytes == 500 * GB


class TestTokens:
    def test_against_twenty_for_each_parameter(self) -> None:
        use = use_of(PLAIN, free(TB), SIZES, None, None)
        assert [(each.profile, each.optimal, each.ratio) for each in use.targets] == [
            ("finetune-7b", 140 * 10**9, 1.0),
            ("pretrain", 1400 * 10**9, 0.1),
        ]
        assert use.tokenised_bytes == 560 * GB

    @pytest.mark.parametrize(("tokens", "status"), [(1400 * 10**9, "pass"), (1399 * 10**9, "warn"), (None, "unknown")])
    def test_too_few_are_a_warning_of_training_from_scratch_alone(self, tokens: int | None, status: str) -> None:
        dataset = replace(PLAIN, tokens=tokens)
        found = judged(free(TB), dataset, profile=profiles.load("pretrain"))["dataset-plain-tokens-70b"]
        assert (found.status, found.level) == (status, "recommended")
        assert not [each for each in judged(free(TB), dataset) if "tokens" in each]


class TestTime:
    def test_given_before_measured(self) -> None:
        use = use_of(PLAIN, free(TB), SIZES, 1e9, 1e6)
        assert (use.fetch_seconds, use.rate_from) == (100.0, "given")

    def test_measured(self) -> None:
        use = use_of(PLAIN, free(TB), SIZES, None, 1e6)
        assert (use.fetch_seconds, use.rate_from) == (100_000.0, "measured")

    def test_not_known(self) -> None:
        assert use_of(PLAIN, free(TB), SIZES, None, None).fetch_seconds is None
        unsized = replace(PLAIN, fetch_bytes=None)
        assert use_of(unsized, free(TB), SIZES, 1e9, None).fetch_seconds is None
