"""What a person sees, for recorded machines; and the verdicts that a person who knows the field would give.

``LLMCHECK_UPDATE_GOLDEN=1 pytest tests/golden`` writes the screens anew: read the difference before you keep it.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

import msgspec
import pytest

from llmcheck import api
from llmcheck.api.model_source import ModelSource
from llmcheck.render import Options
from llmcheck.schema.machine import Machine
from llmcheck.schema.recommendation import Task
from llmcheck.schema.workload import Workload

HERE = Path(__file__).parent
MACHINES = HERE.parent / "machines"
SCREENS = HERE / "screens"
FIXED_TIME = "2026-11-22T12:00:00+00:00"

# Hardware alone. R ready, W ready by the document but warned by arithmetic or because cards have to be split,
# N not ready, U undetermined. Columns: the seven tiers and the minimum.
COLUMNS = (
    "inference-7b",
    "inference-13b-30b",
    "inference-70b",
    "inference-70b-4bit",
    "finetune-7b",
    "finetune-13b-30b",
    "pretrain",
    "minimum",
)
HARDWARE = {
    # no accelerator: integrated graphics are not counted
    "cpu-laptop": "NNNNNNNN",
    # 12 GB run 7B, though not in bf16 (14 GB of weights); everything else wants more
    "rtx3060": "WNNNNNNN",
    # 2 x 24 GB: 7B plain; 13-30B documented but bf16 of 30B is 60 GB; 70B only split and quantised; 70B in 4 bits fits
    # two cards; 40 GB for fine-tuning only when sharded; 160 GB are out of reach; no node of a cluster
    "2x4090": "RWWRWNNR",
    # 80 GB: 70B in bf16 is 141 GB; full fine-tuning of 7B 120 GB; one card is half of what 13-30B asks for; no fabric
    "a100-80": "RRWRWNNR",
    # a whole node: the only open question is the rest of the cluster
    "8xh100": "RRRRRRUR",
    # the same without InfiniBand is no node of that cluster
    "8xh100-no-fabric": "RRRRRRNR",
    # a GPU is there but broken: not ready, and never "no GPU"
    "driver-not-loaded": "NNNNNNNN",
    # a GPU is there and could not be asked: undetermined, unless something else fails (disk and RAM; InfiniBand)
    "driver-unknown-error": "UUUUUNNU",
    # a 24 GB card in a container limited to 4 GiB of RAM: the limit fails every tier that asks for RAM
    "container-4gib": "NNNNNNNR",
    # seven slices of 9.5 GiB never add up, and the card that they are cut from does not count
    "a100-mig": "NNNNNNNN",
    # NVML does not tell the memory of a GB10: unknown, not zero
    "gb10": "UUUUUUNU",
    # AMD cards have the memory; NVLink is unknown there and InfiniBand is missing
    "mi300x": "RRRRRRNR",
}


def load(name: str) -> Machine:
    return api.load_machine(str(MACHINES / f"{name}.json"))


def test_every_recorded_machine_has_expected_verdicts() -> None:
    assert sorted(HARDWARE) == sorted(path.stem for path in MACHINES.glob("*.json"))


@pytest.mark.parametrize("name", HARDWARE)
def test_hardware_verdicts(name: str) -> None:
    machine = load(name)
    report = api.check(COLUMNS, lambda: machine, skip=["software"])
    letters = ""
    for profile in report.profiles:
        warned = any(each.status == "warn" and each.group == "hardware" for each in profile.findings)
        ready = "W" if warned else "R"
        letters += {"ready": ready, "not-ready": "N", "undetermined": "U", None: "-"}[profile.verdict]
    assert letters == HARDWARE[name]


def screen(name: str, text: str) -> None:
    """Compare with the stored screen, or store it when asked to."""
    path = SCREENS / name
    if os.environ.get("LLMCHECK_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"no screen {path.name}: run with LLMCHECK_UPDATE_GOLDEN=1 and read it"
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", HARDWARE)
def test_overview_on_80_columns(name: str) -> None:
    machine = load(name)
    report = msgspec.structs.replace(api.overview(lambda: machine), created_at=FIXED_TIME)
    text = api.render(report, "text", Options(width=80))
    assert len(text.splitlines()) <= 24
    screen(f"{name}.txt", text)


@pytest.mark.parametrize("name", ["2x4090", "cpu-laptop", "8xh100"])
def test_tiers_on_80_columns(name: str) -> None:
    machine = load(name)
    report = msgspec.structs.replace(api.overview(lambda: machine), created_at=FIXED_TIME)
    screen(f"tiers-{name}.txt", api.render(report, "text", Options(width=80, tiers=True)))


def test_overview_on_160_columns() -> None:
    machine = load("2x4090")
    report = msgspec.structs.replace(api.overview(lambda: machine), created_at=FIXED_TIME)
    screen("2x4090-160.txt", api.render(report, "text", Options(width=160)))


def test_overview_in_ascii() -> None:
    machine = load("2x4090")
    report = msgspec.structs.replace(api.overview(lambda: machine), created_at=FIXED_TIME)
    text = api.render(report, "text", Options(width=80, ascii=True))
    assert text.isascii()
    screen("2x4090-ascii.txt", text)


@pytest.mark.parametrize(
    ("machine_name", "profile", "format_"),
    [
        ("2x4090", "inference-70b-4bit", "text"),
        ("rtx3060", "inference-7b", "text"),
        ("a100-80", "finetune-7b", "text"),
        ("8xh100", "pretrain", "text"),
        ("driver-not-loaded", "inference-13b-30b", "text"),
        ("container-4gib", "inference-7b", "markdown"),
    ],
)
def test_check(machine_name: str, profile: str, format_: str) -> None:
    machine = load(machine_name)
    text = api.render(api.check([profile], lambda: machine), format_, Options(width=100))
    suffix = {"text": "txt", "markdown": "md"}[format_]
    screen(f"check-{machine_name}-{profile}.{suffix}", text)


@pytest.mark.parametrize(
    "format_",
    ["jsonl", "junit", "tap", "github", "gitlab-dotenv", "sarif", "nagios", "prometheus", "slurm", "termination-log"],
)
def test_formats_of_a_gate(format_: str) -> None:
    machine = load("container-4gib")
    report = msgspec.structs.replace(api.check(["inference-7b"], lambda: machine, ["software"]), created_at=FIXED_TIME)
    screen(f"gate-{format_}.txt", api.render(report, format_, Options(width=80)))


def test_one_line_of_a_gate() -> None:
    machine = load("container-4gib")
    report = api.check(["inference-7b"], lambda: machine, ["software"])
    screen("gate-quiet.txt", api.render(report, "text", Options(quiet=True)))


@pytest.mark.parametrize(
    ("machine_name", "target"),
    [("rtx3060", "inference-7b"), ("cpu-laptop", "finetune-7b"), ("2x4090", "toolkit"), ("8xh100", "inference-7b")],
)
def test_install_script(machine_name: str, target: str) -> None:
    machine = load(machine_name)
    screen(
        f"install-{machine_name}-{target}.sh", api.render(api.install_plan([target], lambda: machine), "sh", Options())
    )


@pytest.mark.parametrize("profile", ["inference-70b-4bit", "pretrain"])
def test_cloud(profile: str) -> None:
    screen(f"cloud-{profile}.txt", api.render(api.cloud(profile), "text", Options(width=100)))


@pytest.mark.parametrize(
    ("name", "model", "workload", "words"),
    [
        ("fit-70b-4090", "llama-2-70b", Workload(method="inference", weights="q4_k_m"), "RTX 4090, 64 GB RAM"),
        ("fit-full-a100", "7B", Workload(method="full"), "A100-SXM4-80GB"),
        ("fit-vllm-2xa100", "llama-3.1-70b", Workload(method="inference", runtime="vllm"), "2x A100-SXM4-80GB"),
    ],
)
def test_fit(name: str, model: str, workload: Workload, words: str) -> None:
    stated = api.hypothetical_machine(words)
    found = api.fit(ModelSource(model=model), workload, lambda: stated.machine)
    screen(f"{name}.txt", api.render(found, "text", Options(width=80)))


@pytest.mark.parametrize("width", [60, 80])
def test_other_ways(width: int) -> None:
    where = load("2x4090")
    found = api.fit(ModelSource(model="qwen3-32b"), Workload(method="inference"), lambda: where)
    screen(f"fit-2x4090-qwen3-32b-{width}.txt", api.render(found, "text", Options(width=width)))


def test_methods_side_by_side() -> None:
    where = load("2x4090")
    found = api.fit_methods(ModelSource(model="qwen2.5-7b"), Workload(method="lora"), lambda: where)
    screen("fit-methods-2x4090.txt", api.render(found, "text", Options(width=80)))


def test_machines_side_by_side() -> None:
    machines = [(name, functools.partial(load, name)) for name in ("rtx3060", "2x4090", "8xh100", "gb10", "cpu-laptop")]
    found = api.fit_machines(ModelSource(model="llama-3.1-70b"), Workload(method="inference"), machines)
    screen("fit-machines.txt", api.render(found, "text", Options(width=80)))


@pytest.mark.parametrize(
    ("name", "task", "width"),
    [
        ("rtx3060", "chat", 60),
        ("rtx3060", "chat", 80),
        ("rtx3060", "chat", 160),
        ("8xh100", "code", 80),
        ("cpu-laptop", "chat", 80),
        ("cpu-laptop", "finetune", 80),
        ("gb10", "chat", 80),
    ],
)
def test_recommend(name: str, task: Task, width: int) -> None:
    found = api.recommend(lambda: load(name), task)
    screen(f"recommend-{name}-{task}-{width}.txt", api.render(found, "text", Options(width=width)))


@pytest.mark.parametrize("model", ["qwen3-8b", "Qwen/Qwen3.5-9B", "kimi-k2.6"])
def test_why_a_model_is_recommended_or_not(model: str) -> None:
    found = api.recommend(lambda: load("rtx3060"), why=model)
    name = model.rpartition("/")[2].lower()
    screen(f"recommend-why-{name}.txt", api.render(found, "text", Options(width=80)))
