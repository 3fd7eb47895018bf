"""What a plan says of the program that it runs with."""

from __future__ import annotations

from typing import Any

import pytest

from llmcheck.render.views.plan_state import install_command, state
from llmcheck.schema.estimate import Plan, PlanMemory

MEMORY = PlanMemory(total=1, low=1, high=1, ram=0, largest_gpu=1)


def plan(**fields: Any) -> Plan:
    return Plan(
        **{
            "runtime": "vllm", "method": "inference", "weights": None, "kv_cache": None, "context": 1, "batch": 1,
            "verdict": "fits", "memory": MEMORY, "gpus": 1, "gpu": None, **fields,
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "words", "command"),
    [
        ({"installed": None}, None, None),
        ({"installed": True}, "vllm is installed", None),
        ({"installed": False}, "vllm is not installed", None),
        (
            {"installed": False, "needs": ("vllm",)},
            "vllm is not installed; install with: llmcheck install vllm",
            "llmcheck install vllm",
        ),
        (
            {"installed": True, "needs": ("accelerate", "trl")},
            "vllm is installed; what else it needs: llmcheck install accelerate trl",
            "llmcheck install accelerate trl",
        ),
        (
            {"installed": False, "needs": ("vllm",), "build": "it is built from source"},
            "vllm is not installed: it is built from source",
            None,
        ),
    ],
)
def test_state(fields: dict[str, Any], words: str | None, command: str | None) -> None:
    assert state(plan(**fields)) == words
    assert install_command(plan(**fields)) == command
