"""The computed finding of a tier, beside the documented ones: from pass to fail, for the judged machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmcheck import api, catalog
from llmcheck.api.model_source import known_model
from llmcheck.catalog import profiles
from llmcheck.errors import DataError
from llmcheck.fit import computed_layer
from llmcheck.judge.evaluate import evaluate
from llmcheck.schema.machine import Driver, Machine
from llmcheck.schema.report import Finding, ProfileReport, Report
from llmcheck.whatif import parse

SPECS = catalog.gpu_specs()


def judged(name: str, words: str | Machine, skip: frozenset[str] = frozenset()) -> ProfileReport:
    profile = profiles.load(name)
    machine = parse.machine(words, SPECS).machine if isinstance(words, str) else words
    return evaluate(profile, machine, catalog.corrections(), skip, computed_layer.methods(profile, machine))


def computed(report: ProfileReport) -> Finding:
    return next(finding for finding in report.findings if finding.id == computed_layer.ID)


def test_every_documented_tier_has_a_computed_finding() -> None:
    tiers = [profile for profile in profiles.shipped() if profile.task != "general"]
    assert tiers
    for profile in tiers:
        assert profile.workload is not None
        assert profile.workload.parameters
        assert profile.workload.context


@pytest.mark.parametrize(
    ("name", "words", "status"),
    [
        ("inference-7b", "RTX 4090, 64 GB RAM", "pass"),
        ("inference-7b", "RTX 3060, 32 GB RAM", "warn"),
        ("inference-7b", "cpu, 16 GB RAM", "warn"),
        ("inference-7b", "cpu, 2 GB RAM", "fail"),
        ("inference-70b-4bit", "RTX 4090, 64 GB RAM", "warn"),
        ("inference-70b-4bit", "2x RTX 4090, 64 GB RAM", "pass"),
        ("inference-70b-4bit", "RTX 3060, 8 GB RAM", "fail"),
        ("inference-70b", "2x A100-SXM4-80GB, 512 GB RAM", "pass"),
        ("inference-70b", "A100-PCIE-40GB, 64 GB RAM", "warn"),
        ("finetune-7b", "A100-SXM4-80GB, 128 GB RAM", "warn"),
        ("finetune-7b", "2x A100-SXM4-80GB, 128 GB RAM", "pass"),
        ("finetune-7b", "RTX 2060, 64 GB RAM", "fail"),
        ("finetune-7b", "cpu, 512 GB RAM", "fail"),
        ("finetune-13b-30b", "8x H100 SXM, 2 TB RAM", "pass"),
        ("finetune-13b-30b", "RTX 3060, 64 GB RAM", "fail"),
        ("finetune-13b-30b", "2x RTX 4090, 128 GB RAM, 2 TB disk", "warn"),
        ("finetune-7b", "RTX 3060, 25 GB RAM", "warn"),
        ("finetune-7b", "RTX 2060, 2 GB RAM", "fail"),
        ("pretrain", "8x H100 SXM, 2 TB RAM", "pass"),
        ("pretrain", "RTX 2060, 64 GB RAM", "fail"),
    ],
)
def test_the_computed_finding_passes_only_where_it_fits(name: str, words: str, status: str) -> None:
    assert computed(judged(name, words)).status == status


def test_a_tier_is_not_ready_where_no_method_fits() -> None:
    """A card of the documented size that other processes fill passes as documented, but the model does not fit."""
    machine = parse.machine("RTX 4090, 4 GB RAM", SPECS).machine
    report = judged("inference-70b-4bit", machine)
    documented = next(finding for finding in report.findings if finding.id == "gpu")
    assert documented.status == "pass"
    assert computed(report).status == "fail"
    assert report.hardware == "not-ready"
    assert judged("inference-70b-4bit", machine, frozenset({computed_layer.ID})).findings
    assert computed(judged("inference-70b-4bit", machine, frozenset({computed_layer.ID}))).status == "skipped"


def test_70b_in_four_bits_on_one_gpu_reports_the_bytes_in_ram() -> None:
    finding = computed(judged("inference-70b-4bit", "RTX 4090, 64 GB RAM"))
    assert "weights 42.2 GB" in finding.message
    assert "go to RAM" in finding.message
    assert "tokens/s" in finding.message
    assert finding.remedy is not None
    assert finding.remedy.startswith("2 x RTX 4090 would be enough for 70B, q4_k_m")


def test_fine_tuning_lists_the_methods_that_fit() -> None:
    report = judged("finetune-7b", "A100-SXM4-80GB, 128 GB RAM")
    verdicts = {each.method: each.verdict for each in report.computed}
    assert verdicts == {
        "full with AdamW": "fits-with-offload", "full with 8-bit AdamW": "fits", "LoRA": "fits", "QLoRA": "fits",
    }  # fmt: skip
    assert "LoRA" in computed(report).message
    without_ram = judged("finetune-7b", "A100-SXM4-80GB, 16 GB RAM")
    assert {each.method: each.verdict for each in without_ram.computed}["full with AdamW"] == "does-not-fit"
    assert "does not" in computed(without_ram).message


def test_pretraining_reports_days_for_the_stated_tokens() -> None:
    report = judged("pretrain", "8x H100 SXM, 2 TB RAM")
    (method,) = report.computed
    assert method.gpus == 512
    assert method.days is not None
    # 6 x 70e9 x 1.4e12 FLOP on 512 cards of 989 TFLOPS: 13.4 days at full rate
    assert 13.4 / 0.55 < method.days.expected < 13.4 / 0.2
    assert "days for 1.4T tokens" in computed(report).message


def test_a_broken_driver_blocks_the_computed_finding_and_a_missing_gpu_does_not() -> None:
    machine = parse.machine("RTX 2060, 2 GB RAM", SPECS).machine
    broken = Machine(gpus=machine.gpus, ram=machine.ram, drivers={"nvidia": Driver(fault="driver-not-loaded")})
    assert computed(judged("inference-7b", broken)).status == "skipped"
    assert computed(judged("inference-7b", "cpu, 32 GB RAM")).status == "warn"


def test_a_profile_without_a_workload_has_no_computed_layer() -> None:
    report = judged("toolkit", "RTX 4090, 64 GB RAM")
    assert report.computed == ()
    assert all(finding.id != computed_layer.ID for finding in report.findings)


# --- a profile that names a model ---

NAMED = """
id = "llama-70b"
title = "Llama 3.1 70B"
task = "inference"
sources = ["test"]

[workload]
method = "inference"
model = "{model}"
context = 4096
{more}

[[require]]
id = "gpu"
kind = "gpu"
memory = "12 GB"
"""


def written(tmp_path: Path, model: str = "llama-3.1-70b", more: str = "") -> str:
    path = tmp_path / "own.toml"
    path.write_text(NAMED.format(model=model, more=more))
    return str(path)


def checked(name: str, words: str) -> Report:
    return api.check([name], lambda: parse.machine(words, SPECS).machine)


def test_the_model_that_a_profile_names_must_fit(tmp_path: Path) -> None:
    """The card passes as documented, but 70 billion weights do not fit."""
    report = checked(written(tmp_path), "RTX 4090")
    finding = next(each for each in report.profiles[0].findings if each.id == computed_layer.ID)
    assert finding.status == "fail"
    assert report.verdict == "not-ready"
    assert "llama-3.1-70b" in finding.message
    assert "typical" not in (finding.source or "")


def test_a_named_model_has_its_exact_shapes(tmp_path: Path) -> None:
    report = checked(written(tmp_path), "8x H100 SXM, 2 TB RAM")
    (method,) = report.profiles[0].computed
    known = known_model("llama-3.1-70b")
    assert known is not None
    # llama.cpp keeps the embedding in RAM, and it is counted
    assert method.weights == pytest.approx(2 * known.parameters.total, rel=1e-6)
    assert method.verdict == "fits"


def test_the_runtime_that_a_profile_names_is_the_one_that_is_computed(tmp_path: Path) -> None:
    words = "8x H100 SXM, 2 TB RAM"
    for runtime in ("llama.cpp", "transformers"):
        (found,) = checked(written(tmp_path, more=f'runtime = "{runtime}"'), words).profiles[0].computed
        assert found.plan is not None
        assert found.plan.runtime == runtime
    (open_,) = checked(written(tmp_path), words).profiles[0].computed
    assert open_.plan is not None
    assert open_.plan.runtime == "vllm"


def test_a_model_that_is_published_in_four_bits_is_not_computed_in_sixteen(tmp_path: Path) -> None:
    (method,) = checked(written(tmp_path, model="gpt-oss-20b"), "RTX 4090, 64 GB RAM").profiles[0].computed
    assert (method.method, method.verdict) == ("mxfp4", "fits")


@pytest.mark.parametrize(
    ("model", "more", "error"),
    [
        ("llama-3.1-71b", "", r"own\.toml, \[workload\]: model: there is no known model 'llama-3\.1-71b' \(did you"),
        ("llama-3.1-70b", 'runtime = "vlm"', r"own\.toml, \[workload\]: runtime: there is no runtime 'vlm' \(did you"),
    ],
)
def test_an_unknown_model_or_runtime_in_a_profile_is_refused_with_its_key(
    tmp_path: Path, model: str, more: str, error: str
) -> None:
    with pytest.raises(DataError, match=error):
        profiles.load(written(tmp_path, model, more))


@pytest.mark.parametrize(("method", "status"), [("qlora", "pass"), ("lora", "warn"), ("full", "warn")])
def test_a_profile_that_names_a_method_does_not_warn_of_one_that_needs_more(
    tmp_path: Path, method: str, status: str
) -> None:
    path = Path(written(tmp_path, "llama-3.1-8b"))
    path.write_text(path.read_text().replace('method = "inference"', f'method = "{method}"'))
    report = checked(str(path), "RTX 4080, 64 GB RAM")
    finding = computed(report.profiles[0])
    assert finding.status == status
    assert ("full" in finding.message) == (method == "full")
