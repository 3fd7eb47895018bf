"""A stale or malformed CUDA_VISIBLE_DEVICES is judged for itself, with its mend, never as a machine without a GPU."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .command import Command, findings

JSON = ("--format", "json")
WRONG = ("5", "GPU-00000000-0000-4000-8000-000000000000", "NoDevFiles", "0,0", "all", "MIG-GPU-0123abcd/1/0")


@pytest.mark.parametrize("value", WRONG)
@pytest.mark.parametrize("tier", ["minimum", "inference-7b", "inference-70b-4bit", "finetune-7b", "pretrain"])
def test_the_variable_is_the_reason_and_its_value_the_mend(
    driver: Callable[..., Command], value: str, tier: str
) -> None:
    done = driver("2x4090").under({"CUDA_VISIBLE_DEVICES": value})("check", tier, *JSON)
    gpu = findings(done)["gpu"]
    assert (done.code, gpu["status"], gpu["shortfall"]) == (1, "fail", "gpu-hidden")
    assert gpu["found"] == "2 hidden"
    assert "CUDA_VISIBLE_DEVICES" in gpu["message"]
    assert gpu["missing_bytes"] is None
    assert "CUDA_VISIBLE_DEVICES" in gpu["remedy"] or "Slurm" in gpu["remedy"]
    assert "cloud" not in gpu["remedy"]


@pytest.mark.parametrize("value", WRONG)
def test_the_first_screen_says_what_to_repair(driver: Callable[..., Command], value: str) -> None:
    done = driver("2x4090").under({"CUDA_VISIBLE_DEVICES": value})(*JSON)
    assert (done.document["next"]["kind"], done.document["next"]["fault"]["kind"]) == ("repair", "gpu")


def test_what_is_installed_outlives_the_variable(driver: Callable[..., Command]) -> None:
    command = driver("2x4090")
    builds = [
        command.under({"CUDA_VISIBLE_DEVICES": value})("torch-index", *JSON).document["tag"]
        for value in ("0,1", "5", "-1")
    ]
    assert builds[0].startswith("cu")
    assert builds == [builds[0], builds[0], "cpu"]


def test_of_a_list_that_is_cut_short_the_rest_is_judged(driver: Callable[..., Command]) -> None:
    done = driver("2x4090").under({"CUDA_VISIBLE_DEVICES": "1,7"})("check", "inference-7b", *JSON)
    assert findings(done)["gpu"]["status"] == "pass"
    assert [gpu["visible"] for gpu in done.document["machine"]["gpus"]] == [False, True]
    problem = next(each for each in done.document["machine"]["problems"] if each["code"] == "visible-devices-cut")
    assert "CUDA_VISIBLE_DEVICES=0,1" in problem["remedy"]
