"""A variable that selects GPUs and is stale or malformed is judged for itself, with the value that would work."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcheck.probe.gpu._visible import visible_devices
from llmcheck.probe.gpu._visible_problems import of_amd, of_cuda
from llmcheck.schema.gpu import HIDDEN, HIDDEN_BY_MISTAKE, PARTLY_HIDDEN

CARDS = ["GPU-aaaa1111", "GPU-aaaa2222"]
PARTS = [("MIG-1111aaaa", 1)]
ENTRIES = st.one_of(
    st.sampled_from(
        ["", "0", "1", "2", "-1", "+1", "0x1", "1gpu2", "NoDevFiles", "all", "GPU-aaaa1", "GPU-a", "MIG-1"]
    ),
    st.text(max_size=4),
)


@pytest.mark.parametrize(
    ("value", "code", "words", "mend"),
    [
        ("7", HIDDEN_BY_MISTAKE, "names GPU 7, and the GPUs here have the numbers 0 to 1", "CUDA_VISIBLE_DEVICES=0"),
        ("2,3", HIDDEN_BY_MISTAKE, "entry 1 of CUDA_VISIBLE_DEVICES names GPU 2", "CUDA_VISIBLE_DEVICES=0,1"),
        ("0,7", PARTLY_HIDDEN, "programs see 1 of 2 GPUs", "CUDA_VISIBLE_DEVICES=0,1"),
        ("0,-1,1", PARTLY_HIDDEN, "entry 2 of CUDA_VISIBLE_DEVICES is negative", "CUDA_VISIBLE_DEVICES=0,1"),
        ("GPU-ffff0000", HIDDEN_BY_MISTAKE, "the UUID of no GPU that is here", "nvidia-smi -L"),
        ("GPU-aaaa", HIDDEN_BY_MISTAKE, "the beginning of several UUIDs", "nvidia-smi -L"),
        ("GPU-aaaa1111,0", PARTLY_HIDDEN, "no GPU- name like the first entry", "CUDA_VISIBLE_DEVICES=0,1"),
        ("0,GPU-aaaa2222", PARTLY_HIDDEN, "a name after a number", "nvidia-smi -L"),
        ("MIG-GPU-0123abcd-11/1/0", HIDDEN_BY_MISTAKE, "a MIG name of drivers before 470", "MIG UUIDs"),
        ("MIG-9999", HIDDEN_BY_MISTAKE, "the UUID of no GPU", "MIG UUIDs"),
        ("NoDevFiles", HIDDEN_BY_MISTAKE, "what Slurm sets for a job without a GPU", "--gpus=1"),
        ("0,0", HIDDEN_BY_MISTAKE, "is there twice", "CUDA_VISIBLE_DEVICES=0,1"),
        ("all", HIDDEN_BY_MISTAKE, "CUDA_VISIBLE_DEVICES=all is no number of a GPU", "unset CUDA_VISIBLE_DEVICES"),
        ("void", HIDDEN_BY_MISTAKE, "is no number", "unset CUDA_VISIBLE_DEVICES"),
        ("0;1", PARTLY_HIDDEN, "is read as 0", "CUDA_VISIBLE_DEVICES=0"),
        ("\x1b[31m", HIDDEN_BY_MISTAKE, "entry 1 of CUDA_VISIBLE_DEVICES is no number", "unset"),
        ("", HIDDEN, "is empty, which hides every GPU", "unset CUDA_VISIBLE_DEVICES"),
        ("-1", HIDDEN, "programs see no GPU, although 2 are here", "unset CUDA_VISIBLE_DEVICES"),
    ],
)
def test_what_is_wrong_is_said_with_the_mend(value: str, code: str, words: str, mend: str) -> None:
    problem = of_cuda({"CUDA_VISIBLE_DEVICES": value}, CARDS, PARTS)
    assert problem is not None
    assert problem.code == code
    assert words in problem.message
    assert mend in (problem.remedy or "")
    assert "\x1b" not in problem.message
    assert value not in problem.message or not value.startswith("GPU-")


@pytest.mark.parametrize(
    "value", [None, "0", "1,0", "0,", " 0 , 1", "GPU-aaaa1", "GPU-aaaa1111,GPU-aaaa2222", "MIG-11"]
)
def test_what_selects_what_it_says_is_no_problem(value: str | None) -> None:
    environ = {} if value is None else {"CUDA_VISIBLE_DEVICES": value}
    assert of_cuda(environ, CARDS, PARTS) is None


def test_without_a_gpu_the_variable_is_not_the_problem() -> None:
    assert of_cuda({"CUDA_VISIBLE_DEVICES": "3"}, []) is None


@given(st.lists(ENTRIES, max_size=4).map(",".join))
def test_the_code_agrees_with_what_programs_see(value: str) -> None:
    environ = {"CUDA_VISIBLE_DEVICES": value}
    shown = visible_devices(environ, CARDS, instances=PARTS)
    problem = of_cuda(environ, CARDS, PARTS)
    assert (problem is not None and problem.code != PARTLY_HIDDEN) == (not shown)


AMD = ["GPU-8d1457e2c20f59d2", "GPU-0123456789abcdef"]


@pytest.mark.parametrize(
    ("environ", "code", "words"),
    [
        ({"ROCR_VISIBLE_DEVICES": "4"}, HIDDEN_BY_MISTAKE, "ROCR_VISIBLE_DEVICES=4 names GPU 4"),
        (
            {"ROCR_VISIBLE_DEVICES": "0", "HIP_VISIBLE_DEVICES": "1"},
            HIDDEN_BY_MISTAKE,
            "HIP_VISIBLE_DEVICES=1 names GPU 1",
        ),
        ({"HIP_VISIBLE_DEVICES": "0,9"}, PARTLY_HIDDEN, "entry 2 of HIP_VISIBLE_DEVICES names GPU 9"),
        ({"CUDA_VISIBLE_DEVICES": "2"}, HIDDEN_BY_MISTAKE, "CUDA_VISIBLE_DEVICES=2 names GPU 2"),
        ({"HIP_VISIBLE_DEVICES": "0", "CUDA_VISIBLE_DEVICES": "9"}, None, ""),
        ({"ROCR_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "0"}, None, ""),
        ({"ROCR_VISIBLE_DEVICES": "0x1"}, None, ""),
        ({}, None, ""),
    ],
)
def test_for_amd_the_variable_at_fault_is_named(environ: dict[str, str], code: str | None, words: str) -> None:
    problem = of_amd(environ, AMD)
    assert (problem.code if problem else None) == code
    assert words in (problem.message if problem else "")
