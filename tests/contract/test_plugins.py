"""Every module of a family keeps to the family's contract, and the families are what we say they are.

Members come from the folders, and what a test needs of one stands in the member itself, so a new one is tested without
an edit here, but for its id in the pinned lists.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from llmcheck import api, catalog, registry
from llmcheck.catalog import profiles
from llmcheck.cli.options import OutputOptions, output_options
from llmcheck.gpus import vendors
from llmcheck.install.plan import plan_installation
from llmcheck.install.state import library_check
from llmcheck.install.torch import torch_build
from llmcheck.judge import requirements
from llmcheck.judge.difference import compare
from llmcheck.judge.evaluate import evaluate
from llmcheck.judge.listing import checks_of
from llmcheck.judge.requirements import Example, Traits
from llmcheck.probe import Reading, Request, names
from llmcheck.render import Options, format_module, format_names
from llmcheck.schema import profile
from llmcheck.schema.advice import Resolved, Verification
from llmcheck.schema.machine import Gpu, Machine
from llmcheck.schema.profile_tools import LintedProfile, LintFinding, ProfileLint
from llmcheck.schema.report import Finding, Report
from llmcheck.schema.responses import CheckList, LibraryList, ProfileList, ShownLibrary, ShownProfile
from llmcheck.system.host import Host
from tests.machines_builder import card, machine

ROOT = Path(__file__).parents[2]
KINDS = requirements.kinds()
FORMATS = format_names()
ONE_LINE = ("nagios", "slurm")
PROBES = names()
VENDORS = vendors.ids()

PINNED = {
    "requirement kinds": (
        KINDS,
        [
            "command", "container", "cpu", "cuda", "disk", "driver", "environment-variable", "fact", "file", "gpu",
            "interconnect", "kernel", "network", "package", "process", "python", "ram", "shm", "tool", "ulimit",
        ],
    ),
    "formats": (
        FORMATS,
        [
            "conda", "csv", "dockerfile", "github", "gitlab", "gitlab-dotenv", "json", "jsonl", "junit", "markdown",
            "nagios", "prometheus", "pylock", "requirements", "sarif", "sh", "slurm", "svg", "tap", "termination-log",
            "text", "toml",
        ],
    ),
    "probes": (
        PROBES,
        [
            "gpu.amd", "gpu.apple", "gpu.habana", "gpu.intel", "gpu.nvidia",
            "access", "cpu", "devices", "disk", "drives", "fabric", "limits", "memory", "model_caches", "software",
            "system",
        ],
    ),
    "vendors": (VENDORS, ["amd", "apple", "google", "habana", "intel", "nvidia"]),
    "profiles": (
        [each.id for each in profiles.shipped()],
        [
            "inference-7b", "inference-13b-30b", "inference-70b", "inference-70b-4bit", "finetune-7b",
            "finetune-13b-30b", "pretrain", "minimum", "toolkit",
            "node-nvidia-health", "node-azure-nd-h100-v5", "node-azure-nd-a100-v4", "node-aws-p5", "node-aws-p4d",
            "node-gcp-a3-high", "node-dgx-h100", "node-dgx-spark", "node-mi300x", "node-serve-8b", "node-github-runner",
        ],
    ),
}  # fmt: skip
"""What there is, and what there is meant to be."""


@pytest.mark.parametrize(("found", "pinned"), PINNED.values(), ids=PINNED)
def test_the_list_of_ids_is_exact(found: tuple[str, ...], pinned: list[str]) -> None:
    assert list(found) == pinned


def test_no_private_module_is_a_plugin() -> None:
    everything = (*KINDS, *FORMATS, *PROBES, *VENDORS)
    assert [name for name in everything if name.startswith("_") or "._" in name] == []


# --- requirement kinds ---

MACHINES = {"empty": Machine(), "looked": machine(), "one card": machine(card("RTX 4090"))}


def kind_module(kind: str) -> ModuleType:
    return requirements.module(kind)


def hold_kind(module: ModuleType) -> None:
    """Raises AssertionError, or what the module raises, unless the module is a whole requirement kind."""
    assert module.__doc__
    assert issubclass(module.Requirement, profile.Requirement)
    assert module.Requirement.__struct_config__.frozen
    assert module.Requirement.__struct_config__.forbid_unknown_fields
    assert list(inspect.signature(module.validate).parameters) == ["requirement"]
    assert list(inspect.signature(module.check).parameters) == ["requirement", "machine"]
    assert isinstance(module.TRAITS, Traits)
    example = module.EXAMPLE
    assert isinstance(example, Example)
    requirement = msgspec.convert({"id": "mine", "kind": "mine", **example.keys}, module.Requirement)
    module.validate(requirement)
    words = module.needed(requirement)
    assert isinstance(words, str)
    assert words


def example_of(kind: str, **keys: object) -> profile.Requirement:
    return requirements.decode({"id": "mine", "kind": kind, **kind_module(kind).EXAMPLE.keys, **keys}, "x")


@pytest.mark.parametrize("kind", KINDS)
def test_a_requirement_kind_is_complete(kind: str) -> None:
    hold_kind(kind_module(kind))


@pytest.mark.parametrize("missing", ["Requirement", "validate", "needed", "check", "TRAITS", "EXAMPLE", "__doc__"])
def test_an_incomplete_requirement_kind_fails(missing: str) -> None:
    """``profiles show`` would end in exit code 70 for a kind without ``needed``."""
    made = ModuleType("made", "A kind.")
    for name, value in vars(kind_module("ram")).items():
        if name in ("Requirement", "validate", "needed", "check", "TRAITS", "EXAMPLE"):
            setattr(made, name, value)
    hold_kind(made)
    if missing == "__doc__":
        made.__doc__ = None
    else:
        delattr(made, missing)
    with pytest.raises((AssertionError, AttributeError)):
        hold_kind(made)


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_of_a_kind_is_decoded_described_and_judged(kind: str) -> None:
    example: Example = kind_module(kind).EXAMPLE
    requirement = example_of(kind)
    assert type(requirement) is kind_module(kind).Requirement
    assert requirements.needed(requirement)
    judged = {"pass": example.passing, "fail": example.failing, "unknown": example.unknown}
    found = {
        status: requirements.check(requirement, where).status for status, where in judged.items() if where is not None
    }
    assert found == {status: status for status in found}


@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_of_the_example_says_what_is_missing(kind: str) -> None:
    found = requirements.check(example_of(kind), kind_module(kind).EXAMPLE.failing)
    assert found.shortfall
    assert found.shortfall in (kind_module(kind).__doc__ or "")
    assert (found.missing_bytes is None) == (found.short_by is None)


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_key_of_a_kind_is_refused(kind: str) -> None:
    with pytest.raises(Exception, match="nonsense"):
        example_of(kind, nonsense=1)


@pytest.mark.parametrize("where", MACHINES.values(), ids=MACHINES)
@pytest.mark.parametrize("level", ["required", "recommended", "info"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_check_makes_complete_findings(kind: str, level: str, where: Machine) -> None:
    found = requirements.check(example_of(kind, level=level), where)
    assert isinstance(found, Finding)
    assert (found.id, found.kind, found.level) == ("mine", kind, level)
    assert found.needed == requirements.needed(example_of(kind))
    assert found.message
    assert found.group == requirements.traits(kind).group
    assert level == "required" or found.status != "fail"
    assert found.remedy is None or found.status in ("fail", "warn", "unknown")


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_known_is_unknown_and_not_a_failure(kind: str) -> None:
    assert requirements.check(example_of(kind), Machine()).status in ("unknown", "skipped")


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_blocked_by_kinds_that_block(kind: str) -> None:
    for blocker in requirements.traits(kind).blocked_by:
        assert requirements.traits(blocker).blocks is not None


# --- vendors ---


@pytest.mark.parametrize("name", VENDORS)
def test_a_vendor_is_complete(name: str) -> None:
    module = registry.load("llmcheck.gpus.vendors", name)
    vendor = vendors.named(name)
    assert module.__doc__
    assert (vendor.id, vendor.name != "") == (name, True)
    assert vendor.platform
    assert vendor.architecture_field is None or vendor.architecture_field in Gpu.__struct_fields__
    assert [each.id for each in vendors.every() if each.platform == vendor.platform] == [name]


def test_pytorch_is_chosen_for_vendors_in_one_order() -> None:
    ranks = [vendor.torch.rank for vendor in vendors.every() if vendor.torch]
    assert len(set(ranks)) == len(ranks)


def test_the_tables_name_known_vendors_only() -> None:
    named = {each.vendor for each in catalog.gpu_specs()} | {each.vendor for each in catalog.offers()}
    assert named <= set(VENDORS)


ROOMS_THAT_NAME_VENDORS = ("gpus/vendors/", "probe/", "install/")


def compared(tree: ast.AST) -> Iterator[ast.AST]:
    """What is compared, looked up or matched in a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            yield from (node.left, *node.comparators)
        elif isinstance(node, ast.Subscript):
            yield node.slice
        elif isinstance(node, ast.MatchValue):
            yield node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            yield from node.args[:1]


def names_of_vendors(source: str) -> list[str]:
    constants = (constant for node in compared(ast.parse(source)) for constant in ast.walk(node))
    return [each.value for each in constants if isinstance(each, ast.Constant) and each.value in VENDORS]


@pytest.mark.parametrize(
    "source", ['gpu.vendor == "nvidia"', 'x in ("amd", "intel")', 'drivers.get("nvidia")', 'drivers["amd"]']
)
def test_a_comparison_with_a_vendor_is_seen(source: str) -> None:
    assert names_of_vendors(source)


def test_no_module_compares_the_name_of_a_vendor() -> None:
    package = ROOT / "llmcheck"
    found = {
        str(path.relative_to(package)): seen
        for path in package.rglob("*.py")
        if not path.relative_to(package).as_posix().startswith(ROOMS_THAT_NAME_VENDORS)
        and (seen := names_of_vendors(path.read_text(encoding="utf-8")))
    }
    assert found == {}


# --- what imports what ---

OFFENDERS = {
    "Output formats share views and nothing else": ("render/offender.py", "from llmcheck.render import text"),
    "Requirement kinds do not import each other": (
        "judge/requirements/offender.py", "from llmcheck.judge.requirements import ram",
    ),
    "GPU vendors do not import each other": ("gpus/vendors/offender.py", "from llmcheck.gpus.vendors import amd"),
}  # fmt: skip
"""By contract, a new module that breaks it."""


def test_a_plugin_that_imports_another_breaks_a_contract(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "llmcheck", tmp_path / "llmcheck", ignore=shutil.ignore_patterns("__pycache__", "data"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for path, line in OFFENDERS.values():
        (tmp_path / "llmcheck" / path).write_text(f"{line}\n", encoding="utf-8")
    code = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(cache_dir=None))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    for contract, (path, _) in OFFENDERS.items():
        assert f"{contract} BROKEN" in done.stdout.replace("\n", " "), done.stdout
        assert Path(path).stem in done.stdout
    assert "The machine never hears of a profile KEPT" in done.stdout.replace("\n", " ")


# --- formats ---


def report(informs: bool) -> Report:
    where = machine(card("RTX 3060"))
    judged = tuple(evaluate(each, where, catalog.corrections()) for each in profiles.shipped())
    return Report(
        llmcheck="0",
        created_at="2026-11-22T12:00:00+00:00",
        verdict=None if informs else "not-ready",
        exit_code=0 if informs else 1,
        profiles=judged,
        machine=where,
    )


RESOLVED = Resolved(name="transformers", version="5.23.0", url="https://example.org/t-5.23.0.whl", sha256="0" * 64)
PLAN = replace(
    plan_installation("transformers", ["transformers"], machine(), catalog.tables()),
    verification=(
        Verification(environment="shared", status="resolved", resolver="uv", message="1", packages=(RESOLVED,)),
    ),
)
LINTED = LintedProfile(profile="x.toml", requirements=1, findings=(LintFinding(code="empty", message="nothing"),))
VALUES: dict[str, object] = {
    "datasets": api.datasets(),
    "dataset": api.dataset("the-stack-v2"),
    "resources": api.resources(),
    "tables": api.table_ages(),
    "checklist": api.checklist("finetune-7b", lambda: machine(card("RTX 3060")), datasets=["dolma"], grid="DEU"),
    "machine": machine(card("RTX 3060")),
    "report": report(informs=False),
    "overview": report(informs=True),
    "plan": PLAN,
    "torch": torch_build(machine(card("V100")), catalog.torch_wheels(), catalog.cuda_drivers()),
    "check": library_check(catalog.libraries().values(), machine(), named=False),
    "offers": api.offers("inference-7b"),
    "profiles": ProfileList(profiles=profiles.shipped()),
    "profile": ShownProfile(profile=profiles.load("pretrain"), corrections=catalog.corrections()),
    "libraries": LibraryList(libraries=tuple(catalog.libraries().values())),
    "difference": api.profile_difference("inference-7b", "pretrain"),
    "page": api.profile_page(["finetune-7b", "pretrain"]),
    "lint": ProfileLint(profiles=(LINTED,), exit_code=1),
    "draft": api.drafted_profile(lambda: machine(card("RTX 3060")), "mine", "Mine"),
    "explanation": api.explain("gpu"),
    "checks": CheckList(checks=checks_of(profiles.load("pretrain"))),
    "change": compare(report(informs=False), replace(report(informs=False), machine=machine(card("V100")))),
    "library": ShownLibrary(library=catalog.libraries()["vllm"], corrections=catalog.corrections()),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_has_render_and_a_line_about_itself(name: str) -> None:
    module = format_module(name)
    assert len(inspect.signature(module.render).parameters) == 2
    assert module.__doc__
    assert isinstance(module.FILE_NAMES, tuple)
    assert module.FILE_NAMES


def test_no_two_formats_share_a_pattern_of_file_names() -> None:
    patterns = [each for name in FORMATS for each in format_module(name).FILE_NAMES]
    assert len(set(patterns)) == len(patterns)


@pytest.mark.parametrize("name", FORMATS)
def test_the_name_of_the_output_file_chooses_the_format(name: str) -> None:
    @click.command()
    @output_options("text", *(each for each in FORMATS if each != "text"))
    def command(output_options: OutputOptions) -> None:
        click.echo(output_options.format)

    for pattern in format_module(name).FILE_NAMES:
        done = CliRunner().invoke(command, ["--output", f"folder/{pattern.replace('*', 'a')}"])
        assert done.output == f"{name}\n", pattern
    refused = CliRunner().invoke(command, ["--output", "a.unknown"])
    assert (refused.exit_code, "no format has the ending .unknown" in refused.output) == (2, True)
    assert CliRunner().invoke(command, ["--output", "without-ending"]).output == "text\n"
    assert CliRunner().invoke(command, ["--output", "a.json", "--format", name]).output == f"{name}\n"


def written_by(name: str) -> dict[str, str]:
    """What a format writes of each value; a format refuses with TypeError what it is not for."""
    module, written = format_module(name), {}
    for value in VALUES:
        try:
            written[value] = module.render(VALUES[value], Options())
        except TypeError:
            continue
        assert module.render(VALUES[value], Options()) == written[value]
    return written


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_writes_every_value_or_one_kind_alone(name: str) -> None:
    assert set(written_by(name)) in ({"plan"}, {"report"}, {"draft"}, {"offers"}, set(VALUES))


@pytest.mark.parametrize("name", FORMATS)
def test_what_a_format_writes_ends_its_last_line(name: str) -> None:
    for value, text in written_by(name).items():
        assert text.endswith("\n"), value
        assert (len(text.splitlines()) == 1) == (name in ONE_LINE), value


def test_json_and_the_formats_for_people_write_every_value() -> None:
    assert all(set(written_by(name)) == set(VALUES) for name in ("json", "markdown", "svg", "text"))


# --- probes ---


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_answers_over_an_empty_machine(name: str, tmp_path: Any) -> None:
    module = registry.load("llmcheck.probe", name)
    assert module.__doc__
    said = module.probe(Host(str(tmp_path), {}), Request())
    readings = [said] if isinstance(said, Reading) else list(said)
    assert readings
    assert all(isinstance(each, Reading) for each in readings)
    assert readings[-1].gpus in ((), None)


def test_options_are_one_value_that_no_format_can_change() -> None:
    with pytest.raises((AttributeError, dataclasses.FrozenInstanceError)):
        Options().width = 1  # type: ignore[misc]  # it is frozen
