"""The programs that use torch, for real on the processor, and their lines for GPUs with a torch that plays them.

LLMCHECK_TORCH_PYTHON names an interpreter with torch; the tests are skipped where it names none.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from llmcheck.prove import Request, child, running
from llmcheck.schema.machine import Machine
from llmcheck.schema.measurement import Measurement, Trial

PYTHON = os.environ.get("LLMCHECK_TORCH_PYTHON", "")
pytestmark = pytest.mark.skipif(not PYTHON, reason="LLMCHECK_TORCH_PYTHON names no interpreter with torch")

TASKS = {
    "matmul": {"matmul"},
    "host-device": {"host-to-device", "device-to-host"},
    "device-device": {"device-to-device"},
    "device-memory": {"device-memory"},
    "all-reduce": {"all-reduce"},
}


def real(name: str, **changes: object) -> Trial:
    facts = {"python": PYTHON, "own_python": sys.executable, "seconds": 0.3, "deadline": 100.0, "device": "cpu"}
    request = Request(machine=Machine(gpus=()), **{**facts, **changes})  # type: ignore[arg-type]
    return running.run(name, request, dict(os.environ))


@pytest.mark.parametrize("name", TASKS)
def test_a_check_measures_on_the_processor_and_is_right(name: str) -> None:
    found = real(name)
    assert (found.state, found.reason) == ("ended", None)
    assert {each.quantity for each in found.measurements} == TASKS[name]
    assert all(each.right and each.rate for each in found.measurements)


def test_gpus_that_torch_cannot_use_are_not_replaced_by_the_processor() -> None:
    found = real("matmul", device="cuda")
    assert found.state == "cannot"
    assert "can use no GPU" in (found.reason or "")


PLAYED = """
import sys, time, types
import torch as real
import torch.distributed
GPUS = {gpus}

class Event:
    def __init__(self, enable_timing): self.at = 0.0
    def record(self): self.at = time.perf_counter()
    def synchronize(self): pass
    def elapsed_time(self, other): return 1000 * (other.at - self.at)

class Torch(types.ModuleType):
    def __getattr__(self, name): return getattr(real, name)
    @staticmethod
    def device(name, number=None): return real.device("cpu")

played = Torch("torch")
def free(device=None): return ({free}, 85017493504)
def properties(device):
    return types.SimpleNamespace(name="NVIDIA H100 80GB HBM3", total_memory=85017493504, major={major})
played.cuda = types.SimpleNamespace(
    is_available=lambda: True, device_count=lambda: GPUS, set_device=lambda device: None, mem_get_info=free,
    get_device_properties=properties, synchronize=lambda device=None: None, Event=Event, empty_cache=lambda: None,
    can_device_access_peer=lambda one, other: True,
)
real.Tensor.pin_memory = lambda self: self
begin = real.distributed.init_process_group
real.distributed.init_process_group = lambda backend, **more: begin("gloo", **more)
sys.modules["torch"] = played
{more}
"""


def played(
    program: str, settings: dict[str, object], gpus: int = 2, free: int = 40_000_000, more: str = "", major: int = 9
) -> str:
    """Runs a program with a torch whose GPUs are the processor."""
    prelude = PLAYED.format(gpus=gpus, free=free, more=more, major=major)
    text = prelude + child.source(program).replace("from __future__ import annotations", "")
    settings = {**settings, "source": text}
    done = subprocess.run(
        [PYTHON, "-B", "-c", text, json.dumps(settings)],
        capture_output=True, text=True, timeout=300, check=False, env=child.environment(dict(os.environ)), cwd="/",
    )  # fmt: skip
    return done.stdout + done.stderr


def answers(output: str, check: str = "matmul") -> tuple[Measurement, ...]:
    return child.read(check, (output,), Request(python="", own_python=""))


@pytest.mark.parametrize("task", ["matmul", "host_device", "device_memory", "device_device"])
def test_every_gpu_is_tried_and_says_which_it_is(task: str) -> None:
    settings = {"task": task, "quantity": task, "device": "auto", "seconds": 0.3}
    output = played("torch_device", settings)
    found = answers(output, task.replace("_", "-"))
    subjects = {"GPU 0 to GPU 1", "GPU 1 to GPU 0"} if task == "device_device" else {"GPU 0", "GPU 1"}
    assert {each.subject for each in found} == subjects, output
    assert all(each.right and each.rate and each.card == "NVIDIA H100 80GB HBM3" for each in found), output


@pytest.mark.parametrize(("major", "kind"), [(7, "float16"), (8, "bfloat16")])
def test_cards_before_ampere_multiply_in_fp16(major: int, kind: str) -> None:
    settings = {"task": "matmul", "quantity": "matmul", "device": "auto", "seconds": 0.2}
    (found,) = answers(played("torch_device", settings, gpus=1, major=major))
    assert (found.right, found.detail) == (True, f"1024 x 1024 in {kind}")


def test_an_all_reduce_has_one_rank_for_each_gpu_and_leaves_out_what_has_no_room() -> None:
    settings: dict[str, object] = {
        "device": "cuda", "seconds": 0.3, "deadline": 100, "sizes": [2**20, 2**30], "processes": 9, "nodes": 1,
        "node": 0, "rendezvous": None,
    }  # fmt: skip
    output = played("torch_all_reduce", settings, more='import os; os.environ["GLOO_SOCKET_IFNAME"] = "lo"')
    (found,) = answers(output, "all-reduce")
    assert (found.subject, found.gpus, found.message_bytes, found.right) == ("2 GPUs", 2, 2**20, True), output


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("played.matmul = lambda a, b, out=None: real.full_like(a, float('nan'))", "not finite"),
        (
            "def wrong(a, b, out=None):\n    c = real.matmul(a, b, out=out)\n"
            "    c[3, 5] += 1e4 if out is not None else 0\n    return c\nplayed.matmul = wrong",
            "differ",
        ),
        (
            "def wrong(a, b, out=None):\n    c = real.matmul(a, b, out=out)\n    c *= 1.1\n    return c\n"
            "played.matmul = wrong",
            "wrong by",
        ),
    ],
)
def test_a_product_that_is_wrong_is_found(more: str, words: str) -> None:
    settings = {"task": "matmul", "quantity": "matmul", "device": "cuda", "seconds": 0.2}
    output = played("torch_device", settings, gpus=1, more=more)
    (found,) = answers(output)
    assert (found.right, words in (found.reason or "")) == (False, True), output


def test_a_gpu_without_memory_is_one_answer_and_the_next_is_tried() -> None:
    more = (
        "count = [0]\nkeep = real.randn\n"
        "def randn(*a, **k):\n    count[0] += 1\n"
        "    if count[0] == 1: raise real.OutOfMemoryError('CUDA out of memory. Tried to allocate 128 MiB')\n"
        "    return keep(*a, **k)\nplayed.randn = randn"
    )
    settings = {"task": "matmul", "quantity": "matmul", "device": "cuda", "seconds": 0.2}
    found = answers(played("torch_device", settings, more=more))
    assert [(each.subject, each.rate is None) for each in found] == [("GPU 0", True), ("GPU 1", False)]
    assert "out of memory" in (found[0].reason or "")
