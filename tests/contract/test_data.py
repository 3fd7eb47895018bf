"""The shipped data against the document: profiles, libraries, offers, and what the document has wrong."""

from __future__ import annotations

import csv
import datetime
import os
import shlex
from collections.abc import Sequence
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from llmcheck import catalog
from llmcheck.catalog import compiled, places, profiles, sources
from llmcheck.tables.correction import Correction
from llmcheck.tables.offer import Offer
from llmcheck.units import parse_size

LIBRARIES, CORRECTIONS, OFFERS = catalog.libraries(), catalog.corrections(), catalog.offers()
BY_ID = {correction.id: correction for correction in CORRECTIONS}
OFFER = {offer.id: offer for offer in OFFERS}
TODAY = datetime.datetime.now(datetime.UTC).date()

# The document's table, copied from it: tier, GPU memory, number of GPUs, the cards it names, RAM, storage, whether it
# says SSD, its words on cost, its network.
TIERS: list[tuple[str, str, int, list[str], str, str, bool, str, list[str]]] = [
    ("inference-7b", "12 GB", 1, ["RTX 3060", "RTX 4070"], "16 GB", "50 GB", True, "~$500", []),
    (
        "inference-13b-30b",
        "24 GB",
        1,
        ["RTX 3090", "RTX 4090", "A5000"],
        "32 GB",
        "100 GB",
        True,
        "~$1,500-$2,000",
        [],
    ),
    ("inference-70b", "40 GB", 1, ["A100", "H100"], "64 GB", "200 GB", True, "~$10,000+ or cloud rental", []),
    ("inference-70b-4bit", "24 GB", 1, ["RTX 3090", "RTX 4090"], "32 GB", "100 GB", False, "~$1,500", []),
    ("finetune-7b", "40 GB", 1, ["A100"], "64 GB", "500 GB", True, "~$2-3/hour on cloud", []),
    ("finetune-13b-30b", "80 GB", 2, ["A100"], "128 GB", "1 TB", True, "~$10-20/hour on cloud", []),
    (
        "pretrain",
        "80 GB",
        512,
        ["H100"],
        "2 TB",
        "10 PB",
        False,
        "$50K-$100K/day",
        ["nvlink", "infiniband"],
    ),
]


def asked(tier: str, kind: str) -> list[Any]:
    """The requirements of a kind, those of the whole cluster where there are any."""
    every = [each for each in profiles.load(tier).require if each.kind == kind]
    return [each for each in every if each.scope == "cluster"] or every


def only(requirements: list[Any], key: str) -> Any:
    (found,) = (each for each in requirements if getattr(each, key, None) and each.level == "required")
    return found


@pytest.mark.parametrize("row", TIERS, ids=[row[0] for row in TIERS])
class TestTiers:
    def test_gpus(self, row: tuple[Any, ...]) -> None:
        gpu = only(asked(row[0], "gpu"), "memory")
        assert parse_size(gpu.memory) == parse_size(row[1])
        assert gpu.count == row[2]
        examples = " ".join(gpu.examples)
        assert [card for card in row[3] if card not in examples] == []
        others = {"RTX 3060", "RTX 4070", "RTX 3090", "RTX 4090", "A5000", "A100", "H100"} - set(row[3])
        assert [card for card in others if card in examples] == []

    def test_ram(self, row: tuple[Any, ...]) -> None:
        assert parse_size(only(asked(row[0], "ram"), "total").total) == parse_size(row[4])

    def test_storage(self, row: tuple[Any, ...]) -> None:
        disks = asked(row[0], "disk")
        assert parse_size(only(disks, "free").free) == parse_size(row[5])
        kinds = [each.type for each in disks if getattr(each, "type", None)]
        assert kinds == (["ssd"] if row[6] else [])

    def test_cost(self, row: tuple[Any, ...]) -> None:
        cost = profiles.load(row[0]).cost
        assert cost is not None
        assert cost.documented == row[7]
        assert 0 < cost.low <= cost.high

    def test_network(self, row: tuple[Any, ...]) -> None:
        named = [each.type for kind in ("interconnect", "network") for each in asked(row[0], kind)]
        assert named == row[8]


def test_a_cluster_also_asks_each_node_for_cards_of_the_documented_size() -> None:
    node = [each for each in profiles.load("pretrain").require if each.kind == "gpu" and each.scope == "node"]
    assert "80 GB" in [each.memory for each in node if hasattr(each, "memory")]


def test_the_documented_minimum_is_one_card_of_24_gb() -> None:
    gpu = only(asked("minimum", "gpu"), "memory")
    assert (gpu.memory, gpu.count) == ("24 GB", 1)
    assert [name for name in ("RTX 3090", "RTX 4090") if name not in " ".join(gpu.examples)] == []
    assert {each.kind for each in profiles.load("minimum").require} <= {"driver", "gpu"}


def test_the_documented_toolkit_is_these_libraries_or_their_alternatives() -> None:
    wanted = [{"torch"}, {"transformers"}, {"deepspeed", "accelerate"}, {"vllm", "tgi"}, {"langchain", "llama-index"}]
    named = []
    for requirement in profiles.load("toolkit").require:
        each: Sequence[Any] = requirement.any_of or (requirement,)
        named.append({alternative.library or alternative.name for alternative in each})
    assert named == wanted


@pytest.mark.parametrize("name", profiles.ids())
def test_a_profile_says_where_every_figure_comes_from(name: str) -> None:
    profile = profiles.load(name)
    assert profile.id == name
    assert profile.sources
    for requirement in profile.require:
        assert requirement.source or requirement.why
        if requirement.kind in ("gpu", "ram", "disk", "network") and requirement.level != "info":
            assert requirement.source


@pytest.mark.parametrize("name", profiles.ids())
def test_every_package_and_tool_of_a_profile_has_a_library_in_the_catalogue(name: str) -> None:
    for requirement in profiles.load(name).require:
        alternatives: Sequence[Any] = requirement.any_of or (requirement,)
        for each in alternatives:
            if each.kind == "package":
                library = LIBRARIES[each.library or each.name]
                asked_for = (Requirement(text).name for text in library.requirements)
                known = {canonicalize_name(distribution) for distribution in (*library.distributions, *asked_for)}
                assert canonicalize_name(each.name) in known
            elif each.kind == "tool" and each.library is not None:
                assert each.name in LIBRARIES[each.library].binaries


# --- corrections ---


@pytest.mark.parametrize("correction", CORRECTIONS, ids=BY_ID)
def test_a_correction_concerns_something_that_exists(correction: Correction) -> None:
    assert correction.applies_to
    for place in correction.applies_to:
        family, _, name = place.partition(":")
        if family == "profile":
            profile, _, requirement = name.partition("/")
            assert requirement in {each.id for each in profiles.load(profile).require}
        else:
            assert name in {"offer": OFFER, "library": LIBRARIES}[family]


@pytest.mark.parametrize("correction", CORRECTIONS, ids=BY_ID)
def test_a_correction_has_both_figures_a_source_and_a_past_date(correction: Correction) -> None:
    assert correction.documented
    assert correction.fact
    assert correction.source
    assert datetime.date(2018, 1, 1) < correction.as_of <= TODAY
    if correction.memory_total is not None:
        assert parse_size(correction.memory_total) > 0
        assert correction.advice


def test_correction_ids_are_unique() -> None:
    assert len(BY_ID) == len(CORRECTIONS)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("profile:inference-70b-4bit/gpu", ["4 bits", "24 GB"]),
        ("profile:inference-70b/gpu", ["bf16", "141 GB"]),
        ("profile:finetune-7b/gpu", ["16 bytes per parameter", "112"]),
        ("profile:minimum/gpu", ["24 GB", "12 GB"]),
        ("offer:aws-p4d-24xlarge", ["40 GB", "21.96"]),
        ("offer:aws-p3-16xlarge", ["16 GB", "withdrawn"]),
        ("offer:lambda-gpu-1x-a100", ["40 GB", "1.99"]),
        ("offer:gcp-tpu-v4", ["3.22"]),
        ("offer:gcp-n1-highmem-8-v100", ["2.95"]),
        ("library:tgi", ["maintenance"]),
        ("library:perspective-api", ["2026-12-31"]),
        ("library:torch", ["torchaudio", "2.14.1"]),
    ],
)
def test_known_errors_of_the_document_are_corrected(place: str, words: list[str]) -> None:
    said = " ".join(correction.fact for correction in CORRECTIONS if place in correction.applies_to)
    assert [word for word in words if word not in said] == []


@pytest.mark.parametrize(
    ("place", "least", "most"),
    [
        ("profile:inference-70b-4bit/gpu", "36 GB", "45 GB"),
        ("profile:inference-70b/gpu", "140 GB", "145 GB"),
        ("profile:finetune-7b/gpu", "110 GB", "125 GB"),
    ],
)
def test_the_corrected_memory_is_near_the_arithmetic(place: str, least: str, most: str) -> None:
    sizes = [parse_size(each.memory_total) for each in CORRECTIONS if place in each.applies_to and each.memory_total]
    assert sizes
    assert all(parse_size(least) <= size <= parse_size(most) for size in sizes)


# --- libraries ---

# Every library that the document names, and its own command where it gives one.
DOCUMENTED: dict[str, tuple[str, str | None]] = {
    "torch": ("PyTorch", "pip install torch torchvision torchaudio"),
    "jax": ("JAX", "pip install jax jaxlib"),
    "transformers": ("Transformers", "pip install transformers"),
    "deepspeed": ("DeepSpeed", "pip install deepspeed"),
    "megatron-lm": ("Megatron-LM", None),
    "accelerate": ("Accelerate", "pip install accelerate"),
    "peft": ("PEFT", "pip install peft"),
    "vllm": ("vLLM", "pip install vllm"),
    "tgi": ("Text Generation Inference", "docker pull ghcr.io/huggingface/text-generation-inference"),
    "tensorrt-llm": ("TensorRT-LLM", None),
    "llama-cpp": ("llama.cpp", "git clone https://github.com/ggerganov/llama.cpp"),
    "langchain": ("LangChain", "pip install langchain"),
    "llama-index": ("LlamaIndex", "pip install llama-index"),
    "autogpt": ("AutoGPT", None),
    "lm-eval": ("lm-evaluation-harness", "pip install lm-eval"),
    "helm": ("HELM", None),
    "wandb": ("Weights & Biases", "pip install wandb"),
    "mlflow": ("MLflow", "pip install mlflow"),
    "fairness-indicators": ("Fairness Indicators", None),
    "aif360": ("AI Fairness 360", None),
    "perspective-api": ("Perspective API", None),
}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_documented_library_is_in_the_catalogue_with_its_command(name: str) -> None:
    library = LIBRARIES[name]
    assert (library.name, library.documented) == DOCUMENTED[name]


@pytest.mark.parametrize("name", LIBRARIES)
class TestLibraries:
    def test_needs_exist_and_never_go_in_circles(self, name: str) -> None:
        seen: set[str] = set()
        waiting = [name]
        while waiting:
            for needed in LIBRARIES[waiting.pop()].needs:
                assert needed != name
                if needed not in seen:
                    seen.add(needed)
                    waiting.append(needed)
        assert seen <= set(LIBRARIES)

    def test_requirements_have_a_floor_or_a_pin(self, name: str) -> None:
        for text in LIBRARIES[name].requirements:
            requirement = Requirement(text)
            bounded = {each.operator for each in requirement.specifier} & {">=", "==", "~=", ">"}
            assert bounded or name in ("torch", "torchvision")

    def test_the_newest_version_is_one_that_the_requirement_allows(self, name: str) -> None:
        library = LIBRARIES[name]
        for text in library.requirements:
            if library.version is not None and canonicalize_name(Requirement(text).name) == canonicalize_name(name):
                assert Requirement(text).specifier.contains(library.version, prereleases=True)

    def test_it_can_be_installed_detected_or_is_said_how_else(self, name: str) -> None:
        library = LIBRARIES[name]
        if library.install == "pip":
            assert library.requirements
            assert library.distributions
        elif library.install in ("source", "container"):
            assert library.commands
        assert [command for command in library.commands if not shlex.split(command)] == []

    def test_source_and_date_are_given(self, name: str) -> None:
        library = LIBRARIES[name]
        assert library.source
        assert library.summary
        assert datetime.date(2024, 1, 1) < library.as_of <= TODAY

    def test_a_library_that_is_not_active_says_why(self, name: str) -> None:
        assert LIBRARIES[name].status == "active" or LIBRARIES[name].note


# --- the files ---


def test_every_data_file_and_profile_is_compiled_into_the_wheel() -> None:
    shipped = {f"data/{name}" for name in os.listdir(places.path_of("data/")) if not name.startswith((".", "_"))}
    shipped |= {places.profile_file(name) for name in profiles.ids()}
    assert set(compiled.sources_of(sources.compile_all())) == shipped


# --- offers ---


def rows() -> list[dict[str, str]]:
    with open(places.path_of("data/offers.csv"), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_row_of_the_offers_has_a_source_and_a_date_that_is_past() -> None:
    for row in rows():
        assert row["source"], row["id"]
        assert datetime.date.fromisoformat(row["as_of"]) <= TODAY, row["id"]


def test_every_row_of_the_offers_is_read() -> None:
    assert [row["id"] for row in rows()] == [offer.id for offer in OFFERS]
    assert len(OFFER) == len(OFFERS)


def test_prices_and_sizes_are_positive_and_only_subscriptions_have_no_hourly_price() -> None:
    for offer in OFFERS:
        assert (offer.price_hour is None) == (offer.kind == "subscription"), offer.id
        assert offer.price_hour is None or offer.price_hour > 0, offer.id
        assert offer.spot_price_hour is None or 0 < offer.spot_price_hour <= (offer.price_hour or 0), offer.id
        assert offer.gpu_count > 0, offer.id
        assert offer.gpu_memory_gb > 0, offer.id
        assert offer.ram_gib is None or offer.ram_gib > 0, offer.id
        assert offer.fabric in (None, "infiniband", "efa"), offer.id


def test_the_document_s_p4d_has_cards_of_40_gb_at_todays_price() -> None:
    p4d = OFFER["aws-p4d-24xlarge"]
    assert (p4d.gpu_count, p4d.gpu_memory_gb, p4d.price_hour) == (8, 40, 21.957642)
    assert p4d.documented_price_hour == 32.77


def test_the_document_s_p3_has_cards_of_16_gb_and_is_withdrawn() -> None:
    p3 = OFFER["aws-p3-16xlarge"]
    assert (p3.gpu_count, p3.gpu_memory_gb, p3.status) == (8, 16, "withdrawn")


# Provider and price of the document's list of clouds.
PRICES = [
    ("gcp", 3.67),
    ("gcp", 2.48),
    ("gcp", 1.35),
    ("aws", 32.77),
    ("aws", 24.48),
    ("azure", 27),
    ("azure", 3.68),
    ("lambda", 1.29),
    ("runpod", 1.60),
]


@pytest.mark.parametrize(("provider", "price"), PRICES)
def test_every_documented_price_is_stored_with_the_verified_one(provider: str, price: float) -> None:
    found: list[Offer] = [each for each in OFFERS if each.documented_price_hour == price and each.provider == provider]
    assert len(found) == 1
    assert found[0].documented
    assert f"{price:g}" in found[0].documented


def test_the_document_names_no_other_price_and_one_subscription() -> None:
    named = [(offer.provider, offer.documented_price_hour) for offer in OFFERS if offer.documented_price_hour]
    assert sorted(named) == sorted(PRICES)
    assert [offer.id for offer in OFFERS if offer.kind == "subscription"] == ["colab-pro-plus"]
    assert OFFER["colab-pro-plus"].documented == "~$50/month"
