"""What a plan downloads, and how it is started, as people read it."""

from __future__ import annotations

from typing import Any

import pytest

from llmcheck.render.views import downloads
from llmcheck.render.views.plans import launch_lines
from llmcheck.schema.estimate import Plan, PlanMemory

PLAN = Plan(
    runtime="vllm", method="inference", weights="bf16", kv_cache=None, context=8192, batch=1, verdict="fits",
    memory=PlanMemory(total=1, low=1, high=1, ram=0, largest_gpu=1), gpus=1, gpu="a card",
)  # fmt: skip


def plan(**fields: Any) -> Plan:
    return Plan(**({name: getattr(PLAN, name) for name in Plan.__struct_fields__} | fields))


@pytest.mark.parametrize(
    ("fields", "text", "tone"),
    [
        (
            {"file_bytes": 15_300_000_000, "download_bytes": 15_300_000_000, "download_folder": "/data/hub",
             "download_free_bytes": 85_000_000_000, "download_short_bytes": 0},
            "15.3 GB to /data/hub, 85 GB free", "plain",
        ),
        ({"file_bytes": 15_300_000_000, "download_bytes": 15_300_000_000}, "15.3 GB", "plain"),
        (
            {"file_bytes": 15_300_000_000, "download_bytes": 15_300_000_000, "download_folder": "/data/hub",
             "download_free_bytes": 8_000_000_000, "download_short_bytes": 7_300_000_000},
            "15.3 GB to /data/hub, which has 8 GB free: 7.3 GB too little space", "bad",
        ),
        (
            {"file_bytes": 15_300_000_000, "download_bytes": 0, "cached": "huggingface"},
            "none: 15.3 GB are in the Hugging Face cache already", "good",
        ),
        (
            {"file_bytes": 15_300_000_000, "download_unknown": "cache-not-read", "download_free_bytes": 85_000_000_000},
            "at most 15.3 GB, 85 GB free; what is there already was not looked for", "plain",
        ),
    ],
)  # fmt: skip
def test_the_row_of_a_download(fields: dict[str, Any], text: str, tone: str) -> None:
    found = downloads.fact(plan(**fields))
    assert found is not None
    assert (found.value, found.tone) == (text, tone)


def test_a_disk_without_space_is_a_warning_of_its_own() -> None:
    short = plan(
        file_bytes=15_300_000_000, download_bytes=15_300_000_000, download_free_bytes=8_000_000_000,
        download_short_bytes=7_300_000_000,
    )  # fmt: skip
    assert downloads.warning(short) == ("a download of 15.3 GB comes first, and the disk has 7.3 GB too little space")
    assert downloads.warning(plan(file_bytes=5, download_bytes=5, download_short_bytes=0)) is None
    assert downloads.warning(PLAN) is None


def test_nothing_is_said_of_a_file_that_was_named_or_of_what_was_not_judged() -> None:
    assert downloads.fact(PLAN) is None
    assert downloads.fact(plan(file_bytes=5, download_bytes=0, cached="file")) is None


def lines(value: Plan) -> list[str]:
    return [line for line, _ in launch_lines(value, "")]


def test_variables_stand_before_the_program_that_reads_them() -> None:
    staged = plan(launch=("vllm", "serve", "m"), launch_environment={"VLLM_PP_LAYER_PARTITION": "27,13"})
    assert lines(staged) == ["VLLM_PP_LAYER_PARTITION=27,13 vllm serve m"]
    served = plan(
        launch=("ollama", "run", "m"), launch_service=("ollama", "serve"),
        launch_environment={"OLLAMA_CONTEXT_LENGTH": "8192"},
    )  # fmt: skip
    assert lines(served) == ["OLLAMA_CONTEXT_LENGTH=8192 ollama serve", "ollama run m"]
    assert lines(PLAN) == []
